/** The scheduler with everything it stands on in this agent: due fires become runs, and what is odd about the clock becomes a notice. */
import { createHash } from 'node:crypto';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { isUnwritable } from '../journal/journal.ts';
import type { Executor } from '../runs/executor.ts';
import type { Workbench } from '../runs/workbench.ts';
import { deriveRunId } from '../scheduler/run-id.ts';
import { createScheduler, type FireOutcome, type MissedFires, type Scheduler } from '../scheduler/scheduler.ts';

const MISSED_WORDS: Record<MissedFires['why'], string> = {
  too_old: 'too long ago',
  catch_up_off: 'catching up is off',
  blackout: 'blackout windows kept them back for longer than the grace',
};

/** What the log of a run that catches up begins with. */
export function tellOutcome({ dueAt, late, skipped }: FireOutcome): string[] {
  const remarks: string[] = [];
  const due = new Date(dueAt).toISOString();
  if (late) remarks.push(`caught up late: it was due at ${due}, and this host was off, asleep or busy then`);
  if (skipped > 0)
    remarks.push(`stands for ${skipped} older ${skipped === 1 ? 'fire' : 'fires'} of its plan as well, for which nothing ran`);
  return remarks;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

export function createPlanClock(
  workbench: Workbench,
  executor: Pick<Executor, 'recordScheduled'>,
  findSpec: () => Spec | undefined,
): Scheduler {
  const { clock, journal, log } = workbench;
  const notify = (text: string) => void journal.outbox.append({ type: 'host.notice', at: clock.now(), level: 'warn', text });
  return createScheduler({
    clock,
    fires: journal.fires,
    transact: (effects) => journal.transact(effects),
    isUnwritable,
    plans: () => findSpec()?.plans ?? [],
    host: () => findSpec()?.host,
    onFire(plan, fireAt, outcome) {
      const spec = findSpec();
      if (!spec) return undefined;
      const run = deriveRunId(plan.id, spec.host, fireAt, digest);
      const { late, skipped } = outcome;
      if (skipped > 0) log.warn({ plan: plan.id, skipped }, 'older fires of this plan were missed; this run stands for them');
      return executor.recordScheduled(
        plan,
        run,
        { fireAt, trigger: late ? 'catch_up' : 'schedule', skipped },
        tellOutcome(outcome),
      );
    },
    onMissed(plan, { fireAt, count, why }) {
      const fires = count === 1 ? '1 fire was missed and is' : `${count} fires were missed and are`;
      const newest = new Date(fireAt).toISOString();
      notify(`plan ${plan.name}: ${fires} not caught up, the newest of ${newest} (${MISSED_WORDS[why]})`);
      return undefined;
    },
    onJump(deltaMs) {
      log.warn({ deltaMs }, 'the clock jumped, or the host slept');
      notify(`the clock moved by ${Math.round(deltaMs / 1000)} s, or the host slept`);
    },
    onError: (plan, error) => log.error({ plan: plan.id, err: error }, 'a plan could not be considered'),
    setTimer: workbench.setTimer,
  });
}
