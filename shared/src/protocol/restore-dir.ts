/** The directory below which a host proposes that restores write. */
import * as z from 'zod';
import { TEXT } from '../limits.ts';

export const restoreDirSchema = z
  .string()
  .max(TEXT.pathChars)
  .regex(/^\/[^\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]*$/u, 'must be an absolute path on one line');
