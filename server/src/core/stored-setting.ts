/** What an operator set for the whole installation, stored as one JSON text a key. */
import type * as z from 'zod';
import { createFieldsError } from './adapter-input.ts';
import { recordAct } from './audit.ts';
import type { Caller } from './caller.ts';
import type { CoreContext } from './ports.ts';

export interface StoredSetting<Schema extends z.ZodType> {
  key: string;
  /** Takes `{}`, which is what stands for a setting that nobody has touched. */
  schema: Schema;
  /** What people call it in the audit. */
  name: string;
  /** Of the audit row that tells of a change: `thresholds.updated`. */
  action: string;
}

export async function readSetting<Schema extends z.ZodType>(
  { store }: Pick<CoreContext, 'store'>,
  { key, schema }: StoredSetting<Schema>,
): Promise<z.infer<Schema>> {
  return schema.parse(JSON.parse((await store.settings.findSetting(key)) ?? '{}'));
}

/** Throws `invalid` naming the first field at fault. */
export function parseSetting<Schema extends z.ZodType>({ key, schema }: StoredSetting<Schema>, wanted: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(wanted);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw createFieldsError({ [issue?.path.join('.') || key]: issue?.message ?? 'is not well-formed' });
}

/** `told` is what the audit says of the change; all of it where it is not given. */
export async function writeSetting<Schema extends z.ZodType>(
  context: CoreContext,
  caller: Caller,
  { key, name, action }: StoredSetting<Schema>,
  change: { before: z.infer<Schema>; after: z.infer<Schema> },
  told: Readonly<Record<'before' | 'after', unknown>> = change,
): Promise<void> {
  await context.store.settings.putSetting(key, JSON.stringify(change.after));
  await recordAct(context, caller, { action, target: { kind: 'settings', id: key, name }, change: told });
}
