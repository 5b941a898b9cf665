/**
 * Records one run: its log in batches, its stages, parts and end as durable events, its progress as volatile frames.
 * Order is kept: lines written before an event are journaled before it.
 */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Evidence, Failure, LogLevel, LogLine, Stage, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { LOG, TEXT } from '@holdfast/shared/limits.ts';
import type { DurableEvent, PartEnd } from '@holdfast/shared/protocol/events.ts';
import type { Progress } from '@holdfast/shared/protocol/messages.ts';
import { createLogAllowance, type SaidLine } from './log-allowance.ts';
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
  /** An attempt failed and another follows at `retryAt`, epoch milliseconds. */
  failAttempt(attempt: number, failure: Failure, retryAt: number, effects: () => void): void;
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
  finish(end: RunEnd): void;
  progress(progress: Omit<Progress, 'run'>): void;
}

const encoder = new TextEncoder();
/** Room for the line's number, time and level in a frame. */
const LINE_OVERHEAD_BYTES = 100;
/** Warnings of one part, bytes of each, and bytes of all of them in a frame. */
const WARNINGS = 50;
const WARNING_BYTES = 1000;
const WARNINGS_BYTES = 64 * 1024;
const EVIDENCE_BYTES = 500;

/** Bytes in a frame: JSON writes up to six for one control character or broken pair. */
function measureJson(text: string): number {
  return encoder.encode(JSON.stringify(text)).length;
}

function clip(text: string, maxBytes: number): string {
  const bytes = encoder.encode(text);
  if (bytes.length <= maxBytes) return text;
  const marker = ` … (${bytes.length - maxBytes} bytes left out)`;
  const kept = new TextDecoder('utf-8')
    .decode(bytes.subarray(0, maxBytes - encoder.encode(marker).length - 4))
    .replace(/\ufffd+$/u, '');
  return kept + marker;
}

export function createRecorder(ports: RecorderPorts, run: RunId, firstLine = 0): Recorder {
  const redactors: Redact[] = [];
  let pending: LogLine[] = [];
  let pendingBytes = 0;
  let lineCount = firstLine;
  const allowance = createLogAllowance();
  let stopTimer: (() => void) | undefined;
  let lastFlushAt = Number.NEGATIVE_INFINITY;
  let startedAt = ports.clock.monotonicMs();

  const redact = (text: string) => redactors.reduce((current, one) => one(current), text);
  const at = () => ports.clock.now();

  const flush = () => {
    stopTimer?.();
    stopTimer = undefined;
    if (pending.length === 0) return;
    const lines = pending;
    pending = [];
    pendingBytes = 0;
    lastFlushAt = ports.clock.monotonicMs();
    ports.append({ type: 'run.log', run, at: at(), lines }, () => ports.countLogLines(run, lineCount));
  };

  const push = ({ level, text, at }: SaidLine, size = measureJson(text) + LINE_OVERHEAD_BYTES) => {
    if (pending.length >= LOG.linesPerBatch || pendingBytes + size > LOG.batchBytes) flush();
    lineCount += 1;
    pending.push({ n: lineCount, at, level, text });
    pendingBytes += size;
    if (stopTimer) return;
    // A line after a quiet moment leaves at once; a torrent leaves in batches.
    const wait = Math.max(0, LOG.batchDelayMs - (ports.clock.monotonicMs() - lastFlushAt));
    stopTimer = ports.setTimer(wait, flush);
  };

  const log = (level: LogLevel, text: string) => {
    const line = { level, text: clip(redact(text).replaceAll('\n', ' ⏎ '), TEXT.logLineBytes), at: at() };
    const size = measureJson(line.text) + LINE_OVERHEAD_BYTES;
    if (allowance.take(line, size)) push(line, size);
  };

  /** What was left out is said at the end; of a run that did not end well the last lines follow. */
  const sayWhatIsMissing = (state: TerminalState) => {
    const last = state === 'succeeded' || state === 'skipped' ? [] : allowance.listLast();
    const missing = allowance.leftOut - last.length;
    const text = `… ${missing} lines left out: the log of this run is above ${LOG.runBytes / 1024 / 1024} MiB`;
    if (missing > 0) push({ level: 'warn', text, at: last[0]?.at ?? at() });
    for (const line of last) push(line);
  };

  const append = (event: DurableEvent, effects?: () => void) => {
    flush();
    ports.append(event, effects);
  };

  const clipEvidence = (evidence: readonly Evidence[], count: number): Evidence[] =>
    evidence.slice(0, count).map((one) => ({ ...one, seen: clip(redact(one.seen), EVIDENCE_BYTES) }));

  const clipWarnings = (warnings: readonly string[]): string[] => {
    const fitting: string[] = [];
    let bytes = 0;
    for (const warning of warnings.slice(0, WARNINGS)) {
      const text = clip(redact(warning), WARNING_BYTES);
      bytes += measureJson(text);
      if (bytes > WARNINGS_BYTES) break;
      fitting.push(text);
    }
    if (fitting.length === warnings.length) return fitting;
    const shown = fitting.slice(0, WARNINGS - 1);
    return [...shown, `… ${warnings.length - shown.length} more warnings left out`];
  };

  const clipFailure = (failure: Failure | undefined): Failure | undefined =>
    failure && { ...failure, message: clip(redact(failure.message), TEXT.errorChars) };

  return {
    run,
    addRedaction: (one) => void redactors.push(one),
    redact,
    log,
    settle: flush,
    start(effects) {
      startedAt = ports.clock.monotonicMs();
      append({ type: 'run.started', run, at: at() }, effects);
    },
    failAttempt(attempt, failure, retryAt, effects) {
      const clipped = { ...failure, message: clip(redact(failure.message), TEXT.errorChars) };
      append({ type: 'run.attempt', run, at: at(), attempt, failure: clipped, retryAt }, effects);
    },
    beginStage(stage, source) {
      append({ type: 'run.stage', run, at: at(), stage, ended: false, ...(source ? { source } : {}) });
    },
    endStage(stage, ok, source) {
      append({ type: 'run.stage', run, at: at(), stage, ended: true, ok, ...(source ? { source } : {}) });
    },
    removed(source, snapshots, effects) {
      flush();
      ports.append({ type: 'snapshots.removed', run, at: ports.clock.now(), source, snapshots: [...snapshots] }, effects);
    },
    snapshot(made, effects) {
      append({ type: 'snapshot.made', run, at: at(), snapshot: { ...made, evidence: clipEvidence(made.evidence, 20) } }, effects);
    },
    measured(size) {
      append({ type: 'repository.measured', run, at: at(), ...size });
    },
    verified({ seen, ...verdict }, effects) {
      append({ type: 'snapshot.verified', run, at: at(), ...verdict, seen: clip(redact(seen), EVIDENCE_BYTES) }, effects);
    },
    copied(of, made, effects) {
      append(
        { type: 'snapshot.copied', run, at: at(), of, snapshot: { ...made, evidence: clipEvidence(made.evidence, 20) } },
        effects,
      );
    },
    finishPart(part, effects) {
      const failure = clipFailure(part.failure);
      const warnings = clipWarnings(part.warnings);
      const { failure: _raw, ...rest } = part;
      append({ type: 'part.finished', run, at: at(), part: { ...rest, warnings, ...(failure ? { failure } : {}) } }, effects);
    },
    finalize() {
      append({ type: 'run.finalizing', run, at: at() });
    },
    finish(end) {
      sayWhatIsMissing(end.state);
      flush();
      const failure = clipFailure(end.failure);
      const durationMs = end.durationMs ?? Math.max(0, Math.round(ports.clock.monotonicMs() - startedAt));
      ports.append(
        {
          type: 'run.finished',
          run,
          at: at(),
          state: end.state,
          ...(failure ? { failure } : {}),
          evidence: clipEvidence(end.evidence, 50),
          bytes: end.bytes,
          logLines: lineCount,
          durationMs,
        },
        () => ports.closeRun(run),
      );
    },
    progress(progress) {
      ports.sendProgress({ run, ...progress });
    },
  };
}
