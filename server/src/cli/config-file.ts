/** Config as code: one YAML or JSON file that says which sources, repositories, plans, policies, shared schedules and channels there are. */
import { REPOSITORY_ADAPTERS, SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { createConfigSchema, type Field } from '@holdfast/shared/adapters/field.ts';
import { configSchema, nameSchema, planOptionsChangeSchema, runsAtOnceSchema, tagSchema } from '@holdfast/shared/domain/plan.ts';
import { DRILLS_SAY_WHEN, planDrillsSchema } from '@holdfast/shared/domain/plan-drills.ts';
import { retentionPolicySchema } from '@holdfast/shared/domain/retention-policy.ts';
import { scheduleSchema } from '@holdfast/shared/domain/schedule.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import { LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { createUsageError } from './exit.ts';

const ENTRIES_MAX = 5000;
const FILE_CHARS_MAX = 4 * 1024 * 1024;

/** Secrets never stand in the file: it is made to be kept in version control. */
const secretReference = z
  .string()
  .max(4096)
  .regex(/^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/, 'must be a reference: env:NAME or file:PATH, never the secret itself');
const secretsSchema = z.record(z.string().max(64), secretReference);

const kind = z.string().min(1).max(32);
const entry = { name: nameSchema, kind, config: configSchema.default({}), secrets: secretsSchema.default({}) };

const policySchema = z.strictObject({
  name: nameSchema,
  description: z.string().max(2000).default(''),
  policy: retentionPolicySchema,
});
const scheduleEntrySchema = z.strictObject({
  name: nameSchema,
  description: z.string().max(2000).default(''),
  schedule: scheduleSchema,
});
const repositorySchema = z.strictObject({ ...entry, runsAtOnce: runsAtOnceSchema.optional() });
const sourceSchema = z.strictObject({ ...entry, host: nameSchema, enabled: z.boolean().default(true) });
/** A word of the server's own lists, which it checks. */
const word = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z_.]*$/, 'must be a word of small letters');
const words = z.array(word).max(100).default([]);
/** As the API has it, with plans by name. */
const subscriptionSchema = z.strictObject({
  least: word.default('notice'),
  conditions: words,
  plans: z.array(nameSchema).max(100).default([]),
  tags: z.array(tagSchema).max(100).default([]),
  runs: words,
  digests: words,
  acts: words,
});
export const USUAL_SUBSCRIPTION = subscriptionSchema.parse({});

const channelSchema = z.strictObject({
  ...entry,
  enabled: z.boolean().default(true),
  /** What is there stays, if left out. */
  subscription: subscriptionSchema.optional(),
});
/** As the API has them, with the host of drills by name; what is left out is as usual, so nothing is `null`. */
const planOptionsSchema = z.strictObject({
  ...planOptionsChangeSchema.shape,
  drills: z
    .strictObject({ ...planDrillsSchema.shape, host: nameSchema.optional() })
    .refine(...DRILLS_SAY_WHEN)
    .exactOptional(),
});
const planSchema = z.strictObject({
  name: nameSchema,
  repository: nameSchema,
  sources: z.array(z.string().min(1).max(300)).min(1).max(RUNS.partsPerRun),
  schedule: scheduleSchema.optional(),
  sharedSchedule: nameSchema.optional(),
  enabled: z.boolean().default(true),
  options: planOptionsSchema.default({}),
  retentionPolicy: nameSchema.optional(),
  copyRepository: nameSchema.optional(),
  copyPolicy: nameSchema.optional(),
});

const listOf = <T extends z.ZodType>(schema: T) => z.array(schema).max(ENTRIES_MAX).optional();

const configFileSchema = z.strictObject({
  version: z.literal(1),
  policies: listOf(policySchema),
  schedules: listOf(scheduleEntrySchema),
  repositories: listOf(repositorySchema),
  sources: listOf(sourceSchema),
  channels: listOf(channelSchema),
  plans: listOf(planSchema),
});
export type ConfigFile = z.infer<typeof configFileSchema>;

/**
 * Reads the text of a file. Every fault is named with its place, all of them at once; nothing has been sent anywhere.
 * @throws CliError `usage`
 */
export function parseConfigFile(text: string, path: string): ConfigFile {
  if (text.length > FILE_CHARS_MAX) throw createUsageError(`${path} is larger than 4 MiB`);
  const lines = new LineCounter();
  const document = parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: true, lineCounter: lines });
  const [fault] = document.errors;
  if (fault !== undefined) throw createUsageError(`${path}: ${fault.message.split('\n')[0]}`);
  // Aliases may grow without bound; a file that repeats itself is written out.
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  const parsed = configFileSchema.safeParse(value);
  if (!parsed.success) throw createUsageError(describeIssues(path, parsed.error.issues));
  const faults = [...findAdapterFaults(parsed.data), ...findNameFaults(parsed.data)];
  if (faults.length > 0) throw createUsageError(faults.map((one) => `${path}: ${one}`).join('\n'));
  return parsed.data;
}

function describeIssues(path: string, issues: readonly z.core.$ZodIssue[]): string {
  return issues
    .slice(0, 50)
    .map((issue) => {
      const place = formatPlace(issue.path);
      if (issue.code === 'unrecognized_keys')
        return `${path}: ${place}${place === '' ? '' : ': '}unknown: ${issue.keys.join(', ')}`;
      return `${path}: ${place}: ${issue.message}`;
    })
    .join('\n');
}

function formatPlace(path: readonly PropertyKey[]): string {
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`)).join('');
}

function fieldsOf(section: 'sources' | 'repositories', kindName: string): readonly Field[] | undefined {
  const adapters: readonly { kind: string; fields: readonly Field[] }[] =
    section === 'sources' ? SOURCE_ADAPTERS : REPOSITORY_ADAPTERS;
  return adapters.find((adapter) => adapter.kind === kindName)?.fields;
}

/** The config with what its kind fills in; as it is where this version does not know the kind, which the server may. */
export function completeConfig(
  section: 'sources' | 'repositories',
  kindName: string,
  config: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const fields = fieldsOf(section, kindName);
  const parsed = fields === undefined ? undefined : createConfigSchema(fields).safeParse(config);
  return parsed?.success === true ? parsed.data : config;
}

/** What a kind fills in by itself, by field. */
export function fieldDefaults(section: 'sources' | 'repositories', kindName: string): Readonly<Record<string, unknown>> {
  const fields = fieldsOf(section, kindName) ?? [];
  const usual = fields.map((field): readonly [string, unknown] => {
    if (field.kind === 'list') return [field.name, []];
    return [field.name, 'default' in field ? field.default : undefined];
  });
  return Object.fromEntries(usual.filter(([, value]) => value !== undefined));
}

function findAdapterFaults(file: ConfigFile): readonly string[] {
  return (['repositories', 'sources'] as const).flatMap((section) =>
    (file[section] ?? []).flatMap((one, at) => {
      const fields = fieldsOf(section, one.kind);
      if (fields === undefined) return [];
      const place = `${section}[${at}] (${one.name})`;
      const config = createConfigSchema(fields).safeParse(one.config);
      const secretNames = new Set(fields.filter((field) => field.kind === 'secret').map(({ name }) => name));
      const wrong = Object.keys(one.secrets).filter((name) => !secretNames.has(name));
      const issues = config.success ? [] : config.error.issues;
      return [
        ...issues.map((issue) =>
          issue.code === 'unrecognized_keys'
            ? `${place}.config: ${issue.keys.map((key) => (secretNames.has(key) ? `${key} is a secret and belongs under secrets` : `unknown: ${key}`)).join(', ')}`
            : `${place}.config${formatPlace(['', ...issue.path])}: ${issue.message}`,
        ),
        ...wrong.map((name) => `${place}.secrets: ${one.kind} has no secret called ${name}`),
      ];
    }),
  );
}

/** A source by the name that plans call it. */
export function nameSource({ host, name }: { host: string; name: string }): string {
  return `${host}/${name}`;
}

function findNameFaults(file: ConfigFile): readonly string[] {
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['policies', (file.policies ?? []).map(({ name }) => name)],
    ['schedules', (file.schedules ?? []).map(({ name }) => name)],
    ['repositories', (file.repositories ?? []).map(({ name }) => name)],
    ['sources', (file.sources ?? []).map(nameSource)],
    ['channels', (file.channels ?? []).map(({ name }) => name)],
    ['plans', (file.plans ?? []).map(({ name }) => name)],
  ];
  const twice = sections.flatMap(([section, names]) =>
    [...new Set(names.filter((name, at) => names.indexOf(name) !== at))].map((name) => `${section}: ${name} stands there twice`),
  );
  const slashless = (file.plans ?? []).flatMap((plan, at) =>
    plan.sources
      .filter((source) => !/^[^/]+\/./.test(source))
      .map((source) => `plans[${at}] (${plan.name}).sources: ${source} must be host/name`),
  );
  const dueTwice = (file.plans ?? []).flatMap((plan, at) =>
    plan.schedule !== undefined && plan.sharedSchedule !== undefined
      ? [`plans[${at}] (${plan.name}): has a schedule of its own and a shared one; keep one of them`]
      : [],
  );
  return [...twice, ...slashless, ...dueTwice];
}
