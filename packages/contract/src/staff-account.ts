/** Accounts of staff, as an administrator sees, makes and changes them. Nothing here ever holds a password that somebody chose. */
import { z } from 'zod';
import { InstantSchema, STAFF_ROLES } from './views.ts';

/** It stands in a path too (`/accounts/:account`), where a part may have 200 characters, encoded. */
const EMAIL_CHARS = 150;

export const NewAccountSchema = z.strictObject({
  email: z.email('an e-mail address').max(EMAIL_CHARS),
  name: z.string().trim().min(1).max(200),
  role: z.enum(STAFF_ROLES),
});

/** What is left out stays as it is. */
export const AccountChangeSchema = z
  .strictObject({
    role: z.enum(STAFF_ROLES).optional(),
    disabled: z.boolean().optional(),
    /** A new one-time password in place of whatever opened the account. */
    newPassword: z.literal(true).optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'nothing to change');
export type AccountChange = z.infer<typeof AccountChangeSchema>;

export const StaffAccountSchema = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(STAFF_ROLES),
  /** It has a one-time password, which opens nothing but its replacement. */
  mustChangePassword: z.boolean(),
  createdAt: InstantSchema,
  disabledAt: InstantSchema.nullable(),
  /** Of whoever sits at the server's machine: nobody signs in to it, and it counts as nobody where two people are needed. */
  machine: z.boolean(),
});
export type StaffAccountView = z.infer<typeof StaffAccountSchema>;

/** The password is shown here, once, and is nowhere else to be had. */
export const NewAccountAnswerSchema = z.object({ account: StaffAccountSchema, oneTimePassword: z.string() });
/** `oneTimePassword` is null unless one was asked for. */
export const AccountChangeAnswerSchema = z.object({
  account: StaffAccountSchema,
  oneTimePassword: z.string().nullable(),
});
