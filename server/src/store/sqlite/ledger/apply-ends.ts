/** How parts and runs end: what a host claims, held against what the ledger has seen. */
import type { DrillVerdict } from '@holdfast/shared/domain/drill.ts';
import { canMove, combineParts, type Failure, isTerminal, type TerminalState } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RunPart } from '../../runs.ts';
import type { Frame } from './event-frame.ts';
import type { RunHead } from './run-rows.ts';

type PartFinished = Extract<DurableEvent, { type: 'part.finished' }>;
type RunFinished = Extract<DurableEvent, { type: 'run.finished' }>;

/** A backup without a snapshot is none, whatever the host calls it. */
function judgePart(frame: Frame, part: PartFinished['part'], head: RunHead): PartFinished['part'] {
  const claimsBackup = head.kind === 'backup' && (part.state === 'succeeded' || part.state === 'partial');
  if (!claimsBackup || frame.snapshots.hasData(head, part.source)) return part;
  frame.report(`run ${head.id} calls source ${part.source} ${part.state} but reported no snapshot of it`);
  const failure: Failure = {
    code: 'integrity',
    message: 'The host called this source backed up but named no snapshot of it. Do not rely on it; run it again.',
    reason: 'evidence_failed',
  };
  return { ...part, state: 'failed', failure };
}

export function applyPartFinished(frame: Frame, event: PartFinished, head: RunHead): boolean {
  const part = judgePart(frame, event.part, head);
  if (!frame.rows.findPart(head.id, part.source)) {
    frame.report(`run ${head.id} ends source ${part.source}, which is not in it`);
    return false;
  }
  if (!frame.rows.endPart(head.id, { ...part, failure: part.failure }, event.at)) return false;
  if (head.kind === 'backup' && part.state === 'succeeded') {
    frame.snapshots.vouch(head, part.source, 'good');
    frame.snapshots.judgeSize(head, part.source);
    frame.drills.countBackup(part.source, frame.receivedAt);
  }
  if (head.kind === 'backup' && part.state === 'partial') frame.snapshots.vouch(head, part.source, 'partial');
  if (head.kind === 'drill' && part.drill) recordVerdict(frame, head, part.source, part.drill, event.at);
  return true;
}

function recordVerdict(frame: Frame, head: RunHead, source: string, verdict: DrillVerdict, at: number): void {
  if (!frame.drills.record(head, source, at, verdict))
    frame.report(`run ${head.id} judges a snapshot of source ${source} that is not this host's`);
}

/** What becomes of parts that the host never ended. */
function judgeOpenParts(claimed: RunFinished): { state: TerminalState; failure?: Failure | undefined } {
  if (claimed.state === 'cancelled' || claimed.state === 'skipped') return { state: claimed.state, failure: claimed.failure };
  const silent: Failure = {
    code: 'integrity',
    message: 'The run ended without a word about this source. Do not rely on it; run it again.',
    reason: 'evidence_failed',
  };
  return { state: 'failed', failure: claimed.failure ?? silent };
}

/** A backup is never better than its parts; it may be worse, when the host knows more. */
function judgeState(
  claimed: TerminalState,
  kind: RunHead['kind'],
  parts: readonly RunPart[],
  open: TerminalState,
): TerminalState {
  if (kind !== 'backup' || (claimed !== 'succeeded' && claimed !== 'partial')) return claimed;
  const combined = combineParts(parts.map((part) => (isTerminal(part.state) ? part.state : open)));
  return combined === 'succeeded' ? claimed : combined;
}

/** Ends the run; returns the event with the state the ledger holds, undefined when the run had ended before. */
export function applyRunFinished(frame: Frame, event: RunFinished, head: RunHead): RunFinished | undefined {
  if (isTerminal(head.state)) return undefined;
  const openParts = judgeOpenParts(event);
  let state = judgeState(event.state, head.kind, frame.rows.listParts(head.id), openParts.state);
  if (head.state === 'queued' && (state === 'succeeded' || state === 'partial')) frame.rows.advance(head, 'running', event.at);
  // A run that began cannot be skipped, and no report may leave a run open for ever.
  if (!canMove(head.state, state)) state = 'failed';
  if (state !== event.state) frame.report(`run ${head.id} claims to be ${event.state}, its parts say ${state}`);
  const { failure, evidence, bytes, durationMs, logLines, at: finishedAt } = event;
  const end = { finishedAt, reportedAt: frame.receivedAt, failure, evidence, bytes, durationMs, logLines };
  if (!frame.rows.finish(head, state, end, openParts)) return undefined;
  frame.logs.end(head.id, state);
  return { ...event, state };
}
