/** Runs as hosts tell of them, in frames through the store's own door. */

import { sequence } from '@holdfast/server/store/contract/samples.ts';
import type { Host } from '@holdfast/server/store/hosts.ts';
import type { Plan } from '@holdfast/server/store/plans.ts';
import type { Store } from '@holdfast/server/store/store.ts';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type IdKind, type SourceId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine, TerminalState } from '@holdfast/shared/domain/run.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';

/** The newest are still under way. */
const OPEN_RUNS = 10;

/** A source and what backs it up. */
export type Owned = { readonly host: Host; readonly source: SourceId; readonly plan: Plan };

export type ToldRuns = {
  readonly runs: number;
  /** Over which they are spread evenly, the last one now. */
  readonly days: number;
  readonly now: number;
  /** How the run of this number ends. */
  stateOf(index: number): TerminalState;
  /** What it logs from an instant on; a run without lines tells of no log. */
  linesOf?(index: number, at: number): LogLine[];
  say?(text: string): void;
};

/** Backups in turn over all sources, the oldest first. */
export async function tellRuns(store: Store, owned: readonly Owned[], told: ToldRuns): Promise<void> {
  const stepMs = (told.days * 86_400_000) / told.runs;
  const streams = new Map<Host, { seq: number; waiting: DurableEvent[] }>();
  const flush = async (host: Host, stream: { seq: number; waiting: DurableEvent[] }) => {
    const frame = sequence(stream.waiting, stream.seq);
    await store.events.applyEvents(host.tenant, host.id, 'bench-epoch', frame, told.now);
    stream.seq += frame.length;
    stream.waiting = [];
  };
  for (let index = 0; index < told.runs; index += 1) {
    const one = owned[index % owned.length];
    if (one === undefined) throw new Error('there is no plan');
    const stream = streams.get(one.host) ?? { seq: 1, waiting: [] };
    streams.set(one.host, stream);
    stream.waiting.push(...tellRun(one, index, Math.round(told.now - (told.runs - index) * stepMs), told));
    if (stream.waiting.length > WIRE.eventsPerFrame - 10) await flush(one.host, stream);
    if (index % 100_000 === 99_999) told.say?.(`${index + 1} of ${told.runs} runs`);
  }
  for (const [host, stream] of streams) if (stream.waiting.length > 0) await flush(host, stream);
}

function tellRun({ source, plan }: Owned, index: number, at: number, told: ToldRuns): readonly DurableEvent[] {
  const makeId = <K extends IdKind>(kind: K) => createId(kind, { clock: { now: () => at }, randomBytes: systemRandomBytes });
  const run = makeId('run');
  const state = told.stateOf(index);
  const failure = {
    code: 'tool_failed',
    message: 'pg_dump: error: connection to server was lost',
    reason: 'dump_failed',
  } as const;
  const trouble = state === 'succeeded' ? {} : { failure };
  const evidence = [{ check: 'read_back', ok: state === 'succeeded', seen: 'tags and size match the summary' } as const];
  const lines = told.linesOf?.(index, at + 200) ?? [];
  const bytes = 1_000_000 + index;
  const created: DurableEvent = {
    type: 'run.created',
    run,
    at,
    kind: 'backup',
    trigger: 'schedule',
    plan: plan.id,
    repository: plan.repository,
    sources: [source],
    fireAt: at,
  };
  const begin: readonly DurableEvent[] = [
    created,
    { type: 'run.started', run, at: at + 100 },
    ...(lines.length === 0 ? [] : [{ type: 'run.log' as const, run, at: at + 9000, lines }]),
  ];
  if (index >= told.runs - OPEN_RUNS) return begin;
  const snapshot = {
    id: makeId('snapshot'),
    engineId: index.toString(16).padStart(64, '0'),
    source,
    role: 'data' as const,
    createdAt: at + 9000,
    sizeBytes: bytes,
    addedBytes: 10_000,
    files: 12,
    evidence,
  };
  const part = { source, state, ...trouble, warnings: [], bytes, durationMs: 9000 };
  const end = { state, ...trouble, evidence, bytes, logLines: lines.length, durationMs: 9900 };
  return [
    ...begin,
    ...(state === 'failed' ? [] : [{ type: 'snapshot.made' as const, run, at: at + 9000, snapshot }]),
    { type: 'part.finished', run, at: at + 9500, part },
    { type: 'run.finished', run, at: at + 10_000, ...end },
  ];
}
