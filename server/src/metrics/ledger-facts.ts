/** What each scrape reads of the ledger: hosts, and numbers of the whole fleet. Sources, plans and repositories come in rounds. */
import { statfs } from 'node:fs/promises';
import { isDraining } from '@holdfast/shared/domain/drain.ts';
import { DEFAULT_TENANT, type HostId } from '@holdfast/shared/domain/ids.ts';
import { COUNTS, WIRE } from '@holdfast/shared/limits.ts';
import { ALERT_CONDITIONS } from '../core/alerts/conditions.ts';
import { HOST_STANDINGS, type HostStanding } from '../core/hosts/hosts.ts';
import type { CoreContext } from '../core/ports.ts';
import type { FleetFigures, HostFigures } from '../store/figures.ts';
import type { LogTotals } from '../store/logs.ts';
import type { RunTotal } from '../store/runs.ts';
import type { HostRow } from './families.ts';

export interface Facts {
  hostsByStanding: Readonly<Record<HostStanding, number>>;
  /** Online and degraded. */
  degradedHosts: number;
  /** The active ones. */
  hosts: readonly HostRow[];
  fleet: FleetFigures;
  pendingHosts: number;
  agentSessions: number;
  sourceCount: number;
  planCount: number;
  repositoryCount: number;
  findings: number;
  logs: LogTotals;
  ended: readonly RunTotal[];
  missedFires: readonly { host: string; plan: string; count: number }[];
  alerts: readonly { condition: string; count: number }[];
  openAlerts: number;
  channels: readonly { channel: string; isFailing: boolean; workedAt?: number | undefined }[];
  messages: readonly { outcome: string; count: number }[];
  messagesWaiting: number;
  /** Of the disk with the database; undefined where nobody could say. */
  disk?: { freeBytes: number; sizeBytes: number } | undefined;
}

/** Plans on hosts that owe fires, told one by one. */
const MOST_MISSES = 5_000;

export async function readFacts(context: CoreContext, dataDir: string): Promise<Facts> {
  const { store, clock } = context;
  const found = await store.figures.listHostFigures(DEFAULT_TENANT, { limit: COUNTS.hosts });
  const standings = found.map((host) => judgeStanding(context, host));
  const fleet = await store.figures.getFleetFigures(DEFAULT_TENANT);
  const hostsByStanding = Object.fromEntries(HOST_STANDINGS.map((standing) => [standing, 0])) as Record<HostStanding, number>;
  for (const standing of standings) hostsByStanding[standing] += 1;
  hostsByStanding.revoked = fleet.revokedHosts;
  return {
    hostsByStanding,
    hosts: found.flatMap((host, index) =>
      host.state === 'active' ? [toHostRow(context, host, standings[index] === 'online')] : [],
    ),
    degradedHosts: found.filter((host, index) => standings[index] === 'online' && host.isAiling === true).length,
    fleet,
    pendingHosts: (await store.hosts.listPending(DEFAULT_TENANT, clock.now())).length,
    agentSessions: context.directory.listOnline().length,
    sourceCount: await store.sources.countSources(DEFAULT_TENANT),
    planCount: await store.plans.countPlans(DEFAULT_TENANT),
    repositoryCount: await store.repositories.countRepositories(DEFAULT_TENANT),
    findings: (await store.coverage.countFindings(DEFAULT_TENANT)).open,
    logs: await store.logs.getLogTotals(DEFAULT_TENANT),
    ended: await store.runs.listRunTotals(DEFAULT_TENANT),
    missedFires: await readMissedFires(context, found),
    ...(await readAlarms(context)),
    disk: await readDisk(dataDir),
  };
}

/** As `toHostView` judges, for a slim row. */
function judgeStanding({ directory, clock }: CoreContext, host: HostFigures): HostStanding {
  if (host.state !== 'active') return host.state;
  const isFresh = host.lastSeenAt !== undefined && clock.now() - host.lastSeenAt < WIRE.offlineAfterMs;
  return isFresh && directory.isOnline(host.id as HostId) ? 'online' : 'offline';
}

function toHostRow({ directory, clock }: CoreContext, host: HostFigures, isOnline: boolean): HostRow {
  const drain = host.drainUntil === undefined ? undefined : { since: 0, until: host.drainUntil };
  const outboxEvents = isOnline ? directory.findHeartbeat(host.id as HostId)?.outboxEvents : undefined;
  return { ...host, isOnline, isDraining: isDraining(drain, clock.now()), outboxEvents };
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
async function readMissedFires({ store }: CoreContext, hosts: readonly HostFigures[]): Promise<Facts['missedFires']> {
  const misses = await store.fires.listOpenMisses(DEFAULT_TENANT, {}, MOST_MISSES);
  const plans = await store.plans.findPlans(
    DEFAULT_TENANT,
    misses.map((miss) => miss.plan),
  );
  const hostNames = new Map<string, string>(hosts.map(({ id, name }) => [id, name]));
  const planNames = new Map(plans.map((plan) => [plan.id, plan.name]));
  return misses.flatMap((miss) => {
    const host = hostNames.get(miss.host);
    const plan = planNames.get(miss.plan);
    return host === undefined || plan === undefined ? [] : [{ host, plan, count: miss.count }];
  });
}

async function readDisk(dataDir: string): Promise<Facts['disk']> {
  try {
    const { bavail, blocks, bsize } = await statfs(dataDir);
    return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
  } catch {
    // Whether the disk works at all is what readiness tells.
    return undefined;
  }
}
