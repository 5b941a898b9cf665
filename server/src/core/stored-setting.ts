/** What an operator set for the whole installation, stored as one JSON text a key. */
import { createHash } from 'node:crypto';
import { AppError } from '@holdfast/shared/errors.ts';
import type * as z from 'zod';
import { createFieldsError } from './adapters/adapter-input.ts';
import { recordAct } from './audit.ts';
import type { AuditAction } from './audit-actions.ts';
import type { Caller } from './caller.ts';
import type { CoreContext } from './ports.ts';

export interface StoredSetting<Schema extends z.ZodType> {
  key: string;
  /** Takes `{}`, which is what stands for a setting that nobody has touched. */
  schema: Schema;
  /** What people call it in the audit. */
  name: string;
  /** Of the audit row that tells of a change: `thresholds.updated`. */
  action: AuditAction;
}

/** So many bytes of a hash are a number that JSON carries whole. */
const VERSION_BYTES = 6;

export async function readSetting<Schema extends z.ZodType>(
  { store }: Pick<CoreContext, 'store'>,
  setting: StoredSetting<Schema>,
): Promise<z.infer<Schema>> {
  return parseStored(setting, await store.settings.findSetting(setting.key));
}

function parseStored<Schema extends z.ZodType>({ schema }: StoredSetting<Schema>, text: string | undefined): z.infer<Schema> {
  return schema.parse(JSON.parse(text ?? '{}'));
}

/** What its content comes to: another content has another version. It says nothing of which is the newer. */
export function findSettingVersion<Schema extends z.ZodType>(
  { schema }: Pick<StoredSetting<Schema>, 'schema'>,
  value: unknown,
): number {
  // By way of the text that is stored, and in the order of the schema, so that saved and read are the same.
  const content = JSON.stringify(schema.parse(JSON.parse(JSON.stringify(value))));
  return createHash('sha256').update(content).digest().readUIntBE(0, VERSION_BYTES);
}

/** `conflict` unless the content is the one that the version stands for; undefined stands for any. */
export function demandVersion<Schema extends z.ZodType>(
  setting: StoredSetting<Schema>,
  content: z.infer<Schema>,
  version: number | undefined,
): void {
  if (version !== undefined && findSettingVersion(setting, content) !== version) throw createStaleError(setting, content);
}

function createStaleError<Schema extends z.ZodType>(setting: StoredSetting<Schema>, content: z.infer<Schema>): AppError {
  return new AppError(
    'conflict',
    `somebody else changed the ${setting.name} meanwhile; look at them again and repeat the change`,
    {
      details: { field: 'version', current: findSettingVersion(setting, content) },
    },
  );
}

/** Throws `invalid` naming the first field at fault. */
export function parseSetting<Schema extends z.ZodType>({ key, schema }: StoredSetting<Schema>, wanted: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(wanted);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw createFieldsError({ [issue?.path.join('.') || key]: issue?.message ?? 'is not well-formed' });
}

/**
 * Replaces what `before` said; `conflict` where something else is stored meanwhile, so that of two who save at once none loses
 * unheard. `told` is what the audit says of the change; all of it where it is not given.
 */
export async function writeSetting<Schema extends z.ZodType>(
  context: CoreContext,
  caller: Caller,
  setting: StoredSetting<Schema>,
  change: { before: z.infer<Schema>; after: z.infer<Schema> },
  told: Readonly<Record<'before' | 'after', unknown>> = change,
): Promise<void> {
  const { key, name, action } = setting;
  const { settings } = context.store;
  const stored = await settings.findSetting(key);
  demandVersion(setting, parseStored(setting, stored), findSettingVersion(setting, change.before));
  if (!(await settings.exchangeSetting(key, stored, JSON.stringify(change.after))))
    throw createStaleError(setting, await readSetting(context, setting));
  await recordAct(context, caller, { action, target: { kind: 'settings', id: key, name }, change: told });
}
