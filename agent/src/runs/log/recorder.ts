/**
 * Records one run: its log in batches, its stages, parts and end as durable events, its progress as volatile frames.
 * Order is kept: lines written before an event are journaled before it.
 */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Evidence, Failure, LogLevel, Stage, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { LOG, TEXT } from '@holdfast/shared/limits.ts';
import type { DurableEvent, PartEnd } from '@holdfast/shared/protocol/events.ts';
import type { Progress } from '@holdfast/shared/protocol/messages.ts';
import { clip, createClipping } from './clipping.ts';
import { createLogAllowance } from './log-allowance.ts';
import { createLogBatches, measureLine } from './log-batches.ts';
import type { Redact } from './redact.ts';

export interface RecorderPorts {
  clock: Clock;
  /** Journals an event with the effects that belong to it, in one transaction. */
  append(event: DurableEvent, effects?: () => void): void;
  countLogLines(run: RunId, total: number): void;
  /** Closes the run in the journal; called inside the transaction of its last event. */
  closeRun(run: RunId): void;
  sendProgress(progress: Progress): void;
  /** Calls back once after `ms`; returns how to stop that. */
  setTimer(ms: number, callback: () => void): () => void;
}

export interface RunEnd {
  state: TerminalState;
  failure?: Failure | undefined;
  evidence: readonly Evidence[];
  bytes: number;
  /** For a run that an earlier life of the agent began; measured by the recorder otherwise. */
  durationMs?: number | undefined;
}

/** `attempt` counts from 1 and failed `at`; `sources` are tried again at `retryAt`. Both are epoch milliseconds of one look at the clock. */
export interface FailedAttempt {
  attempt: number;
  at: number;
  failure: Failure;
  retryAt: number;
  sources: readonly SourceId[];
}

export interface Recorder {
  readonly run: RunId;
  /** Secrets that became known; every line from now on is redacted with it too. */
  addRedaction(redact: Redact): void;
  redact(text: string): string;
  log(level: LogLevel, text: string): void;
  /** Journals now what was said so far: for a run that waits, whose agent may end meanwhile. */
  settle(): void;
  /** `effects` are journaled together with the event. */
  start(effects: () => void): void;
  /** An attempt failed and another follows, see `FailedAttempt`. */
  failAttempt(failed: FailedAttempt, effects: () => void): void;
  beginStage(stage: Stage, source?: SourceId): void;
  endStage(stage: Stage, ok: boolean, source?: SourceId): void;
  snapshot(made: SnapshotMade, effects: () => void): void;
  /** Snapshots of a source are gone; at most `RUNS.removedPerEvent` at once. */
  removed(source: SourceId, snapshots: readonly { engineId: string; why: string }[], effects: () => void): void;
  /** How big the run's repository is. */
  measured(size: { sizeBytes: number; uncompressedBytes?: number | undefined; snapshots: number }): void;
  /** One snapshot was read to its end, or could not be. */
  verified(verdict: Omit<Extract<DurableEvent, { type: 'snapshot.verified' }>, 'type' | 'run' | 'at'>, effects: () => void): void;
  /** A snapshot lies in the run's repository too. */
  copied(of: SnapshotId, made: SnapshotMade, effects: () => void): void;
  finishPart(part: PartEnd, effects: () => void): void;
  finalize(): void;
  /** Closes the run; `effects` are journaled before, together with the event. */
  finish(end: RunEnd, effects?: () => void): void;
  progress(progress: Omit<Progress, 'run'>): void;
}

export function createRecorder(ports: RecorderPorts, run: RunId, firstLine = 0): Recorder {
  const redactors: Redact[] = [];
  const redact = (text: string) => redactors.reduce((current, one) => one(current), text);
  const clipping = createClipping(redact);
  const allowance = createLogAllowance();
  let startedAt = ports.clock.monotonicMs();
  const at = () => ports.clock.now();

  const batches = createLogBatches(
    {
      clock: ports.clock,
      write: (lines) => ports.append({ type: 'run.log', run, at: at(), lines }, () => ports.countLogLines(run, batches.count)),
      setTimer: ports.setTimer,
    },
    firstLine,
  );
  const log = (level: LogLevel, text: string) => {
    const line = { level, text: clip(redact(text).replaceAll('\n', ' ⏎ '), TEXT.logLineBytes), at: at() };
    const size = measureLine(line);
    if (allowance.take(line, size)) batches.push(line, size);
  };

  /** What was left out is said at the end; of a run that did not end well the last lines follow. */
  const sayWhatIsMissing = (state: TerminalState) => {
    const last = state === 'succeeded' || state === 'skipped' ? [] : allowance.listLast();
    const missing = allowance.leftOut - last.length;
    const text = `… ${missing} lines left out: the log of this run is above ${LOG.runBytes / 1024 / 1024} MiB`;
    if (missing > 0) batches.push({ level: 'warn', text, at: last[0]?.at ?? at() });
    for (const line of last) batches.push(line);
  };

  const append = (event: DurableEvent, effects?: () => void) => {
    batches.flush();
    ports.append(event, effects);
  };
  const clipMade = (made: SnapshotMade): SnapshotMade => ({ ...made, evidence: clipping.evidence(made.evidence, 20) });

  return {
    run,
    addRedaction: (one) => void redactors.push(one),
    redact,
    log,
    settle: batches.flush,
    start(effects) {
      startedAt = ports.clock.monotonicMs();
      append({ type: 'run.started', run, at: at() }, effects);
    },
    failAttempt({ failure, sources, ...failed }, effects) {
      append({ type: 'run.attempt', run, ...failed, failure: clipping.failure(failure), sources: [...sources] }, effects);
    },
    beginStage(stage, source) {
      append({ type: 'run.stage', run, at: at(), stage, ended: false, ...(source ? { source } : {}) });
    },
    endStage(stage, ok, source) {
      append({ type: 'run.stage', run, at: at(), stage, ended: true, ok, ...(source ? { source } : {}) });
    },
    removed(source, snapshots, effects) {
      append({ type: 'snapshots.removed', run, at: at(), source, snapshots: [...snapshots] }, effects);
    },
    snapshot(made, effects) {
      append({ type: 'snapshot.made', run, at: at(), snapshot: clipMade(made) }, effects);
    },
    measured(size) {
      append({ type: 'repository.measured', run, at: at(), ...size });
    },
    verified({ seen, ...verdict }, effects) {
      append({ type: 'snapshot.verified', run, at: at(), ...verdict, seen: clipping.seen(seen) }, effects);
    },
    copied(of, made, effects) {
      append({ type: 'snapshot.copied', run, at: at(), of, snapshot: clipMade(made) }, effects);
    },
    finishPart(part, effects) {
      const { failure, ...rest } = part;
      const warnings = clipping.warnings(part.warnings);
      const clipped = { ...rest, warnings, ...(failure ? { failure: clipping.failure(failure) } : {}) };
      append({ type: 'part.finished', run, at: at(), part: clipped }, effects);
    },
    finalize() {
      append({ type: 'run.finalizing', run, at: at() });
    },
    finish(end, effects) {
      sayWhatIsMissing(end.state);
      batches.flush();
      const durationMs = end.durationMs ?? Math.max(0, Math.round(ports.clock.monotonicMs() - startedAt));
      ports.append(
        {
          type: 'run.finished',
          run,
          at: at(),
          state: end.state,
          ...(end.failure ? { failure: clipping.failure(end.failure) } : {}),
          evidence: clipping.evidence(end.evidence, 50),
          bytes: end.bytes,
          logLines: batches.count,
          durationMs,
        },
        () => {
          effects?.();
          ports.closeRun(run);
        },
      );
    },
    progress(progress) {
      ports.sendProgress({ run, ...progress });
    },
  };
}
