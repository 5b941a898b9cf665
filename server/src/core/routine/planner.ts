/**
 * What is due in a repository, what is not and why, and what comes next. Pure: the ticker begins what this says, and pages show it, so that
 * they never differ.
 */
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { countParts, type Duty, getDutyDays, type Routine } from '@holdfast/shared/domain/routine.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { DAY_MS, HOUR_MS } from '@holdfast/shared/durations.ts';
import type { Run } from '../../store/runs.ts';
import { findOpening } from './window.ts';

/** What went wrong is tried again after this long, then twice as long, a day at most. */
const FIRST_RETRY_MS = HOUR_MS;
const LAST_RETRY_MS = DAY_MS;
/** So long it lets backups go first; where there are always some, it begins all the same, and host and storage see to their order. */
const YIELD_MS = 6 * HOUR_MS;
/** So long after it could have begun, something that did not go well is overdue. */
export const OVERDUE_MS = 2 * DAY_MS;

export type PastRun = Pick<Run, 'id' | 'state' | 'createdAt' | 'finishedAt' | 'scope' | 'failure'>;

export interface RepositoryFacts {
  now: number;
  routine: Routine;
  /** Since when the repository is kept up by itself. */
  since: number;
  /** Newest first, in whatever state; as many as it takes to read all parts. */
  checks: readonly PastRun[];
  prunes: readonly PastRun[];
  /** When its size was told last. */
  measuredAt: number | undefined;
  /** Something has the repository to itself, or waits to: nothing else begins. */
  isBusy: boolean;
  /** Backups into it are under way, on whatever host. */
  isFilled: boolean;
  /** Why no host can do it now, as a sentence; undefined where one can. */
  hostTrouble: string | undefined;
}

/** Why a duty does not begin now. */
export type Wait =
  | { kind: 'not_due' }
  | { kind: 'window' }
  /** The last try went wrong; the next one comes by itself. */
  | { kind: 'retry' }
  /** Nothing may be removed through the credential there is; it is tried again all the same. */
  | { kind: 'refused' }
  | { kind: 'busy' }
  /** Backups are under way, which it would make wait or fail. */
  | { kind: 'backups' }
  /** The last check found damage: what is removed now may be what is needed to mend it. */
  | { kind: 'damaged' }
  | { kind: 'host'; trouble: string }
  /** Its windows never open. */
  | { kind: 'never' };

export interface PlannedDuty {
  duty: Duty;
  /** When it was done last, and went well. */
  doneAt: number | undefined;
  dueAt: number;
  /** When it begins unless something comes between; undefined when that cannot be said. */
  nextAt: number | undefined;
  /** Undefined: it begins now. */
  wait: Wait | undefined;
  /** Since when it is overdue; undefined while it is not. */
  overdueSince: number | undefined;
  /** What a check reads. */
  scope?: CheckScope;
}

const endOf = ({ finishedAt, createdAt }: PastRun) => finishedAt ?? createdAt;

/** Whether this check is one of the routine's, or finds all that one of them does. */
function counts({ scope }: PastRun, parts: number): boolean {
  if (parts === 0) return true;
  if (scope?.kind === 'everything') return true;
  return parts > 1 && scope?.kind === 'part' && scope.of === parts;
}

/** What the next check reads: of all parts the one that was read longest ago. */
export function chooseScope(checks: readonly PastRun[], routine: Pick<Routine, 'checkDays' | 'readAllDays'>): CheckScope {
  const of = countParts(routine);
  if (of === 0) return { kind: 'structure' };
  if (of === 1) return { kind: 'everything' };
  const readAt = new Map<number, number>();
  for (const check of checks) {
    const { state, scope } = check;
    if (state !== 'succeeded' || scope === undefined) continue;
    const at = endOf(check);
    if (scope.kind === 'everything')
      for (let part = 1; part <= of; part += 1) readAt.set(part, Math.max(at, readAt.get(part) ?? 0));
    if (scope.kind === 'part' && scope.of === of) readAt.set(scope.part, Math.max(at, readAt.get(scope.part) ?? 0));
  }
  let chosen = 1;
  for (let part = 2; part <= of; part += 1) if ((readAt.get(part) ?? 0) < (readAt.get(chosen) ?? 0)) chosen = part;
  return { kind: 'part', part: chosen, of };
}

/** The newest check that came to a verdict found damage. */
export function isDamaged(checks: readonly PastRun[]): boolean {
  const told = checks.find(({ state, failure }) => state === 'succeeded' || failure?.reason === 'repository_damaged');
  return told !== undefined && told.state !== 'succeeded';
}

/** The credential may not remove. */
const isRefused = ({ failure }: PastRun): boolean => failure?.reason === 'removal_refused';

/** What no try soon after mends: a person cancelled it, or the credential may not remove. */
const isLasting = (run: PastRun): boolean => run.state === 'cancelled' || isRefused(run);

/** When it is tried again after what went wrong since it went well last; undefined where nothing did. */
function findRetry(runs: readonly PastRun[], isDone: (run: PastRun) => boolean): number | undefined {
  let wrong = 0;
  let last: PastRun | undefined;
  for (const run of runs) {
    if (isDone(run)) break;
    // One that a person asked for may look at less; it says nothing of the routine's own.
    if (!isTerminal(run.state) || run.state === 'succeeded') continue;
    last ??= run;
    wrong += 1;
  }
  if (last === undefined) return undefined;
  const wait = isLasting(last) ? LAST_RETRY_MS : FIRST_RETRY_MS * 2 ** Math.min(wrong - 1, 10);
  return endOf(last) + Math.min(LAST_RETRY_MS, wait);
}

interface Times {
  doneAt: number | undefined;
  retryAt?: number | undefined;
  /** The last try was refused. */
  wasRefused?: boolean | undefined;
}

function plan(
  facts: RepositoryFacts,
  duty: Duty,
  { doneAt, retryAt = 0, wasRefused = false }: Times,
  hindrance?: Wait,
): PlannedDuty | undefined {
  const { now, routine, since, hostTrouble, isFilled } = facts;
  const days = getDutyDays(duty, routine);
  if (days === 0) return undefined;
  const dueAt = (doneAt ?? since) + days * DAY_MS;
  // Measuring holds nobody up and may be done at any time.
  const open = (at: number) => (duty === 'measure' ? at : findOpening(routine, at));
  const opening = open(dueAt);
  const nextAt = open(Math.max(now, dueAt, retryAt));
  const overdueAt = opening === undefined ? undefined : opening + OVERDUE_MS;
  const wait = ((): Wait | undefined => {
    if (now < dueAt) return { kind: 'not_due' };
    if (nextAt === undefined) return { kind: 'never' };
    if (hindrance) return hindrance;
    if (hostTrouble !== undefined) return { kind: 'host', trouble: hostTrouble };
    if (now < retryAt) return { kind: wasRefused ? 'refused' : 'retry' };
    if (nextAt > now) return { kind: 'window' };
    return isFilled && duty !== 'measure' && opening !== undefined && now < opening + YIELD_MS ? { kind: 'backups' } : undefined;
  })();
  const isHeldUp = wait?.kind === 'host' || wait?.kind === 'damaged' || wait?.kind === 'busy';
  return {
    duty,
    doneAt,
    dueAt,
    nextAt: isHeldUp ? undefined : nextAt,
    wait,
    overdueSince: overdueAt !== undefined && now > overdueAt ? overdueAt : undefined,
  };
}

const BUSY: Wait = { kind: 'busy' };

/** In the order in which they begin. What the routine leaves to people is not among them; retention is planned apart, plan by plan. */
export function planRepository(facts: RepositoryFacts): readonly PlannedDuty[] {
  const { checks, prunes, routine, isBusy, measuredAt } = facts;
  const parts = countParts(routine);
  const isPruned = (run: PastRun) => run.state === 'succeeded';
  const isChecked = (run: PastRun) => run.state === 'succeeded' && counts(run, parts);
  const doneAt = (runs: readonly PastRun[], isDone: (run: PastRun) => boolean) => {
    const done = runs.find(isDone);
    return done && endOf(done);
  };
  const busy = isBusy ? BUSY : undefined;
  const prune = plan(
    facts,
    'prune',
    {
      doneAt: doneAt(prunes, isPruned),
      retryAt: findRetry(prunes, isPruned),
      wasRefused: prunes
        .filter(({ state }) => isTerminal(state))
        .slice(0, 1)
        .some(isRefused),
    },
    isDamaged(checks) ? { kind: 'damaged' } : busy,
  );
  const check = plan(facts, 'check', { doneAt: doneAt(checks, isChecked), retryAt: findRetry(checks, isChecked) }, busy);
  const planned = [
    plan(facts, 'measure', { doneAt: measuredAt }),
    prune,
    check && { ...check, scope: chooseScope(checks, routine) },
  ];
  return planned.filter((duty) => duty !== undefined);
}

interface RetentionTurn {
  dueAt: number;
  nextAt: number | undefined;
  wait: 'busy' | 'due' | 'later';
  /** Since when it is overdue, if there is something to remove; undefined while it is not. */
  overdueSince: number | undefined;
}

interface RetentionFacts extends Pick<RepositoryFacts, 'now' | 'since' | 'routine'> {
  /** Since when no host can do it; undefined while one can. */
  stuckSince?: number | undefined;
}

/** When retention is due on a host by the removals of one plan there, newest first. A removal that was left out counts as done. */
export function planRetentionTurn(runs: readonly PastRun[], { now, since, routine, stuckSince }: RetentionFacts): RetentionTurn {
  const isDone = ({ state }: PastRun) => isTerminal(state) && state !== 'failed' && state !== 'cancelled';
  const done = runs.find(isDone);
  const dueAt = done === undefined ? since : done.createdAt + routine.forgetDays * DAY_MS;
  const nextAt = findOpening(routine, Math.max(now, dueAt, findRetry(runs, isDone) ?? 0));
  const opening = findOpening(routine, dueAt);
  const overdueAt = stuckSince === undefined || opening === undefined ? undefined : Math.max(opening, stuckSince) + OVERDUE_MS;
  const times = { dueAt, nextAt, overdueSince: overdueAt !== undefined && now > overdueAt ? overdueAt : undefined };
  if (runs.some(({ state }) => !isTerminal(state))) return { ...times, wait: 'busy' };
  return { ...times, wait: nextAt !== undefined && nextAt <= now ? 'due' : 'later' };
}
