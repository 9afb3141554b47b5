/**
 * Was it the way to the database that failed, and not what was asked of it? A restart, a failover or a killed session is no
 * defect of ours: what was under way is looked at again and goes on. Whatever is not surely of this kind counts as a defect.
 */

/** SQLSTATE: class 08 is the connection; 57P01 to 57P05 say that the server ends it or is not ready; 53300, no room. */
const SQLSTATE = /^(08...|57P0[1-5]|53300)$/;
const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
/** `pg` says these without a code. */
const SAID =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/;

export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // Its unix socket is gone; any other missing file is something else.
  const socketGone = code === 'ENOENT' && 'syscall' in error && error.syscall === 'connect';
  if (SQLSTATE.test(code) || SYSTEM.has(code) || socketGone || SAID.test(error.message)) return true;
  return isConnectionLost(error.cause);
}
