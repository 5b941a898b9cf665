/** What agents report, built for the suite. */
import type { RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { AppliedEvents } from '../events.ts';
import type { Host } from '../hosts.ts';
import type { Run, RunPart, RunStage } from '../runs.ts';
import type { Snapshot } from '../snapshots.ts';
import type { Store } from '../store.ts';
import { NOW, nextNumber, sampleHost, sampleId, sampleSource, sequence } from './samples.ts';

export type EventOf<T extends DurableEvent['type']> = Extract<DurableEvent, { type: T }>;

export function createdEvent(run: RunId, change: Partial<EventOf<'run.created'>> = {}): EventOf<'run.created'> {
  return {
    type: 'run.created',
    run,
    at: NOW,
    kind: 'backup',
    trigger: 'schedule',
    repository: sampleId('repository'),
    sources: [],
    ...change,
  };
}

/** A run as a person ordered it, before its host told anything. */
export function orderedRun(host: Host, change: Partial<Run> = {}): Run {
  return {
    id: sampleId('run'),
    tenant: host.tenant,
    host: host.id,
    kind: 'backup',
    trigger: 'manual',
    state: 'queued',
    plan: sampleId('plan'),
    repository: sampleId('repository'),
    fireAt: undefined,
    createdAt: NOW,
    startedAt: undefined,
    finishedAt: undefined,
    durationMs: undefined,
    receivedAt: NOW,
    reportedAt: undefined,
    bytes: 0,
    failure: undefined,
    evidence: [],
    snapshot: undefined,
    target: undefined,
    requestedBy: 'Ada',
    logLines: 0,
    ...change,
  };
}

export function startedEvent(run: RunId, at = NOW + 10): DurableEvent {
  return { type: 'run.started', run, at };
}

export function madeEvent(run: RunId, source: SourceId, change: Partial<SnapshotMade> = {}): EventOf<'snapshot.made'> {
  const engineId = nextNumber().toString(16).padStart(64, '0');
  return {
    type: 'snapshot.made',
    run,
    at: NOW + 20,
    snapshot: {
      id: sampleId('snapshot'),
      engineId,
      source,
      role: 'data',
      createdAt: NOW + 20,
      sizeBytes: 4096,
      addedBytes: 512,
      files: 3,
      fileName: undefined,
      evidence: [{ check: 'read_back', ok: true, seen: 'tags match' }],
      ...change,
    },
  };
}

export function partEvent(run: RunId, source: SourceId, state: TerminalState, at = NOW + 30): EventOf<'part.finished'> {
  const failure = state === 'failed' ? ({ code: 'tool_failed', message: 'broke', reason: 'dump_failed' } as const) : undefined;
  return {
    type: 'part.finished',
    run,
    at,
    part: { source, state, ...(failure ? { failure } : {}), warnings: [], bytes: 4096, durationMs: 20 },
  };
}

export function finishedEvent(
  run: RunId,
  state: TerminalState,
  change: Partial<EventOf<'run.finished'>> = {},
): EventOf<'run.finished'> {
  return {
    type: 'run.finished',
    run,
    at: NOW + 40,
    state,
    evidence: [{ check: 'exit_codes', ok: state === 'succeeded', seen: '0' }],
    bytes: 4096,
    logLines: 0,
    durationMs: 30,
    ...change,
  };
}

export function logEvent(run: RunId, lines: readonly LogLine[]): EventOf<'run.log'> {
  return { type: 'run.log', run, at: NOW + 15, lines: [...lines] };
}

export function logLine(n: number, text = `line ${n}`, level: LogLine['level'] = 'info'): LogLine {
  return { n, at: NOW + n, level, text };
}

/** A host with one source, in the store. */
export async function addHost(store: Store): Promise<{ host: Host; source: SourceId }> {
  const host = sampleHost();
  const source = sampleSource(host);
  await store.hosts.insertHost(host);
  await store.sources.insertSource(source);
  return { host, source: source.id };
}

/** Sends events as one frame of a stream of their own. */
export function report(
  store: Store,
  host: Host,
  events: readonly DurableEvent[],
  epoch = `epoch-${nextNumber()}`,
): Promise<AppliedEvents> {
  return store.events.applyEvents(host.tenant, host.id, epoch, sequence(events), NOW + 100);
}

/** One whole backup of some sources, each ending as told. */
export async function backUp(
  store: Store,
  host: Host,
  options: {
    sources: readonly SourceId[];
    repository?: RepositoryId;
    state?: TerminalState;
    created?: Partial<EventOf<'run.created'>>;
    made?: Partial<SnapshotMade>;
  },
): Promise<{ run: RunId; engineId: string; events: readonly DurableEvent[] }> {
  const { sources, repository = sampleId('repository'), state = 'succeeded' } = options;
  const run = sampleId('run');
  const made = sources.map((source) => madeEvent(run, source, options.made));
  const events: DurableEvent[] = [
    createdEvent(run, { repository, sources: [...sources], ...options.created }),
    startedEvent(run),
    ...made,
    ...sources.map((source) => partEvent(run, source, state)),
    finishedEvent(run, state),
  ];
  await report(store, host, events);
  return { run, engineId: made[0]?.snapshot.engineId ?? '', events };
}

export interface Ledger {
  runs: readonly Run[];
  parts: readonly RunPart[];
  stages: readonly RunStage[];
  logs: readonly LogLine[];
  snapshots: readonly Snapshot[];
  happenings: readonly string[];
}

/** Everything the store knows of a host's runs, in a form that can be compared. */
export async function readLedger(store: Store, host: Host): Promise<Ledger> {
  const runs = (await store.runs.listRuns(host.tenant, { host: host.id }, { limit: 200 })).rows;
  const globals = await store.snapshots.listSnapshots(host.tenant, { host: host.id, role: 'globals' }, { limit: 200 });
  const snapshots = await store.snapshots.listSnapshots(host.tenant, { host: host.id }, { limit: 200 });
  const ledger: Ledger = {
    runs,
    parts: [],
    stages: [],
    logs: [],
    snapshots: [...snapshots.rows, ...globals.rows],
    happenings: [],
  };
  const parts: RunPart[] = [];
  const stages: RunStage[] = [];
  const logs: LogLine[] = [];
  for (const run of runs) {
    parts.push(...(await store.runs.listParts(host.tenant, run.id)));
    stages.push(...(await store.runs.listStages(host.tenant, run.id)));
    logs.push(...(await store.logs.readLog(host.tenant, run.id, { after: 0, limit: 100_000 })));
  }
  const happenings = await store.trail.listHappenings(host.tenant, host.id, 200);
  return { ...ledger, parts, stages, logs, happenings: happenings.map((happening) => happening.text) };
}
