/** Pieces of row schemas: how a column becomes a value. */
import { evidenceSchema, failureSchema } from '@holdfast/shared/domain/run.ts';
import type Database from 'better-sqlite3';
import * as z from 'zod';

/** NULL is a missing value. */
export function optional<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return z.union([schema, z.null().transform(() => undefined)]);
}

/** 0 or 1. */
export const flag = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1);

/** JSON in TEXT, then the shape inside. */
export function json<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue('is not JSON');
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** JSON for a column; undefined stays NULL. Control characters and lone surrogates are escaped, so any text survives. */
export function toJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

export const counted = z.object({ count: z.int() });

/** A name folded for order, search and comparison: compatibility forms and case do not matter. */
export function foldName(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** Gives SQL the same as `fold_name(text)`, for texts that are searched without being stored folded. */
export function registerFoldName(db: Database.Database): void {
  db.function('fold_name', { deterministic: true }, (text: unknown) => foldName(String(text)));
}

/** What is stored was checked when it came in; a text that is longer than today's limit must still be readable. */
export const storedFailure = failureSchema.extend({ message: z.string(), reason: z.string().optional() });
export const storedEvidence = z.array(evidenceSchema.extend({ seen: z.string() }));
