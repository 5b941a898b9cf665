/** How looks at databases are read, whatever the engine. */
import * as z from 'zod';
import { databaseDefaultsSchema } from '../../domain/contents.ts';
import type { Look, SeenTable } from '../record.ts';

const seenLine = z.object({
  table: z.string(),
  shape: z.string().regex(/^[0-9a-f]{16}$/u),
  guess: z.number().nullable().optional(),
  touched: z.number().nullable().optional(),
});
const countedLine = z.object({ counted: z.string(), rows: z.int().min(0) });
const begunLine = z.object({ begun: z.number() });

/** All complete lines; the last one may be cut, because a look may be. */
export function parseLookLines(stdout: string): Look {
  const tables = new Map<string, SeenTable>();
  const ambiguous = new Set<string>();
  let begunAt: number | undefined;
  let defaults: Look['defaults'];
  for (const line of stdout.slice(0, stdout.lastIndexOf('\n') + 1).split('\n')) {
    if (!line.startsWith('{')) continue;
    const value: unknown = JSON.parse(line);
    const begun = begunLine.safeParse(value);
    if (begun.success) {
      begunAt = begun.data.begun;
      continue;
    }
    const told = databaseDefaultsSchema.safeParse(value);
    if (told.success) {
      defaults = told.data;
      continue;
    }
    const counted = countedLine.safeParse(value);
    if (counted.success) {
      const { counted: name, rows } = counted.data;
      const seen = tables.get(name);
      if (seen) tables.set(name, { ...seen, rows, isExact: true });
      continue;
    }
    const { table: name, shape, guess, touched } = seenLine.parse(value);
    const rows = guess === null || guess === undefined ? {} : { rows: Math.max(0, Math.round(guess)) };
    // A dot in a name makes two tables look like one: neither is recorded.
    if (tables.has(name)) ambiguous.add(name);
    tables.set(name, { name, shape, ...rows, isExact: false, ...(typeof touched === 'number' ? { touchedAt: touched } : {}) });
  }
  return { begunAt, defaults, tables: [...tables.values()].filter(({ name }) => !ambiguous.has(name)) };
}
