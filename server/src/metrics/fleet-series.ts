/** Series of the whole fleet, and of what there are few of: values are set anew at each scrape. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Facts } from './ledger-facts.ts';
import { ROUND_KINDS, type Round } from './rounds.ts';

/** From a small file set to a night's full dump. */
const DURATION_BUCKETS_S = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200];

export type FleetSeries = ReturnType<typeof createSeries>;

export function createSeries(registry: Registry) {
  const registers = [registry];
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: `holdfast_${name}`, help, labelNames: [...labelNames], registers });
  return {
    buildInfo: gauge('build_info', 'Version of the server, always 1.', ['version', 'node']),
    hosts: gauge('hosts', 'Hosts by standing.', ['standing']),
    degradedHosts: gauge('degraded_hosts', 'Online hosts of which something is broken that endangers their backups.'),
    pendingHosts: gauge('pending_hosts', 'Hosts that wait for approval.'),
    agentSessions: gauge('agent_sessions', 'Hosts that are connected now.'),
    streams: gauge('event_streams', 'Browser pages that are live now.'),
    sources: gauge('sources', 'Sources known.'),
    sourcesByStatus: gauge('sources_by_status', 'Sources by whether they are protected.', ['status']),
    plans: gauge('plans', 'Plans known.'),
    enabledPlans: gauge('enabled_plans', 'Plans that are switched on.'),
    repositories: gauge('repositories', 'Repositories known.'),
    findings: gauge('unprotected_findings', 'Databases and directories that hosts found and no plan protects.'),
    leftOut: gauge('series_left_out', 'Things without series of their own, because there are more than are told one by one.', [
      'of',
    ]),
    waitingOrders: gauge('waiting_orders', 'Orders that are on their way to hosts.'),
    databaseBytes: gauge('database_bytes', 'Size of the database.'),
    diskFree: gauge('data_disk_free_bytes', 'Free bytes of the disk with the database.'),
    diskSize: gauge('data_disk_size_bytes', 'Size of the disk with the database.'),
    activeRuns: gauge('active_runs', 'Runs that are under way.'),
    queuedRuns: gauge('queued_runs', 'Runs that wait for their turn or for their host.'),
    missedFires: gauge('plan_missed_fires', 'Fires of the plan on the host for which nothing ran, and no clean run since.', [
      'host',
      'plan',
    ]),
    connections: new Counter({
      name: 'holdfast_agent_connections_total',
      help: 'Connections of hosts that were accepted while this server was up.',
      registers,
    }),
    runs: new Counter({
      name: 'holdfast_runs_total',
      help: 'Runs that ended, by kind and state.',
      labelNames: ['kind', 'state'],
      registers,
    }),
    runsTakenBack: new Counter({
      name: 'holdfast_runs_taken_back_total',
      help: 'Ends in holdfast_runs_total that the server presumed and took back when the host told of the run after all.',
      labelNames: ['kind', 'state'],
      registers,
    }),
    alerts: gauge('alerts', 'Alerts that are not resolved, by condition.', ['condition']),
    openAlerts: gauge('open_alerts', 'Alerts that nobody sees to yet.'),
    channelFailing: gauge('channel_failing', 'Whether the last attempt to deliver on the channel failed.', ['channel']),
    channelDelivered: gauge('channel_last_success_timestamp_seconds', 'Last time the channel delivered something.', ['channel']),
    messagesWaiting: gauge('messages_waiting', 'Messages that wait for a channel.'),
    messages: new Counter({
      name: 'holdfast_messages_total',
      help: 'Messages to channels that came to an end, by how.',
      labelNames: ['outcome'],
      registers,
    }),
    logStored: new Counter({
      name: 'holdfast_log_stored_bytes_total',
      help: 'Bytes of log that were stored, before compression.',
      registers,
    }),
    logDropped: new Counter({
      name: 'holdfast_log_dropped_bytes_total',
      help: 'Bytes of log that were above a limit.',
      registers,
    }),
    logRemoved: new Counter({
      name: 'holdfast_log_removed_bytes_total',
      help: 'Bytes of log that were removed because their time was over.',
      registers,
    }),
    runDuration: new Histogram({
      name: 'holdfast_run_duration_seconds',
      help: 'Duration of the runs that ended while this server was up.',
      labelNames: ['kind', 'state'],
      buckets: DURATION_BUCKETS_S,
      registers,
    }),
  };
}

/** Sets every series anew: what is not there any more has none. */
export function showFacts(series: FleetSeries, facts: Facts, { shown, protection }: Round): void {
  for (const one of [series.hosts, series.missedFires, series.runs, series.runsTakenBack]) one.reset();
  for (const one of [series.logStored, series.logDropped, series.logRemoved]) one.reset();
  for (const [standing, count] of Object.entries(facts.hostsByStanding)) series.hosts.set({ standing }, count);
  for (const { host, plan, count } of facts.missedFires) series.missedFires.set({ host, plan }, count);
  for (const { kind, state, count, takenBack } of facts.ended) {
    series.runs.inc({ kind, state }, count);
    series.runsTakenBack.inc({ kind, state }, takenBack);
  }
  series.logStored.inc(facts.logs.storedBytes);
  series.logDropped.inc(facts.logs.droppedBytes);
  series.logRemoved.inc(facts.logs.removedBytes);
  for (const one of [series.alerts, series.channelFailing, series.channelDelivered, series.messages]) one.reset();
  for (const { condition, count } of facts.alerts) series.alerts.set({ condition }, count);
  for (const { channel, isFailing, workedAt } of facts.channels) {
    series.channelFailing.set({ channel }, isFailing ? 1 : 0);
    if (workedAt !== undefined) series.channelDelivered.set({ channel }, workedAt / 1000);
  }
  for (const { outcome, count } of facts.messages) series.messages.inc({ outcome }, count);
  series.openAlerts.set(facts.openAlerts);
  series.messagesWaiting.set(facts.messagesWaiting);
  showCounts(series, facts);
  for (const [status, count] of Object.entries(protection)) series.sourcesByStatus.set({ status }, count);
  const counts = { sources: facts.sourceCount, plans: facts.planCount, repositories: facts.repositoryCount };
  for (const kind of ROUND_KINDS) series.leftOut.set({ of: kind }, shown[kind].isFull ? counts[kind] - shown[kind].rows : 0);
}

function showCounts(series: FleetSeries, { fleet, disk, ...facts }: Facts): void {
  series.degradedHosts.set(facts.degradedHosts);
  series.pendingHosts.set(facts.pendingHosts);
  series.agentSessions.set(facts.agentSessions);
  series.sources.set(facts.sourceCount);
  series.plans.set(facts.planCount);
  series.enabledPlans.set(fleet.enabledPlans);
  series.repositories.set(facts.repositoryCount);
  series.findings.set(facts.findings);
  series.activeRuns.set(fleet.activeRuns);
  series.queuedRuns.set(fleet.queuedRuns);
  series.waitingOrders.set(fleet.waitingOrders);
  series.databaseBytes.set(fleet.databaseBytes);
  if (disk === undefined) return;
  series.diskFree.set(disk.freeBytes);
  series.diskSize.set(disk.sizeBytes);
}
