/**
 * How an instance binds `proxy: haproxy`. Everything here ends up in a map file or in a command of one line on the admin
 * socket, so each word is held to characters that mean nothing there.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { plainPathSchema } from '../config-words.ts';

const socketSchema = plainPathSchema.max(107, 'the path of a unix socket holds 107 bytes');
const hostSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'a host name in lower case, without a port');
const backendSchema = z.string().regex(/^[A-Za-z0-9_.-]+$/, 'the name of a backend in haproxy.cfg');
const headerSchema = z.string().regex(/^[a-z0-9-]+$/, 'the name of a header in lower case');

export const haproxyConfigSchema = z
  .strictObject({
    /** `stats socket … level admin`. */
    socket: socketSchema,
    /** The directory of `maint.map` and `backend.map`, unless these are named themselves. */
    mapsDir: plainPathSchema.optional(),
    /** Exactly as they stand in haproxy.cfg: HAProxy knows its maps by these paths. */
    maintMap: plainPathSchema.optional(),
    backendMap: plainPathSchema.optional(),
    /** The site's name in both maps; default: the host of the instance's address. */
    host: hostSchema.optional(),
    /** Slot -> backend. One entry: there is nothing to switch. */
    backends: z
      .record(z.string(), backendSchema)
      .refine((slots) => Object.keys(slots).length > 0, 'at least one slot'),
    /** Where users come in; the site is looked at from there. */
    frontend: z.url({ protocol: /^https?$/, error: 'an http or https address' }),
    /** The header that only our maintenance page carries. */
    marker: headerSchema.default('x-sitelift-maintenance'),
    /** The header in which HAProxy names the backend that answered, where it is told to. */
    backendHeader: headerSchema.default('x-sitelift-backend'),
  })
  .transform((config, context) => {
    const { mapsDir, ...rest } = config;
    const maintMap = rest.maintMap ?? (mapsDir === undefined ? undefined : join(mapsDir, 'maint.map'));
    const backendMap = rest.backendMap ?? (mapsDir === undefined ? undefined : join(mapsDir, 'backend.map'));
    if (maintMap === undefined || backendMap === undefined) {
      const path = [maintMap === undefined ? 'maintMap' : 'backendMap'];
      context.issues.push({ code: 'custom', message: 'missing: name it, or mapsDir', path, input: config });
      return z.NEVER;
    }
    return { ...rest, maintMap, backendMap };
  });

export type HaproxyConfig = z.infer<typeof haproxyConfigSchema>;
