/** A run in sentences: what it did, why it ended so, who started it. Pure. */
import { getAdvice, REASON_NAMES, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence, Failure, RunKind, Trigger } from '@holdfast/shared/domain/run.ts';
import type { ErrorCode } from '@holdfast/shared/errors.ts';
import type { Run, RunPart } from '../../../store/runs.ts';
import { formatDuration, formatNoun, formatSpan } from '../../ui/quantity.ts';
import type { RunState as ShownState } from '../../ui/status.ts';
import { type Clockface, formatDay, formatMinute } from '../../ui/time.ts';
import { REASON_SENTENCES } from './run-reasons.ts';

/** A heading is one sentence: what is longer stands in full in the failure panel. */
const HEADING_CHARS = 140;
/** A report that comes this much later than the end was not made while the server listened. */
const LATE_REPORT_MS = 60_000;

/** What to do where no classified reason says it better. */
const ADVICE_BY_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  unavailable: 'Check that what could not be reached is up, then run again.',
  tool_failed: 'Read the tool’s own words in the log.',
  integrity: 'Do not rely on what this run stored. Read the log before anything else.',
  unsupported: 'The host cannot do this; see its page for the tools it has.',
  internal: 'Read the log; if it does not explain itself, report the run’s id.',
};

/** Kinds of runs as filters and reports name them. */
export const RUN_KIND_WORDS: Readonly<Record<RunKind, string>> = {
  backup: 'backup',
  restore: 'restore',
  forget: 'retention',
  check: 'check',
  prune: 'prune',
  drill: 'drill',
  verify: 'verification',
  delete_snapshot: 'deletion of snapshots',
  copy: 'copy',
  unlock: 'unlocking',
};

export interface FailureWords {
  /** The tool's or program's own sentence, without the advice. */
  what: string;
  /** The classified cause as a sentence; undefined where none is known. */
  why?: string | undefined;
  /** What a person can do about it. */
  advice?: string | undefined;
}

function findKnownReason(reason: string | undefined): Reason | undefined {
  return REASON_NAMES.find((name) => name === reason);
}

/** A failure's message ends in its advice; told apart, each can stand where it helps. */
export function splitFailure(failure: Failure): FailureWords {
  const reason = findKnownReason(failure.reason);
  const advice = reason === undefined ? ADVICE_BY_CODE[failure.code] : getAdvice(reason);
  const text = failure.message.trim();
  const what = advice !== undefined && text.endsWith(advice) ? text.slice(0, -advice.length).trim() : text;
  return {
    what: what === '' ? 'It says nothing more.' : what,
    why: reason === undefined ? undefined : REASON_SENTENCES[reason],
    advice,
  };
}

/** The first line of a text, cut at a word, without the full stop. */
export function shortenSentence(text: string, limit = HEADING_CHARS): string {
  const line = (text.split('\n', 1)[0] ?? '').trim().replace(/[.\s]+$/u, '');
  if (line.length <= limit) return line;
  const cut = line.slice(0, limit);
  const space = cut.lastIndexOf(' ');
  return `${(space > limit / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}

function isEvidenceOf(evidence: readonly Evidence[], check: Evidence['check']): boolean {
  return evidence.length > 0 && evidence.every((item) => item.ok) && evidence.some((item) => item.check === check);
}

export interface RunSentenceFacts {
  run: Pick<Run, 'kind' | 'state' | 'startedAt' | 'finishedAt' | 'durationMs' | 'failure'>;
  parts: readonly Pick<RunPart, 'state' | 'failure'>[];
  evidence: readonly Evidence[];
  now: number;
  hostName: string;
  hostOnline: boolean;
  /** What it waits for after an attempt that failed: that the next one is due, or that others let go of its repository. */
  awaits?: 'attempt' | 'repository' | undefined;
}

export function findDurationMs(run: Pick<Run, 'startedAt' | 'finishedAt' | 'durationMs'>): number | undefined {
  if (run.durationMs !== undefined) return run.durationMs;
  if (run.startedAt === undefined || run.finishedAt === undefined) return undefined;
  return Math.max(0, run.finishedAt - run.startedAt);
}

function findFailure(facts: RunSentenceFacts): Failure | undefined {
  return facts.run.failure ?? facts.parts.find((part) => part.failure !== undefined)?.failure;
}

/** What a tool says at greater length stands in the failure panel alone, where the cause is known. */
const TOOL_WORDS_CHARS = 60;

/** `Failed after 12 s: pg_dump: wrong password.`, or the known cause where the tool's own words are long. */
function describeTrouble(lead: string, facts: RunSentenceFacts): string {
  const failure = findFailure(facts);
  if (failure === undefined) return `${lead}.`;
  const { what, why } = splitFailure(failure);
  const isKnown = why !== undefined && failure.reason !== 'unknown_failure';
  if (isKnown && what.length > TOOL_WORDS_CHARS) return `${lead}: ${why.charAt(0).toLowerCase()}${why.slice(1)}`;
  return `${lead}: ${shortenSentence(what)}.`.replace('….', '…');
}

/** What a run of each kind does, while it does it and when it has. */
const VERBS: Readonly<Record<RunKind, { doing: string; done: string; checking: string }>> = {
  backup: { doing: 'Backing up', done: 'Backed up', checking: 'Checking what was stored.' },
  restore: { doing: 'Restoring', done: 'Restored', checking: 'Checking what was restored.' },
  forget: { doing: 'Removing old snapshots', done: 'Removed old snapshots', checking: 'Checking what was removed.' },
  check: { doing: 'Checking the repository', done: 'Checked the repository', checking: 'Measuring the repository.' },
  drill: { doing: 'Trying out a restore', done: 'Recovery proven', checking: 'Removing what was restored.' },
  verify: { doing: 'Reading snapshots whole', done: 'Read whole', checking: 'Noting what was read.' },
  delete_snapshot: { doing: 'Deleting snapshots', done: 'Deleted', checking: 'Checking what was deleted.' },
  copy: { doing: 'Copying to the second repository', done: 'Copied', checking: 'Checking the copies.' },
  unlock: { doing: 'Unlocking the repository', done: 'Unlocked the repository', checking: 'Checking what was removed.' },
  prune: { doing: 'Pruning the repository', done: 'Pruned the repository', checking: 'Measuring the repository.' },
};

function describeSuccess(facts: RunSentenceFacts, took: string): string {
  if (facts.run.kind === 'check') return `${VERBS.check.done}${took}: no damage found.`;
  if (['forget', 'prune', 'drill', 'delete_snapshot', 'unlock'].includes(facts.run.kind))
    return `${VERBS[facts.run.kind].done}${took}.`;
  if (facts.run.kind === 'verify') return `${VERBS.verify.done}${took}: every byte was authenticated.`;
  if (facts.run.kind === 'copy') return `${VERBS.copy.done}${took}, and read back from the second repository.`;
  if (facts.run.kind === 'restore')
    return `Restored${took}${isEvidenceOf(facts.evidence, 'target_verified') ? ', and verified.' : '.'}`;
  return `Backed up${took}${isEvidenceOf(facts.evidence, 'read_back') ? ', and proven readable.' : '.'}`;
}

function describePartial(facts: RunSentenceFacts, took: string): string {
  const clean = facts.parts.filter((part) => part.state === 'succeeded').length;
  const verb = VERBS[facts.run.kind].done;
  if (facts.parts.length > 1) return `${verb} ${clean} of ${formatNoun(facts.parts.length, 'source')} cleanly${took}.`;
  return describeTrouble(`${verb} in part${took}`, facts);
}

function describeWaiting(facts: RunSentenceFacts): string {
  if (facts.hostOnline) return `Waiting for ${facts.hostName} to begin.`;
  return `Waiting for ${facts.hostName}, which is offline.`;
}

/** A run as it is shown: of what is under way on a host that says nothing, nobody knows more than that it had begun. */
export function showState({ state }: Pick<Run, 'state'>, hostOnline: boolean): ShownState {
  return !hostOnline && (state === 'running' || state === 'finalizing') ? 'unknown' : state;
}

/** The page's answer: what became of this run, as one sentence. */
export function describeRun(facts: RunSentenceFacts): string {
  const { run, now } = facts;
  const durationMs = findDurationMs(run);
  const took = durationMs === undefined ? '' : ` in ${formatDuration(durationMs)}`;
  const after = durationMs === undefined ? '' : ` after ${formatDuration(durationMs)}`;
  if (showState(run, facts.hostOnline) === 'unknown')
    return `Under way when ${facts.hostName} was last heard of; it tells what became of it when it is back.`;
  switch (run.state) {
    case 'queued':
      return describeWaiting(facts);
    case 'running': {
      if (facts.awaits === 'attempt') return 'Waiting for its next attempt.';
      if (facts.awaits === 'repository') return 'Waiting until others let go of its repository.';
      const verb = VERBS[run.kind].doing;
      return run.startedAt === undefined ? `${verb}.` : `${verb} for ${formatSpan(Math.max(0, now - run.startedAt))}.`;
    }
    case 'finalizing':
      return VERBS[run.kind].checking;
    case 'succeeded':
      return describeSuccess(facts, took);
    case 'partial':
      return describePartial(facts, took);
    case 'failed':
      return describeTrouble(`Failed${after}`, facts);
    case 'cancelled':
      return `Cancelled${after}.`;
    case 'skipped':
      return describeTrouble('Skipped', facts);
  }
}

const BY: Readonly<Record<Trigger, string>> = {
  schedule: 'by schedule',
  catch_up: 'caught up late',
  manual: 'by hand',
  api: 'by API',
  local: 'by hand on the host',
  follow_up: 'after a backup',
};

/** Short, for lists. */
export function describeTrigger(run: Pick<Run, 'trigger' | 'requestedBy'>): string {
  if (run.requestedBy !== undefined && (run.trigger === 'manual' || run.trigger === 'local')) return `by ${run.requestedBy}`;
  if (run.requestedBy !== undefined && run.trigger === 'api') return `by API key ${run.requestedBy}`;
  return BY[run.trigger];
}

/** `today 02:00`. */
function nameMinute(at: number, face: Clockface): string {
  const [day = ''] = formatDay(at, face).split(' ');
  return `${day} ${formatMinute(at, face.zone)}`;
}

/** In full, for the run's page: `by schedule “hourly”`, `caught up late, was due today 02:00`. */
export function describeCause(
  run: Pick<Run, 'trigger' | 'requestedBy' | 'fireAt'>,
  planName: string | undefined,
  face: Clockface,
): string {
  if (run.trigger === 'schedule' && planName !== undefined) return `by schedule “${planName}”`;
  if (run.trigger === 'catch_up' && run.fireAt !== undefined) {
    return `caught up late, was due ${nameMinute(run.fireAt, face)}`;
  }
  return describeTrigger(run);
}

/** A run that begins later than this waited for something. */
const LATE_BEGIN_MS = 5 * 60_000;

/**
 * `was due today 02:00, began 3 h later`; of a run that no fire made, `waited 3 h to begin`. Undefined when it began in time, or never will.
 */
export function describeLateBegin(
  run: Pick<Run, 'trigger' | 'state' | 'fireAt' | 'createdAt' | 'startedAt'>,
  face: Clockface,
): string | undefined {
  const begunAt = run.startedAt ?? (run.state === 'queued' ? face.now : undefined);
  // What is caught up says by itself when it was due.
  const fireAt = run.trigger === 'schedule' ? run.fireAt : undefined;
  const lateMs = begunAt === undefined ? 0 : begunAt - (fireAt ?? run.createdAt);
  if (lateMs < LATE_BEGIN_MS) return undefined;
  if (fireAt === undefined)
    return run.state === 'queued' ? `waits for ${formatSpan(lateMs)}` : `waited ${formatSpan(lateMs)} to begin`;
  const due = `was due ${nameMinute(fireAt, face)}`;
  return run.state === 'queued' ? `${due}, has not begun` : `${due}, began ${formatSpan(lateMs)} later`;
}

/** Older fires for which nothing else ran. */
export function describeSkipped({ skipped = 0 }: Pick<Run, 'skipped'>): string | undefined {
  return skipped === 0 ? undefined : `stands for ${formatNoun(skipped, 'older fire')} as well`;
}

/** `ran while the server was away, reported 14 min later`; undefined when the server heard of the end as it came. */
export function describeLateReport(run: Pick<Run, 'finishedAt' | 'reportedAt'>): string | undefined {
  if (run.finishedAt === undefined || run.reportedAt === undefined) return undefined;
  const late = run.reportedAt - run.finishedAt;
  return late < LATE_REPORT_MS ? undefined : `ran while the server was away, reported ${formatSpan(late)} later`;
}
