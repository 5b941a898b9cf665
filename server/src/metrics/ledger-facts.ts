/** What one scrape shows, read from the store in pages. */
import { DEFAULT_TENANT, type HostId } from '@holdfast/shared/domain/ids.ts';
import { COUNTS, HTTP } from '@holdfast/shared/limits.ts';
import { ALERT_CONDITIONS } from '../core/alerts/conditions.ts';
import type { Caller } from '../core/caller.ts';
import { HOST_STANDINGS, type HostStanding, listHosts } from '../core/hosts.ts';
import type { CoreContext } from '../core/ports.ts';
import type { Source } from '../store/catalog.ts';
import type { SourceProof } from '../store/drills.ts';
import type { Page, PageRequest } from '../store/page.ts';
import type { LogTotals, SourceStanding } from '../store/runs.ts';

export interface Facts {
  hostsByStanding: Readonly<Record<HostStanding, number>>;
  hosts: readonly { host: string; isOnline: boolean; hasDrift: boolean; isDraining: boolean; lastSeenAt?: number | undefined }[];
  sources: readonly SourceFacts[];
  repositories: readonly { repository: string; snapshots: number }[];
  pendingHosts: number;
  agentSessions: number;
  sourceCount: number;
  planCount: number;
  repositoryCount: number;
  logs: LogTotals;
  ended: readonly { kind: string; state: string; count: number; takenBack: number }[];
  activeRuns: number;
  queuedRuns: number;
  missedFires: readonly { host: string; plan: string; count: number }[];
  alerts: readonly { condition: string; count: number }[];
  openAlerts: number;
  channels: readonly { channel: string; isFailing: boolean; workedAt?: number | undefined }[];
  messages: readonly { outcome: string; count: number }[];
  messagesWaiting: number;
}

export interface SourceFacts {
  host: string;
  source: string;
  lastGoodAt?: number | undefined;
  bytes?: number | undefined;
  /** The newest drill that proved a backup: when it ended, and how long the restore took. */
  provenAt?: number | undefined;
  restoreMs?: number | undefined;
}

const READER: Caller = { actor: { kind: 'system', id: 'metrics', name: 'metrics' }, tenant: DEFAULT_TENANT, role: 'viewer' };
/** Objects of one kind that are read one by one; what is above is in the totals only. */
const MOST_SERIES = COUNTS.hosts;

export async function readFacts(context: CoreContext): Promise<Facts> {
  const { store } = context;
  const hosts = await readAll((page) => listHosts(context, READER, {}, page));
  const hostNames = new Map(hosts.map((host) => [host.id, host.name]));
  const sources = await readAll((page) => store.catalog.listSources(DEFAULT_TENANT, {}, page));
  const repositories = await readAll((page) => store.catalog.listRepositories(DEFAULT_TENANT, {}, page));
  const standings = new Map((await readStandings(context, sources)).map((standing) => [standing.source, standing]));
  const proofs = new Map((await readProofs(context, sources)).map(({ source, proven }) => [source, proven]));
  const unfinished = await readAll((page) => store.runs.listRuns(DEFAULT_TENANT, { active: true }, page));
  const queuedRuns = unfinished.filter(({ state }) => state === 'queued').length;
  const missedFires = await readMissedFires(context, hostNames);
  const hostsByStanding = Object.fromEntries(HOST_STANDINGS.map((standing) => [standing, 0])) as Record<HostStanding, number>;
  for (const host of hosts) hostsByStanding[host.standing] += 1;
  return {
    hostsByStanding,
    hosts: hosts
      .filter((host) => host.state === 'active')
      .map((host) => ({
        host: host.name,
        isOnline: host.standing === 'online',
        hasDrift: host.drift,
        isDraining: host.drain !== undefined,
        lastSeenAt: host.lastSeenAt,
      })),
    sources: sources.map((source) => {
      const standing = standings.get(source.id);
      const host = hostNames.get(source.host) ?? '';
      const proven = proofs.get(source.id);
      const { lastGoodAt, lastGoodBytes: bytes } = standing ?? {};
      return { host, source: source.name, lastGoodAt, bytes, provenAt: proven?.endedAt, restoreMs: proven?.restoreMs };
    }),
    repositories: await Promise.all(
      repositories.map(async ({ id, name }) => ({
        repository: name,
        snapshots: await store.runs.countSnapshots(DEFAULT_TENANT, id),
      })),
    ),
    pendingHosts: (await store.hosts.listPending(DEFAULT_TENANT, context.clock.now())).length,
    agentSessions: context.directory.listOnline().length,
    sourceCount: await store.catalog.countSources(DEFAULT_TENANT),
    planCount: await store.catalog.countPlans(DEFAULT_TENANT),
    repositoryCount: await store.catalog.countRepositories(DEFAULT_TENANT),
    logs: await store.runs.getLogTotals(DEFAULT_TENANT),
    ended: await store.runs.listRunTotals(DEFAULT_TENANT),
    activeRuns: unfinished.length - queuedRuns,
    queuedRuns,
    missedFires,
    ...(await readAlarms(context)),
  };
}

async function readAlarms({
  store,
  clock,
}: CoreContext): Promise<Pick<Facts, 'alerts' | 'openAlerts' | 'channels' | 'messages' | 'messagesWaiting'>> {
  const conditions = await store.alerts.countByCondition(DEFAULT_TENANT);
  const totals = await store.channels.listDeliveryTotals(DEFAULT_TENANT);
  const channels = await store.channels.listChannels(DEFAULT_TENANT);
  return {
    alerts: ALERT_CONDITIONS.map((condition) => ({ condition, count: conditions.get(condition) ?? 0 })),
    openAlerts: (await store.alerts.countAlerts(DEFAULT_TENANT, clock.now())).open,
    channels: channels
      .filter(({ enabled }) => enabled)
      .map(({ name, failures, workedAt }) => ({ channel: name, isFailing: failures > 0, workedAt })),
    messages: (['delivered', 'given_up'] as const).map((outcome) => ({ outcome, count: totals.get(outcome) ?? 0 })),
    messagesWaiting: await store.channels.countWaiting(DEFAULT_TENANT),
  };
}

/** Of plans and hosts that are still there, by their names. */
async function readMissedFires({ store }: CoreContext, hostNames: ReadonlyMap<HostId, string>): Promise<Facts['missedFires']> {
  const misses = await store.fires.listOpenMisses(DEFAULT_TENANT, {}, MOST_SERIES);
  const plans = await store.catalog.findPlans(
    DEFAULT_TENANT,
    misses.map((miss) => miss.plan),
  );
  const planNames = new Map(plans.map((plan) => [plan.id, plan.name]));
  return misses.flatMap((miss) => {
    const host = hostNames.get(miss.host);
    const plan = planNames.get(miss.plan);
    return host === undefined || plan === undefined ? [] : [{ host, plan, count: miss.count }];
  });
}

async function readStandings(context: CoreContext, sources: readonly Source[]): Promise<readonly SourceStanding[]> {
  const found: SourceStanding[] = [];
  for (let at = 0; at < sources.length; at += HTTP.pageSizeMax) {
    const ids = sources.slice(at, at + HTTP.pageSizeMax).map((source) => source.id);
    found.push(...(await context.store.runs.listStandings(DEFAULT_TENANT, ids)));
  }
  return found;
}

async function readProofs(context: CoreContext, sources: readonly Source[]): Promise<readonly SourceProof[]> {
  const found: SourceProof[] = [];
  for (let at = 0; at < sources.length; at += HTTP.pageSizeMax) {
    const ids = sources.slice(at, at + HTTP.pageSizeMax).map((source) => source.id);
    found.push(...(await context.store.drills.listProofs(DEFAULT_TENANT, ids)));
  }
  return found;
}

/** All pages of a list, up to `MOST_SERIES` rows. */
async function readAll<T>(read: (page: PageRequest) => Promise<Page<T>>): Promise<readonly T[]> {
  const rows: T[] = [];
  let after: string | undefined;
  do {
    const page = await read({ limit: HTTP.pageSizeMax, after });
    rows.push(...page.rows);
    after = page.next;
  } while (after !== undefined && rows.length < MOST_SERIES);
  return rows;
}
