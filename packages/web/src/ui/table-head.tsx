/** The head of a table: what each column holds, said once. */

export function TableHead({ columns }: { readonly columns: readonly string[] }) {
  return (
    <thead>
      <tr className="border-b border-line text-left text-xs text-fg3">
        {columns.map((column) => (
          <th key={column} scope="col" className="py-2 pr-4 font-medium whitespace-nowrap first:pl-4">
            {column}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** More rows than this are no list that anybody reads, and slow to draw. */
export const MAX_ROWS = 300;

export function MoreRows({ hidden, how }: { readonly hidden: number; readonly how: string }) {
  if (hidden <= 0) return null;
  return (
    <p className="num px-4 py-3 text-fg2">
      {hidden} more. {how}
    </p>
  );
}
