/** The exposition text of `/metrics`: values are read from the ledger, so they never drift from it. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { CoreContext } from '../core/ports.ts';
import { formatBlock, joinBlocks } from './exposition.ts';
import { HOST_FAMILIES, WAITING_FAMILIES } from './families.ts';
import { createFinishedRuns } from './finished-runs.ts';
import { createSeries, showFacts } from './fleet-series.ts';
import { readFacts } from './ledger-facts.ts';
import { createRounds, type RoundLimits } from './rounds.ts';

export interface Metrics {
  readonly contentType: string;
  render(): Promise<Buffer>;
  close(): void;
}

export interface MetricsOptions {
  context: CoreContext;
  version: string;
  /** The folder of the database, for the disk it lies on. */
  dataDir: string;
  /** Pages that are live now. */
  countStreams?(): number;
  /** Connections of hosts since this process began. */
  countConnections?(): number;
  limits?: RoundLimits | undefined;
}

/** Of Node's own metrics these break the naming rules: gauges called `_total`. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export function createMetrics(options: MetricsOptions): Metrics {
  const { context, version, dataDir } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const series = createSeries(registry);
  series.buildInfo.set({ version, node: process.versions.node }, 1);
  const finished = createFinishedRuns(context, ({ kind, state, seconds }) =>
    series.runDuration.observe({ kind, state }, seconds),
  );
  const rounds = createRounds(context, options.limits);
  let underWay: Promise<Buffer> | undefined;

  async function render(): Promise<Buffer> {
    await finished.settle();
    const round = await rounds.show();
    const facts = await readFacts(context, dataDir);
    // Without a pause in between, so that no scrape sees half of the new values.
    showFacts(series, facts, round);
    series.streams.set(options.countStreams?.() ?? 0);
    series.connections.reset();
    series.connections.inc(options.countConnections?.() ?? 0);
    const hosts = formatBlock(HOST_FAMILIES, facts.hosts, ({ name }) => ({ host: name }));
    const waiting = formatBlock(WAITING_FAMILIES, [facts.fleet], () => ({}));
    return Buffer.concat([
      Buffer.from(await registry.metrics(), 'utf8'),
      ...joinBlocks(WAITING_FAMILIES, [waiting]),
      ...joinBlocks(HOST_FAMILIES, [hosts]),
      ...round.pieces,
    ]);
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
      rounds.close();
      registry.clear();
    },
  };
}
