/** How a backup goes on after an attempt that did not store everything: what is journaled, so that the next one follows also in another life. */

import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS, type PlanOptions, type Spec } from '@holdfast/shared/domain/plan.ts';
import type { Failure, TerminalState } from '@holdfast/shared/domain/run.ts';
import { findSuspicion, SIZE_HISTORY } from '@holdfast/shared/domain/suspicion.ts';
import type { JournaledBackup } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { NextAttempt } from '../queue/queue.ts';
import type { Workbench } from '../workbench.ts';
import { computeRetryMs, toFraction } from './attempts.ts';
import { beginLockWait, LOCK_LOOK_MS } from './lock-wait.ts';

/** A backup whose attempt has ended. */
export interface AttemptedRun {
  workbench: Workbench;
  recorder: Recorder;
  body: JournaledBackup;
}

/** A part that may be tried again, and what it failed of. */
export interface HeldPart {
  source: SourceId;
  failure: Failure;
  /** It failed because others hold the repository, and may wait until they let go. */
  awaitsLock?: boolean | undefined;
}

/** Ends of the agent that a run outlives by going on afterwards, beside the attempts of its plan. */
const STOPS_OUTLIVED = 3;

/** The plan's own, or what a plan has that nobody changed; a plan may be deleted while its run waits. */
export function findOptions(spec: Spec | undefined, { plan: id }: Pick<JournaledBackup, 'plan'>): PlanOptions {
  return spec?.plans.find((plan) => plan.id === id)?.options ?? DEFAULT_PLAN_OPTIONS;
}

/** Attempts so far that are none of the plan's: ended by a stop of the agent, or because others held the repository. */
const countSpared = ({ stops = 0, lockWait }: JournaledBackup) => stops + (lockWait?.count ?? 0);

/** Milliseconds from a failure of the present attempt to the next one; undefined when the plan's attempts are used up. */
export function findRetryMs(options: PlanOptions, body: JournaledBackup, run: string): number | undefined {
  return computeRetryMs(options, body.attempt - countSpared(body), toFraction(run));
}

/** Whether a run that the end of the agent cuts off goes on when the agent is back. */
export function outlivesStop({ stops = 0 }: JournaledBackup): boolean {
  return stops < STOPS_OUTLIVED;
}

/** Says of the snapshots this run made of a source what its part stands for, and whether the size of clean data fits those before it. */
export function judgeSnapshots({ workbench, recorder, body }: AttemptedRun, source: SourceId, state: TerminalState): void {
  const { snapshots } = workbench.journal;
  const judged = state === 'succeeded' ? 'vouched' : state === 'partial' ? 'partial' : 'unvouched';
  const earlier = judged === 'vouched' ? snapshots.listGoodSizes(body.plan, source, SIZE_HISTORY.looked) : [];
  for (const { run, engineId, facts, ...made } of snapshots.listByRepository(body.repository)) {
    // What an earlier attempt left was judged when that attempt failed.
    if (run !== recorder.run || made.source !== source || made.state !== 'made') continue;
    snapshots.setState(body.repository, engineId, judged);
    if (facts?.role === 'data' && findSuspicion(facts.sizeBytes, earlier)) snapshots.markSuspicious(body.repository, engineId);
  }
}

function journalNext(run: AttemptedRun, held: readonly SourceId[], failure: Failure, afterMs: number): NextAttempt {
  const { workbench, recorder, body } = run;
  const failed = body.attempt;
  body.attempt = failed + 1;
  const at = workbench.clock.now();
  body.retryAt = at + afterMs;
  recorder.failAttempt({ attempt: failed, at, failure, retryAt: body.retryAt, sources: held }, () => {
    workbench.journal.runs.revise(recorder.run, body);
    for (const source of held) judgeSnapshots(run, source, 'failed');
  });
  return { afterMs };
}

const listSources = (held: readonly HeldPart[]) => held.map(({ source }) => source);

/** The held parts are tried again in `retryMs`; undefined when there are none. */
function followFailure(
  run: AttemptedRun,
  { attempts }: PlanOptions,
  held: readonly HeldPart[],
  retryMs: number,
): NextAttempt | undefined {
  const { recorder, body } = run;
  const [first] = held;
  if (!first) return undefined;
  recorder.log('error', first.failure.message);
  recorder.log(
    'warn',
    `attempt ${body.attempt} of ${attempts + countSpared(body)} failed; trying again in ${Math.round(retryMs / 1000)} s what is not stored yet`,
  );
  return journalNext(run, listSources(held), first.failure, retryMs);
}

/** The held parts wait until others let go of the repository; see `lock-wait.ts`. */
function followLock(run: AttemptedRun, held: readonly HeldPart[], failure: Failure): NextAttempt {
  const { workbench, recorder, body } = run;
  recorder.log('warn', failure.message);
  recorder.log('warn', 'waits until others let go of the repository; that uses none of the attempts of its plan');
  body.lockWait = beginLockWait(body.lockWait, workbench.clock.now());
  return journalNext(run, listSources(held), failure, LOCK_LOOK_MS);
}

/** The held parts are gone on with as soon as the agent is back: its end is no fault of theirs, and its time away does not count. */
function followStop(run: AttemptedRun, held: readonly HeldPart[]): NextAttempt {
  const { recorder, body } = run;
  const message = `The agent was stopped in the middle of attempt ${body.attempt}; the run goes on when the agent is back.`;
  recorder.log('warn', message);
  body.stops = (body.stops ?? 0) + 1;
  delete body.startedAt;
  return journalNext(run, listSources(held), { code: 'unavailable', reason: 'interrupted', message }, 0);
}

/** How the run goes on with the parts that are held; undefined when none is. `isCut`: the end of the agent cut some of them off. */
export function followHeld(
  run: AttemptedRun,
  options: PlanOptions,
  held: readonly HeldPart[],
  { isCut, retryMs }: { isCut: boolean; retryMs: number | undefined },
): NextAttempt | undefined {
  const [first] = held;
  if (isCut) return followStop(run, held);
  if (first && held.every(({ awaitsLock }) => awaitsLock)) return followLock(run, held, first.failure);
  return retryMs === undefined ? undefined : followFailure(run, options, held, retryMs);
}

const isByFire = ({ trigger }: JournaledBackup) => trigger === 'schedule' || trigger === 'catch_up';

/**
 * A backup of the schedule that a crash cut off is tried again within the attempts and the time of its plan: the night is not lost with the
 * process. False when it has to end instead, as everything that a person started and may be looking at.
 */
export function followCrash(run: AttemptedRun, options: PlanOptions, open: readonly SourceId[]): boolean {
  const { workbench, recorder, body } = run;
  const retryMs = findRetryMs(options, body, recorder.run);
  if (retryMs === undefined || !isByFire(body) || open.length === 0) return false;
  const now = workbench.clock.now();
  const { timeoutMinutes } = options;
  if (timeoutMinutes > 0 && now + retryMs >= (body.startedAt ?? now) + timeoutMinutes * 60_000) return false;
  const message = `The agent ended in the middle of attempt ${body.attempt}; trying again in ${Math.round(retryMs / 1000)} s what is not stored yet.`;
  recorder.log('error', message);
  // Nobody saw whether its lock went with it.
  body.owesLook = true;
  journalNext(run, open, { code: 'unavailable', reason: 'interrupted', message }, retryMs);
  return true;
}
