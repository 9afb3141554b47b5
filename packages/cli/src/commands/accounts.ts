/** `account`: who of staff may come in, and how far. For administrators; a one-time password is printed once. */
import { routes } from '@sitelift/contract/routes.ts';
import type { AccountChange, StaffAccountView } from '@sitelift/contract/staff-account.ts';
import { STAFF_ROLES, type StaffRole } from '@sitelift/contract/views.ts';
import type { Command } from 'commander';
import { CommandFailure, EXIT, print, type CommandContext } from '../command-context.ts';
import { day, plain, table } from '../terminal.ts';

const ROLES = STAFF_ROLES.join(', ');

function roleOf(text: string): StaffRole {
  const role = STAFF_ROLES.find((known) => known === text);
  if (role === undefined) throw new CommandFailure(`there is no role ${text}; known: ${ROLES}`, EXIT.usage);
  return role;
}

function stateOf(account: StaffAccountView): string {
  if (account.disabledAt !== null) return `disabled since ${day(account.disabledAt)}`;
  if (account.machine) return 'this machine';
  return account.mustChangePassword ? 'one-time password' : 'enabled';
}

/** Says what the password is for; the CLI itself asks for the new one at the first sign-in. */
function toldPassword(email: string, password: string): string {
  return `One-time password: ${password}\n(it is not shown again; \`sitelift login ${plain(email)}\` asks for one of their own)`;
}

async function change(
  context: CommandContext,
  account: string,
  body: AccountChange,
  told: (account: StaffAccountView) => string,
): Promise<void> {
  const answer = await (await context.client()).call(routes.changeAccount, { params: { account }, body });
  print(context, answer, (value) =>
    value.oneTimePassword === null
      ? told(value.account)
      : `${told(value.account)}\n${toldPassword(value.account.email, value.oneTimePassword)}`,
  );
}

const ACCOUNT = ['<account>', 'its e-mail address, or its id'] as const;

export function addAccountCommands(program: Command, context: CommandContext): void {
  const account = program.command('account').description('accounts of staff');
  account
    .command('list')
    .description('every account')
    .action(async () => {
      const { accounts } = await (await context.client()).call(routes.listAccounts);
      print(context, accounts, (all) =>
        table(
          ['E-MAIL', 'NAME', 'ROLE', 'STATE', 'SINCE', 'ID'],
          all.map((each) => [
            plain(each.email),
            plain(each.name),
            each.role,
            stateOf(each),
            day(each.createdAt),
            each.id,
          ]),
        ),
      );
    });
  account
    .command('create')
    .description('make an account; its one-time password is shown once')
    .argument('<email>')
    .requiredOption('--role <role>', `one of ${ROLES}`)
    .option('--name <name>', 'as others see it (else the part before the @)')
    .action(async (email: string, options: { role: string; name?: string }) => {
      const [local = email] = email.split('@');
      const body = { email, name: options.name ?? local, role: roleOf(options.role) };
      const created = await (await context.client()).call(routes.createAccount, { body });
      print(
        context,
        created,
        (value) =>
          `${plain(value.account.email)} is ${value.account.role}.\n${toldPassword(value.account.email, value.oneTimePassword)}`,
      );
    });
  account
    .command('disable')
    .description('end the sessions and tokens of an account, and let it in no more')
    .argument(...ACCOUNT)
    .action((named: string) =>
      change(
        context,
        named,
        { disabled: true },
        ({ email }) => `${plain(email)} is disabled; its sessions and tokens ended.`,
      ),
    );
  account
    .command('enable')
    .description('let a disabled account in again, with the password that it had')
    .argument(...ACCOUNT)
    .action((named: string) =>
      change(
        context,
        named,
        { disabled: false },
        ({ email }) => `${plain(email)} is enabled; tokens are to be made anew.`,
      ),
    );
  account
    .command('role')
    .description('change the role of an account; a lower one ends its sessions and tokens')
    .argument(...ACCOUNT)
    .argument('<role>', `one of ${ROLES}`)
    .action((named: string, role: string) =>
      change(context, named, { role: roleOf(role) }, (value) => `${plain(value.email)} is ${value.role}.`),
    );
  account
    .command('reset-password')
    .description('end the sessions of an account and give it a new one-time password, shown once')
    .argument(...ACCOUNT)
    .action((named: string) =>
      change(
        context,
        named,
        { newPassword: true },
        ({ email }) => `The password of ${plain(email)} is replaced.`,
      ),
    );
}
