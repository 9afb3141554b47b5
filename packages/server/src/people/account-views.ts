/** Accounts of staff as others see them; and which one of them is nobody's. */
import type { StaffAccountView } from '@sitelift/contract/staff-account.ts';
import type { StaffRole } from '@sitelift/contract/views.ts';
import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { LOCAL_EMAIL } from './first-account.ts';

interface StaffRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: StaffRole;
  readonly must_change_password: boolean;
  readonly created_at: Date;
  readonly disabled_at: Date | null;
}

function view(row: StaffRow): StaffAccountView {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    mustChangePassword: row.must_change_password,
    createdAt: row.created_at.toISOString(),
    disabledAt: row.disabled_at?.toISOString() ?? null,
    machine: row.email === LOCAL_EMAIL,
  };
}

/** Every account, also those that are disabled: the record names them. */
export async function listAccounts(db: Database | Transaction): Promise<StaffAccountView[]> {
  const { rows } = await sql<StaffRow>`
    select id, email, name, role, must_change_password, created_at, disabled_at from account order by email`.execute(
    db,
  );
  return rows.map(view);
}

/** By id or by e-mail address, in any case. */
export async function findStaffAccount(
  db: Database | Transaction,
  named: string,
): Promise<StaffAccountView | null> {
  const { rows } = await sql<StaffRow>`
    select id, email, name, role, must_change_password, created_at, disabled_at from account
     where id = ${named} or email = ${named.trim().toLowerCase()}`.execute(db);
  const [row] = rows;
  return row === undefined ? null : view(row);
}

/** The account of whoever sits at this machine (`local-token.ts`); null before the first start. */
export async function machineAccountId(db: Database | Transaction): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`select id from account where email = ${LOCAL_EMAIL}`.execute(db);
  return rows[0]?.id ?? null;
}
