/** The exposition text of `/metrics`: values are read from the ledger at each scrape, so they never drift from it. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CoreContext } from '../core/ports.ts';
import { createFinishedRuns } from './finished-runs.ts';
import { type Facts, readFacts } from './ledger-facts.ts';

export interface Metrics {
  readonly contentType: string;
  render(): Promise<string>;
  close(): void;
}

export interface MetricsOptions {
  context: CoreContext;
  version: string;
  /** Pages that are live now. */
  countStreams?(): number;
}

/** Of Node's own metrics these break the naming rules: gauges called `_total`. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
/** From a small file set to a night's full dump. */
const DURATION_BUCKETS_S = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200];

export function createMetrics(options: MetricsOptions): Metrics {
  const { context, version } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const series = createSeries(registry);
  series.buildInfo.set({ version, node: process.versions.node }, 1);
  const finished = createFinishedRuns(context, ({ kind, state, seconds }) =>
    series.runDuration.observe({ kind, state }, seconds),
  );
  let underWay: Promise<string> | undefined;

  async function render(): Promise<string> {
    await finished.settle();
    const facts = await readFacts(context);
    // Without a pause in between, so that no scrape sees half of the new values.
    showFacts(series, facts);
    series.streams.set(options.countStreams?.() ?? 0);
    return registry.metrics();
  }

  return {
    contentType: registry.contentType,
    render() {
      underWay ??= render().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
    close() {
      finished.close();
      registry.clear();
    },
  };
}

function createSeries(registry: Registry) {
  const registers = [registry];
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: `holdfast_${name}`, help, labelNames: [...labelNames], registers });
  return {
    buildInfo: gauge('build_info', 'Version of the server, always 1.', ['version', 'node']),
    hosts: gauge('hosts', 'Hosts by standing.', ['standing']),
    pendingHosts: gauge('pending_hosts', 'Hosts that wait for approval.'),
    agentSessions: gauge('agent_sessions', 'Hosts that are connected now.'),
    streams: gauge('event_streams', 'Browser pages that are live now.'),
    hostOnline: gauge('host_online', 'Whether the host is connected and gave a sign of life.', ['host']),
    hostSeen: gauge('host_last_seen_timestamp_seconds', 'Last sign of life of the host.', ['host']),
    hostDrift: gauge('host_spec_drift', 'Whether the host works by an older spec than it should.', ['host']),
    hostDraining: gauge('host_draining', 'Whether the host is drained: it takes no new runs for a while.', ['host']),
    sources: gauge('sources', 'Sources known.'),
    plans: gauge('plans', 'Plans known.'),
    repositories: gauge('repositories', 'Repositories known.'),
    sourceSuccess: gauge('source_last_success_timestamp_seconds', 'End of the newest clean backup of the source.', [
      'host',
      'source',
    ]),
    sourceBytes: gauge('source_last_success_bytes', 'Size of the newest clean backup of the source.', ['host', 'source']),
    sourceProof: gauge('source_last_proof_timestamp_seconds', 'End of the newest drill that proved a backup of the source.', [
      'host',
      'source',
    ]),
    sourceRestore: gauge('source_last_proof_restore_seconds', 'How long the restore of that drill took.', ['host', 'source']),
    snapshots: gauge('snapshots', 'Snapshots listed in the ledger.', ['repository']),
    activeRuns: gauge('active_runs', 'Runs that are under way.'),
    queuedRuns: gauge('queued_runs', 'Runs that wait for their turn or for their host.'),
    missedFires: gauge('plan_missed_fires', 'Fires of the plan on the host for which nothing ran, and no clean run since.', [
      'host',
      'plan',
    ]),
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
    alerts: gauge('alerts', 'Alerts that are not over, by condition.', ['condition']),
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
function showFacts(series: ReturnType<typeof createSeries>, facts: Facts): void {
  for (const one of [series.hosts, series.hostOnline, series.hostSeen, series.hostDrift, series.hostDraining]) one.reset();
  for (const one of [series.sourceSuccess, series.sourceBytes, series.snapshots, series.missedFires]) one.reset();
  for (const one of [series.sourceProof, series.sourceRestore]) one.reset();
  for (const one of [series.runs, series.runsTakenBack]) one.reset();
  for (const one of [series.logStored, series.logDropped, series.logRemoved]) one.reset();
  for (const [standing, count] of Object.entries(facts.hostsByStanding)) series.hosts.set({ standing }, count);
  for (const { host, isOnline, hasDrift, isDraining, lastSeenAt } of facts.hosts) {
    series.hostOnline.set({ host }, isOnline ? 1 : 0);
    series.hostDrift.set({ host }, hasDrift ? 1 : 0);
    series.hostDraining.set({ host }, isDraining ? 1 : 0);
    if (lastSeenAt !== undefined) series.hostSeen.set({ host }, lastSeenAt / 1000);
  }
  for (const { host, source, lastGoodAt, bytes, provenAt, restoreMs } of facts.sources) {
    if (lastGoodAt !== undefined) series.sourceSuccess.set({ host, source }, lastGoodAt / 1000);
    if (bytes !== undefined) series.sourceBytes.set({ host, source }, bytes);
    if (provenAt !== undefined) series.sourceProof.set({ host, source }, provenAt / 1000);
    if (restoreMs !== undefined) series.sourceRestore.set({ host, source }, restoreMs / 1000);
  }
  for (const { repository, snapshots } of facts.repositories) series.snapshots.set({ repository }, snapshots);
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
  series.pendingHosts.set(facts.pendingHosts);
  series.agentSessions.set(facts.agentSessions);
  series.sources.set(facts.sourceCount);
  series.plans.set(facts.planCount);
  series.repositories.set(facts.repositoryCount);
  series.activeRuns.set(facts.activeRuns);
  series.queuedRuns.set(facts.queuedRuns);
}
