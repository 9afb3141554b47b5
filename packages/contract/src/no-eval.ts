/**
 * For pages: zod tries once whether it may build functions out of text, and the content security policy reports the try.
 * Imported before anything that makes a schema.
 */
import { z } from 'zod';

z.config({ jitless: true });
