/** What the server has, by the names that a config file uses. */
import * as z from 'zod';
import type { Client } from './client.ts';
import { nameSource } from './config-file.ts';

const thing = { id: z.string(), name: z.string() };
const versioned = { ...thing, version: z.number() };
const config = z.record(z.string(), z.unknown());
const secrets = z.record(z.string(), z.unknown());

const hostRow = z.object(thing);
const policyRow = z.object({ ...versioned, description: z.string(), policy: config, createdAt: z.number() });
const scheduleValue = z.object({ cron: z.string(), zone: z.string() });
const scheduleRow = z.object({ ...versioned, description: z.string(), schedule: scheduleValue });
const repositoryRow = z.object({
  ...{ ...versioned, kind: z.string(), config, secrets },
  runsAtOnce: z.number().optional(),
  engineId: z.string().optional(),
});
const sourceRow = z.object({ ...versioned, host: z.string(), kind: z.string(), config, secrets, enabled: z.boolean() });
const words = z.array(z.string());
const channelRow = z.object({
  ...versioned,
  kind: z.string(),
  config,
  secrets,
  enabled: z.boolean(),
  subscription: z.object({
    least: z.string(),
    ...{ conditions: words, plans: words, tags: words, runs: words, digests: words, acts: words },
  }),
});
const planRow = z.object({
  ...versioned,
  repository: z.string(),
  sources: z.array(z.string()),
  schedule: scheduleValue.optional(),
  sharedSchedule: z.string().optional(),
  enabled: z.boolean(),
  options: config,
  retentionPolicy: z.string().optional(),
  copyRepository: z.string().optional(),
  copyPolicy: z.string().optional(),
});

export interface ServerState {
  hosts: readonly z.infer<typeof hostRow>[];
  policies: readonly z.infer<typeof policyRow>[];
  schedules: readonly z.infer<typeof scheduleRow>[];
  repositories: readonly z.infer<typeof repositoryRow>[];
  sources: readonly z.infer<typeof sourceRow>[];
  channels: readonly z.infer<typeof channelRow>[];
  plans: readonly z.infer<typeof planRow>[];
}

export async function readServerState(client: Client): Promise<ServerState> {
  const [hosts, policies, schedules, repositories, sources, channels, plans] = await Promise.all([
    client.list(hostRow, '/hosts'),
    client.list(policyRow, '/retention-policies'),
    client.list(scheduleRow, '/shared-schedules'),
    client.list(repositoryRow, '/repositories'),
    client.list(sourceRow, '/sources'),
    client.list(channelRow, '/channels'),
    client.list(planRow, '/plans'),
  ]);
  return { hosts, policies, schedules, repositories, sources, channels, plans };
}

/** Names to ids and back, for the references between things. */
export interface Names {
  hosts: Map<string, string>;
  policies: Map<string, string>;
  schedules: Map<string, string>;
  repositories: Map<string, string>;
  /** By `host/name`. */
  sources: Map<string, string>;
  plans: Map<string, string>;
}

export function collectNames(state: ServerState): Names {
  const byName = (rows: readonly { id: string; name: string }[]) => new Map(rows.map(({ id, name }) => [name, id]));
  const hostNames = new Map(state.hosts.map(({ id, name }) => [id, name]));
  return {
    hosts: byName(state.hosts),
    policies: byName(state.policies),
    schedules: byName(state.schedules),
    repositories: byName(state.repositories),
    sources: new Map(state.sources.map(({ id, host, name }) => [nameSource({ host: hostNames.get(host) ?? host, name }), id])),
    plans: byName(state.plans),
  };
}

/** The name that an id goes by; the id itself where it has none. */
export function nameOf(names: ReadonlyMap<string, string>, id: string): string {
  for (const [name, known] of names) if (known === id) return name;
  return id;
}

type Lists = Readonly<Record<string, string | readonly string[]>>;

/** With sorted lists, whose order means nothing, and with plans by another name. */
export function arrangeSubscription(subscription: Lists, namePlan: (plan: string) => string = (plan) => plan): Lists {
  return Object.fromEntries(
    Object.entries(subscription).map(([field, value]) => {
      if (typeof value === 'string') return [field, value];
      const named = field === 'plans' ? value.map(namePlan) : value;
      return [field, [...new Set(named)].sort()];
    }),
  );
}

/** With the host of drills by another name. */
export function arrangeOptions(options: Readonly<Record<string, unknown>>, nameHost: (host: string) => string): typeof options {
  const drills = options['drills'] as { host?: string } | undefined;
  if (drills?.host === undefined) return options;
  return { ...options, drills: { ...drills, host: nameHost(drills.host) } };
}
