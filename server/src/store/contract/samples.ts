/** Rows as the contract suite puts them in: complete, ordinary, each different from the next. */

import {
  type ApiKeyId,
  type AuditId,
  createId,
  DEFAULT_TENANT,
  type Id,
  type IdKind,
  type TenantId,
} from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import { RETENTION_PRESETS, retentionRulesSchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { DurableEvent, SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import type { HostFacts } from '@holdfast/shared/protocol/messages.ts';
import type { Announcement, EnrolmentToken, Host, HostToken } from '../hosts.ts';
import type { Order } from '../orders.ts';
import type { ApiKey, Session, User } from '../people.ts';
import type { Plan } from '../plans.ts';
import type { Policy } from '../policies.ts';
import type { Repository } from '../repositories.ts';
import type { Run } from '../runs.ts';
import type { SharedSchedule } from '../shared-schedules.ts';
import type { Source } from '../sources.ts';
import type { Store } from '../store.ts';
import type { AuditRow } from '../trail.ts';

export type OpenStore = () => Promise<Store>;

export const NOW = 1_770_000_000_000;
export const TENANT = DEFAULT_TENANT;
export const OTHER_TENANT = 'ten_other' as TenantId;

const STANDARD_RULES = retentionRulesSchema.parse(RETENTION_PRESETS[0]?.policy);

let count = 0;

/** A number no other sample has. */
export function nextNumber(): number {
  count += 1;
  return count;
}

/** Fresh ids in rising order, the same in every run of the suite. */
export function sampleId<K extends IdKind>(kind: K): Id<K> {
  const n = nextNumber();
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(6, n);
  return createId(kind, { clock: { now: () => NOW }, randomBytes: () => bytes });
}

/** Opens a store for one test and closes it, whatever happens. */
export function withStore(open: OpenStore, check: (store: Store) => Promise<void>): () => Promise<void> {
  return async () => {
    const store = await open();
    try {
      await check(store);
    } finally {
      await store.close();
    }
  };
}

export const FACTS: HostFacts = {
  hostname: 'db1',
  os: 'Debian 12',
  arch: 'x64',
  kernel: '6.1',
  cpus: 2,
  memoryBytes: 1024,
  agentVersion: '0.1.0',
  zone: 'UTC',
  bootedAt: NOW,
  pdeathsig: true,
};

export function sampleUser(change: Partial<User> = {}): User {
  const id = sampleId('user');
  return {
    id,
    tenant: TENANT,
    name: `person ${nextNumber()}`,
    role: 'admin',
    passwordHash: 'hash',
    disabled: false,
    zone: undefined,
    createdAt: NOW,
    ...change,
  };
}

export function sampleSession(user: User, change: Partial<Session> = {}): Session {
  return {
    id: sampleId('session'),
    tenant: user.tenant,
    user: user.id,
    tokenHash: `session-${nextNumber()}`,
    createdAt: NOW,
    lastSeenAt: NOW,
    expiresAt: NOW + 1000,
    provenAt: NOW,
    address: '127.0.0.1',
    agent: 'browser',
    ...change,
  };
}

export function sampleApiKey(change: Partial<ApiKey> = {}): ApiKey {
  const id: ApiKeyId = sampleId('apiKey');
  return {
    id,
    tenant: TENANT,
    name: 'script',
    role: 'operator',
    scopes: ['read', 'operate'],
    tokenHash: `key-${nextNumber()}`,
    createdAt: NOW,
    expiresAt: undefined,
    lastUsedAt: undefined,
    revokedAt: undefined,
    ...change,
  };
}

export function sampleHost(change: Partial<Host> = {}): Host {
  const n = nextNumber();
  return {
    id: sampleId('host'),
    tenant: TENANT,
    name: `host ${String(n).padStart(4, '0')}`,
    state: 'active',
    tags: [],
    signingKey: `sign-${n}`,
    sealingKey: `seal-${n}`,
    fingerprint: `print-${n}`,
    facts: FACTS,
    tools: [{ tool: 'restic', found: true, path: '/usr/bin/restic', version: '0.18.0' }],
    createdAt: NOW,
    lastSeenAt: undefined,
    skewMs: undefined,
    specVersion: 1,
    secretsMode: 'kept',
    acknowledgedSpecVersion: 0,
    counter: 0,
    boot: undefined,
    concurrency: 3,
    limits: {},
    specSignature: undefined,
    drain: undefined,
    ailments: undefined,
    ...change,
  };
}

export function sampleHostToken(host: Host, change: Partial<HostToken> = {}): HostToken {
  return { hash: `token-${nextNumber()}`, tenant: host.tenant, host: host.id, createdAt: NOW, firstUsedAt: undefined, ...change };
}

export function sampleAnnouncement(change: Partial<Announcement> = {}): Announcement {
  const n = nextNumber();
  return {
    id: sampleId('announcement'),
    tenant: TENANT,
    hostname: 'db1',
    signingKey: `announced-sign-${n}`,
    sealingKey: `announced-seal-${n}`,
    fingerprint: `announced-print-${n}`,
    facts: FACTS,
    address: '127.0.0.1',
    nonce: 'nonce',
    createdAt: NOW,
    expiresAt: NOW + 1000,
    state: 'pending',
    host: undefined,
    sealedToken: undefined,
    rejection: undefined,
    ...change,
  };
}

export function sampleEnrolmentToken(change: Partial<EnrolmentToken> = {}): EnrolmentToken {
  return {
    id: sampleId('enrolmentToken'),
    hostname: undefined,
    paths: [],
    plan: undefined,
    tenant: TENANT,
    hash: `enrol-${nextNumber()}`,
    note: 'rack 7',
    tags: ['rack7'],
    usesLeft: 1,
    createdAt: NOW,
    expiresAt: NOW + 1000,
    ...change,
  };
}

export function sampleSource(host: Host, change: Partial<Source> = {}): Source {
  return {
    id: sampleId('source'),
    tenant: host.tenant,
    host: host.id,
    name: `source ${String(nextNumber()).padStart(4, '0')}`,
    kind: 'files',
    config: { paths: ['/srv'], oneFileSystem: true, level: 3 },
    secrets: {},
    enabled: true,
    version: 1,
    createdAt: NOW,
    updatedAt: NOW,
    ...change,
  };
}

export function sampleRepository(change: Partial<Repository> = {}): Repository {
  return {
    id: sampleId('repository'),
    tenant: TENANT,
    name: `repository ${String(nextNumber()).padStart(4, '0')}`,
    kind: 'local',
    config: { path: '/backup' },
    secrets: { password: 'cipher' },
    engineId: undefined,
    testedFrom: undefined,
    runsAtOnce: undefined,
    passwordProof: undefined,
    version: 1,
    createdAt: NOW,
    updatedAt: NOW,
    ...change,
  };
}

export function samplePlan(repository: Repository, sources: readonly Source[], change: Partial<Plan> = {}): Plan {
  return {
    id: sampleId('plan'),
    tenant: repository.tenant,
    name: `plan ${String(nextNumber()).padStart(4, '0')}`,
    repository: repository.id,
    sources: sources.map((source) => source.id),
    schedule: { cron: '0 2 * * *', zone: 'Europe/Berlin' },
    enabled: true,
    options: DEFAULT_PLAN_OPTIONS,
    sharedSchedule: undefined,
    retentionPolicy: undefined,
    copyRepository: undefined,
    copyPolicy: undefined,
    effectiveFrom: NOW,
    version: 1,
    createdAt: NOW,
    updatedAt: NOW,
    ...change,
  };
}

export function samplePolicy(change: Partial<Policy> = {}): Policy {
  return {
    id: sampleId('policy'),
    tenant: TENANT,
    name: `policy ${String(nextNumber()).padStart(4, '0')}`,
    description: '',
    policy: { ...STANDARD_RULES, daily: 3 },
    version: 1,
    createdAt: NOW,
    updatedAt: NOW,
    ...change,
  };
}

export function sampleSharedSchedule(change: Partial<SharedSchedule> = {}): SharedSchedule {
  return {
    id: sampleId('schedule'),
    tenant: TENANT,
    name: `schedule ${String(nextNumber()).padStart(4, '0')}`,
    description: '',
    schedule: { cron: '0 2 * * *', zone: 'Europe/Berlin' },
    version: 1,
    createdAt: NOW,
    updatedAt: NOW,
    ...change,
  };
}

export function sampleAudit(change: Partial<AuditRow> = {}): AuditRow {
  const id: AuditId = sampleId('audit');
  return {
    id,
    tenant: TENANT,
    at: NOW,
    actor: { kind: 'user', id: 'user_1', name: 'Ada' },
    action: 'host.approved',
    target: { kind: 'host', id: 'host_1', name: 'db1' },
    address: '127.0.0.1',
    requestId: 'req-1',
    change: { name: ['old', 'new'] },
    ...change,
  };
}

export function sampleOrder(run: Pick<Run, 'id' | 'host' | 'tenant'>, change: Partial<Order> = {}): Order {
  return {
    id: sampleId('request'),
    tenant: run.tenant,
    host: run.host,
    type: 'run.start',
    run: run.id,
    body: '{"sealed":"secret"}',
    notAfter: NOW + 1000,
    createdAt: NOW,
    state: 'waiting',
    ...change,
  };
}

/** Numbers events from `first` on. */
export function sequence(events: readonly DurableEvent[], first = 1): SequencedEvent[] {
  return events.map((event, index) => ({ seq: first + index, event }));
}

/** A rejected promise's code and details, for `assert.rejects`. */
export function refusal(code: string, details: Readonly<Record<string, unknown>> = {}): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof Error)) return false;
    const seen = error as Error & { code?: string; details?: Record<string, unknown> };
    return seen.code === code && Object.entries(details).every(([name, value]) => String(seen.details?.[name]) === String(value));
  };
}
