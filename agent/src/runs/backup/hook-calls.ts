/**
 * The scripts around an attempt. What has to run afterwards is journaled before anything begins, so that neither a failure, nor a
 * cancel, nor the end of the agent leaves a stopped service stopped.
 */
import type { Spec, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import type { HookFacts } from '../../hooks/facts.ts';
import type { HookOutcome } from '../../hooks/hooks.ts';
import type { JournaledBackup } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { writeIfPossible } from '../possible-write.ts';
import type { Workbench } from '../workbench.ts';

/** A run whose plan names scripts. */
export interface HookedRun {
  workbench: Workbench;
  recorder: Recorder;
  body: JournaledBackup;
  spec: Spec | undefined;
}

function collectFacts({ recorder, body, spec }: HookedRun, plan: SpecPlan | undefined): HookFacts {
  const names = body.sources.map((id) => spec?.sources.find((source) => source.id === id)?.name ?? id);
  return { run: recorder.run, plan: plan?.name ?? body.plan, host: spec?.hostName ?? '', sources: names };
}

const findPlan = ({ spec, body }: HookedRun) => spec?.plans.find((plan) => plan.id === body.plan);

/** Notes what has to run afterwards; to be journaled by the caller's next write. Returns whether anything has. */
export function owePlanHooks(run: HookedRun): boolean {
  const hooks = findPlan(run)?.options.hooks;
  if (hooks?.after === undefined) delete run.body.owedHook;
  else run.body.owedHook = hooks.after;
  return hooks?.before !== undefined || hooks?.after !== undefined;
}

/** Runs the script before the attempt, where the plan names one. Throws `hook_failed` or `cancelled` when it did not end well. */
export async function callHookBefore(run: HookedRun, signal: AbortSignal): Promise<void> {
  const plan = findPlan(run);
  const name = plan?.options.hooks.before;
  if (name === undefined) return;
  const { workbench, recorder } = run;
  recorder.beginStage('before');
  const outcome = await workbench.hooks.run({
    name,
    moment: { phase: 'before' },
    facts: collectFacts(run, plan),
    exec: workbench.execFor(recorder.run),
    signal,
    onLine: (line) => recorder.log('info', `${name}: ${line}`),
  });
  recorder.endStage('before', outcome.ending === 'succeeded');
  if (outcome.ending === 'cancelled') throw createReasonError('cancelled', `Cancelled while ${name} ran`);
  if (outcome.ending !== 'succeeded') throw createReasonError('hook_failed', describe(name, outcome));
}

/**
 * Runs the script that is owed, whatever became of the attempt; a cancel does not reach it. One that fails is told in the log and to the host's
 * page, and changes nothing about what is stored.
 */
export async function callOwedHook(run: HookedRun, state: TerminalState | 'interrupted'): Promise<void> {
  const { workbench, recorder, body } = run;
  const name = body.owedHook;
  // What was skipped ran nothing beforehand either.
  if (name === undefined || state === 'skipped') return;
  recorder.beginStage('after');
  const outcome = await workbench.hooks.run({
    name,
    moment: { phase: 'after', state },
    facts: collectFacts(run, findPlan(run)),
    exec: workbench.execFor(recorder.run),
    onLine: (line) => recorder.log('info', `${name}: ${line}`),
  });
  const ok = outcome.ending === 'succeeded';
  if (!ok) complain(run, `${describe(name, outcome)} What it was to put right may still be wrong.`);
  // Last, so that every line is journaled when this returns.
  recorder.endStage('after', ok);
  delete body.owedHook;
  writeIfPossible(workbench.log, `after a crash ${name} would run once more`, () =>
    workbench.journal.runs.revise(recorder.run, body),
  );
}

function complain({ workbench, recorder }: HookedRun, text: string): void {
  recorder.log('error', text);
  const notice = recorder.redact(`run ${recorder.run}: ${text}`).slice(0, 1000);
  workbench.journal.outbox.append({ type: 'host.notice', at: workbench.clock.now(), level: 'error', text: notice });
}

function describe(name: string, { ending, message }: HookOutcome): string {
  return ending === 'refused' ? `${name}: ${message}` : `The script ${name} did not end well: ${message}`;
}
