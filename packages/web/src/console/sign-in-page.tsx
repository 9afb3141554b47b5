/** Sign-in; and, after a one-time password, the choice of a password of one's own. */
import { ProblemResponse } from '@sitelift/contract/client.ts';
import { routes } from '@sitelift/contract/routes.ts';
import type { AccountView } from '@sitelift/contract/views.ts';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState, type FormEvent, type ReactNode } from 'react';
import { ActionButton } from '../ui/action-button.tsx';
import { client, meQuery, queryClient } from './api.ts';
import { usePageTitle } from './page-parts.tsx';

const MIN_PASSWORD = 12;

function Field({
  label,
  name,
  type,
  autoComplete,
  hint,
  minLength,
  starts = false,
}: {
  readonly label: string;
  readonly name: string;
  readonly type: string;
  readonly autoComplete: string;
  readonly hint?: string;
  readonly minLength?: number;
  /** The field to begin with. */
  readonly starts?: boolean;
}) {
  return (
    <label className="mt-3 block">
      <span className="text-xs font-medium text-fg2">{label}</span>
      <input
        name={name}
        type={type}
        autoComplete={autoComplete}
        required
        minLength={minLength}
        autoFocus={starts}
        className="mt-1 h-9 w-full rounded-md border border-line2 bg-bg px-3 text-base"
      />
      {hint !== undefined && <span className="mt-1 block text-xs text-fg3">{hint}</span>}
    </label>
  );
}

function Card({
  title,
  error,
  busy,
  action,
  onSubmit,
  children,
}: {
  readonly title: string;
  readonly error: string | null;
  readonly busy: boolean;
  readonly action: string;
  readonly onSubmit: (data: FormData) => void;
  readonly children: ReactNode;
}) {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onSubmit(new FormData(event.currentTarget));
  };
  const heading = usePageTitle(title);
  return (
    <main className="grid min-h-dvh place-items-center p-4">
      <form onSubmit={submit} className="w-full max-w-sm rounded-xl border border-line bg-panel p-6">
        <img src="/icon.svg" alt="" width="28" height="28" />
        <h1 ref={heading} tabIndex={-1} className="mt-3 text-xl font-semibold">
          {title}
        </h1>
        {children}
        {error !== null && (
          <p role="alert" className="mt-3 text-sm text-fail">
            {error}
          </p>
        )}
        <ActionButton type="submit" look="primary" size="large" isDisabled={busy} className="mt-5 w-full">
          {action}
        </ActionButton>
      </form>
    </main>
  );
}

function value(data: FormData, name: string): string {
  const found = data.get(name);
  return typeof found === 'string' ? found : '';
}

function sentence(error: unknown): string {
  if (error instanceof ProblemResponse) return error.problem.detail ?? error.problem.title;
  return error instanceof Error ? error.message : 'The server did not answer';
}

export function SignInPage() {
  const me = useQuery(meQuery);
  const navigate = useNavigate();
  const { to } = useSearch({ from: '/sign-in' });
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [oneTime, setOneTime] = useState('');

  const tryTo = async (work: () => Promise<AccountView>): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const account = await work();
      queryClient.setQueryData(meQuery.queryKey, account);
      if (!account.mustChangePassword) await navigate({ to: to ?? '/' });
    } catch (problem) {
      setError(sentence(problem));
    } finally {
      setBusy(false);
    }
  };

  if (me.data?.mustChangePassword === true) {
    const change = (data: FormData): void => {
      const current = oneTime === '' ? value(data, 'current') : oneTime;
      void tryTo(() => client.call(routes.changePassword, { body: { current, next: value(data, 'next') } }));
    };
    return (
      <Card
        title="Choose a password of your own"
        action="Save and go on"
        error={error}
        busy={busy}
        onSubmit={change}
      >
        <p className="mt-2 text-fg2">The one you signed in with works only once.</p>
        {oneTime === '' && (
          <Field
            label="The one-time password"
            name="current"
            type="password"
            autoComplete="current-password"
          />
        )}
        <Field
          label="New password"
          name="next"
          type="password"
          autoComplete="new-password"
          hint={`At least ${MIN_PASSWORD} characters`}
          minLength={MIN_PASSWORD}
          starts={oneTime !== ''}
        />
      </Card>
    );
  }
  const signIn = (data: FormData): void => {
    const password = value(data, 'password');
    setOneTime(password);
    void tryTo(() => client.call(routes.signIn, { body: { email: value(data, 'email'), password } }));
  };
  return (
    <Card
      key="sign-in"
      title="Sign in to Sitelift"
      action="Sign in"
      error={error}
      busy={busy}
      onSubmit={signIn}
    >
      <Field label="E-mail" name="email" type="email" autoComplete="username" starts />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="current-password"
        hint="At its first start the server prints a one-time password for admin@sitelift.local."
      />
    </Card>
  );
}
