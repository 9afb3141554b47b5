/** A button with a verb on it. One look for each weight; at most one `primary` in a view. */
import { Button, type ButtonProps } from 'react-aria-components';

const LOOKS = {
  plain: 'border border-line2 bg-raised text-fg hover:bg-hover',
  primary: 'bg-pri font-medium text-onpri hover:opacity-90',
  danger: 'border border-line2 bg-fail-bg text-fail hover:border-fail',
  quiet: 'text-fg2 hover:bg-hover hover:text-fg',
} as const;

const SIZES = { small: 'h-8 px-3 text-sm', large: 'h-9 px-4 text-base' } as const;

export function ActionButton({
  look = 'plain',
  size = 'small',
  className = '',
  ...props
}: Omit<ButtonProps, 'className'> & {
  readonly look?: keyof typeof LOOKS;
  readonly size?: keyof typeof SIZES;
  readonly className?: string;
}) {
  return (
    <Button
      {...props}
      className={`inline-flex items-center justify-center gap-2 rounded-md whitespace-nowrap disabled:opacity-50 ${SIZES[size]} ${LOOKS[look]} ${className}`}
    />
  );
}
