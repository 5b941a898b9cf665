/** Makes the server as a file says: in the order in which things refer to each other, each change guarded by the version it was made for. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import type { Client } from './client.ts';
import type { Change, Section, Values } from './config-diff.ts';
import { SECTIONS } from './config-diff.ts';
import { type ConfigFile, nameSource } from './config-file.ts';
import { arrangeOptions, arrangeSubscription, type Names } from './config-state.ts';
import { CliError, createUsageError } from './exit.ts';
import { checkId, THING_PATHS } from './find.ts';

const SECRET_BYTES_MAX = 64 * 1024;

const PATHS: Readonly<Record<Section, string>> = {
  policies: THING_PATHS.policy.path,
  schedules: THING_PATHS.schedule.path,
  repositories: THING_PATHS.repository.path,
  sources: THING_PATHS.source.path,
  channels: THING_PATHS.channel.path,
  plans: THING_PATHS.plan.path,
};

export interface SecretSources {
  findVariable(name: string): string | undefined;
  /** Relative paths are taken from where the file lies. */
  configPath: string;
}

async function readSecret(reference: string, sources: SecretSources): Promise<string> {
  const rest = reference.slice(reference.indexOf(':') + 1);
  if (reference.startsWith('env:')) {
    const value = sources.findVariable(rest);
    if (value === undefined || value === '') throw createUsageError(`the variable ${rest} is not set, or empty`);
    return value;
  }
  const path = resolve(dirname(sources.configPath), rest);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw createUsageError(`${path} cannot be read (${error.code})`);
  });
  if (text.length > SECRET_BYTES_MAX) throw createUsageError(`${path} is larger than 64 KiB`);
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw createUsageError(`${path} is empty`);
  return value;
}

/** Reads every secret that the changes need, before anything is sent. By change, then by field. */
export async function readSecrets(
  changes: readonly Change[],
  sources: SecretSources,
): Promise<Map<Change, Record<string, string>>> {
  const read = new Map<Change, Record<string, string>>();
  for (const change of changes) {
    const values: Record<string, string> = {};
    for (const [field, reference] of Object.entries(change.secrets)) values[field] = await readSecret(reference, sources);
    read.set(change, values);
  }
  return read;
}

function getId(names: ReadonlyMap<string, string>, name: string): string {
  const id = names.get(name);
  if (id === undefined) throw createUsageError(`there is nothing called ${name}`);
  return id;
}

function writePlan(change: Change, names: Names): Values {
  const { repository, sources, schedule, sharedSchedule, enabled, options, retentionPolicy, copyRepository, copyPolicy } =
    change.wanted as {
      repository: string;
      sources: readonly string[];
      schedule?: Values;
      sharedSchedule?: string;
      enabled: boolean;
      options: Values;
      retentionPolicy?: string;
      copyRepository?: string;
      copyPolicy?: string;
    };
  const isNew = change.action === 'create';
  const changed = new Set(change.fields.map(({ field }) => field.split('.').slice(0, 2).join('.')));
  const none = isNew ? undefined : null;
  const given = arrangeOptions(options, (host) => getId(names.hosts, host));
  return {
    repository: getId(names.repositories, repository),
    sources: sources.map((source) => getId(names.sources, source)),
    ...(sharedSchedule === undefined
      ? { schedule: schedule ?? none }
      : { sharedSchedule: getId(names.schedules, sharedSchedule) }),
    enabled,
    // Drills that the file does not have are taken away: all other options have a usual value, which is sent.
    options: isNew
      ? given
      : Object.fromEntries(Object.entries({ drills: null, ...given }).filter(([name]) => changed.has(`options.${name}`))),
    retentionPolicy: retentionPolicy === undefined ? none : getId(names.policies, retentionPolicy),
    copyRepository: copyRepository === undefined ? none : getId(names.repositories, copyRepository),
    copyPolicy: copyPolicy === undefined ? none : getId(names.policies, copyPolicy),
  };
}

/** The body of the call that makes one change; ids of what was made before it are in `names`. */
function writeBody(change: Change, file: ConfigFile, names: Names, secrets: Values): Values {
  const isNew = change.action === 'create';
  const { kind, ...kept } = change.wanted;
  switch (change.section) {
    case 'policies':
    case 'schedules':
      return isNew ? { name: change.name, ...change.wanted } : change.wanted;
    case 'plans':
      return { ...(isNew ? { name: change.name } : {}), ...writePlan(change, names) };
    case 'sources': {
      if (!isNew) return { ...kept, secrets };
      const source = (file.sources ?? []).find((one) => nameSource(one) === change.name);
      if (source === undefined) throw createUsageError(`the file has no source ${change.name}`);
      return { host: getId(names.hosts, source.host), name: source.name, kind, ...kept, secrets };
    }
    case 'repositories':
      // A limit that the file does not have is taken away: what is merely undefined would not be sent, and stay.
      return isNew ? { name: change.name, kind, ...kept, secrets } : { ...kept, runsAtOnce: kept['runsAtOnce'] ?? null, secrets };
    case 'channels': {
      const { subscription, ...rest } = kept as { subscription?: Parameters<typeof arrangeSubscription>[0] };
      const told = subscription && arrangeSubscription(subscription, (plan) => getId(names.plans, plan));
      return { ...(isNew ? { name: change.name, kind } : {}), ...rest, subscription: told, secrets };
    }
  }
}

export interface Applying {
  client: Client;
  file: ConfigFile;
  /** Grows with what is made. */
  names: Names;
  secrets: ReadonlyMap<Change, Values>;
  /** Told after each change is made. */
  onChange(change: Change): void;
}

const madeSchema = z.looseObject({ id: z.string() });

async function applyOne(change: Change, { client, file, names, secrets }: Applying): Promise<void> {
  const path = PATHS[change.section];
  const body = writeBody(change, file, names, secrets.get(change) ?? {});
  if (change.action === 'update') {
    await client.send(madeSchema, 'PATCH', `${path}/${checkId(change.id ?? '')}`, { body, version: change.version });
    return;
  }
  const { id } = await client.send(madeSchema, 'POST', path, { body });
  if (change.section !== 'channels') names[change.section].set(change.name, id);
}

/**
 * Makes the changes, then, where `remove` says so, takes away what the file does not have. Stops at the first that is
 * refused: what was made stays, and the next application goes on from there.
 */
export async function applyChanges(changes: readonly Change[], applying: Applying, remove: boolean): Promise<number> {
  let made = 0;
  const tell = async (change: Change, work: Promise<unknown>) => {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      const before = made === 0 ? 'nothing was changed' : `${made} changes before it were made`;
      throw new CliError(error.exitCode, `${change.section} ${change.name}: ${error.message} (${before})`);
    }
    made += 1;
    applying.onChange(change);
  };
  for (const change of changes) if (change.action !== 'extra') await tell(change, applyOne(change, applying));
  if (!remove) return made;
  for (const section of [...SECTIONS].reverse())
    for (const change of changes) {
      if (change.action !== 'extra' || change.section !== section) continue;
      const path = `${PATHS[section]}/${checkId(change.id ?? '')}`;
      await tell(change, applying.client.send(madeSchema, 'DELETE', path));
    }
  return made;
}
