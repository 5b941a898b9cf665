/** What a host has to tell: the events of any number of runs, each with what the ledger must hold of it afterwards. Pure. */
import { createHash } from 'node:crypto';
import {
  createId,
  type PlanId,
  type RepositoryId,
  type RunId,
  type SnapshotId,
  type SourceId,
} from '@holdfast/shared/domain/ids.ts';
import type { LogLine, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Seed } from '../../seed.ts';

export type Subject = { readonly source: SourceId; readonly plan: PlanId; readonly repository: RepositoryId };

/** One run as the ledger must have it in the end; instants are epoch milliseconds. */
export type ExpectedRun = {
  readonly id: RunId;
  readonly state: TerminalState;
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly durationMs: number;
  readonly bytes: number;
  readonly lines: number;
  /** SHA-256 of all lines with their numbers. */
  readonly log: string;
  /** `stage:start-end:ok`, by name. */
  readonly stages: string;
  readonly part: string;
  readonly snapshot: string;
};

const STATES = ['succeeded', 'succeeded', 'succeeded', 'partial', 'failed'] as const;
const STAGES = ['preflight', 'store', 'evidence'] as const;
const SNAPSHOT_STATE = { succeeded: 'good', partial: 'partial', failed: 'quarantined' } as const;
const FIRST_AT = 1_700_000_000_000;
const WORDS = ['open', 'read', 'sent', '"quoted"', 'größe', '\\', '🦔', '</script>', 'a'.repeat(60)] as const;

export function hashLines(lines: readonly LogLine[]): string {
  const hash = createHash('sha256');
  for (const { n, at, level, text } of lines) hash.update(`${n} ${at} ${level} ${text}\n`);
  return hash.digest('hex');
}

/** The run of this number: its events in order, and its end. */
export function createRun(seed: Seed, index: number, subject: Subject): { events: DurableEvent[]; expected: ExpectedRun } {
  const { source, plan, repository } = subject;
  let now = FIRST_AT + index * 100_000;
  const tick = () => {
    now += seed.int([1, 50]);
    return now;
  };
  const randomBytes = (size: number) => Uint8Array.from({ length: size }, () => seed.int([0, 255]));
  const make = <K extends 'run' | 'snapshot'>(kind: K) => createId(kind, { clock: { now: () => now }, randomBytes });
  const run: RunId = make('run');
  const state = seed.pick(STATES);
  const createdAt = tick();
  const startedAt = tick();
  const events: DurableEvent[] = [
    { type: 'run.created', run, at: createdAt, kind: 'backup', trigger: 'local', plan, repository, sources: [source] },
    { type: 'run.started', run, at: startedAt },
  ];
  const lines: LogLine[] = [];
  const stages: string[] = [];
  const engineId = createHash('sha256').update(run).digest('hex');
  const snapshot: SnapshotId = make('snapshot');
  const bytes = seed.int([1, 1_000_000]);
  for (const stage of STAGES) {
    const began = tick();
    events.push({ type: 'run.stage', run, at: began, source, stage, ended: false });
    for (let batch = seed.int([1, 12]); batch > 0; batch -= 1) {
      const fresh = Array.from({ length: seed.int([1, 5]) }, (_, offset): LogLine => {
        const text = Array.from({ length: 4 }, () => seed.pick(WORDS)).join(' ');
        return { n: lines.length + offset + 1, at: now, level: seed.pick(['info', 'warn']), text };
      });
      lines.push(...fresh);
      events.push({ type: 'run.log', run, at: tick(), lines: fresh });
    }
    if (stage === 'store') {
      const made = { id: snapshot, engineId, source, role: 'data' as const, createdAt: now, sizeBytes: bytes, evidence: [] };
      events.push({ type: 'snapshot.made', run, at: tick(), snapshot: made });
    }
    const ok = state !== 'failed' || stage !== 'evidence';
    const endedAt = tick();
    events.push({ type: 'run.stage', run, at: endedAt, source, stage, ended: true, ok });
    stages.push(`${stage}:${began}-${endedAt}:${ok ? 1 : 0}`);
  }
  const durationMs = seed.int([1, 100_000]);
  const failure = state === 'failed' ? { failure: { code: 'tool_failed' as const, message: 'it did not work' } } : {};
  events.push({ type: 'part.finished', run, at: tick(), part: { source, state, warnings: [], bytes, durationMs, ...failure } });
  events.push({ type: 'run.finalizing', run, at: tick() });
  const finishedAt = tick();
  const end = { state, ...failure, evidence: [], bytes, logLines: lines.length, durationMs };
  events.push({ type: 'run.finished', run, at: finishedAt, ...end });
  const expected: ExpectedRun = {
    id: run,
    state,
    createdAt,
    startedAt,
    finishedAt,
    durationMs,
    bytes,
    lines: lines.length,
    log: hashLines(lines),
    stages: stages.toSorted().join(' '),
    part: `${source} ${state} ${bytes}`,
    snapshot: `${engineId} ${SNAPSHOT_STATE[state]} ${bytes}`,
  };
  return { events, expected };
}
