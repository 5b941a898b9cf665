/** How far a drained host is, for `status`, `doctor` and `drained`. */
import { isDraining } from '@holdfast/shared/domain/drain.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { JournalGlance } from '../journal/peek.ts';

export interface DrainState {
  /** Epoch milliseconds. */
  since: number;
  until: number;
  /** Runs under way: stopping the agent now would cut them off. */
  active: number;
  /** Runs that wait; they outlive a restart of the agent. */
  waiting: number;
  text: string;
}

/** Undefined while the host is not drained. */
export function findDrainState(spec: Spec | undefined, glance: JournalGlance | undefined, now: number): DrainState | undefined {
  const drain = spec?.drain;
  if (!isDraining(drain, now)) return undefined;
  const open = glance?.openRuns ?? [];
  const waiting = open.filter((run) => run.waiting).length;
  const active = open.length - waiting;
  const rest = active === 0 ? 'nothing runs any more' : `${active} ${active === 1 ? 'run goes' : 'runs go'} on`;
  const queue = waiting === 0 ? '' : `, ${waiting} ${waiting === 1 ? 'waits' : 'wait'} for its end`;
  return {
    since: drain.since,
    until: drain.until,
    active,
    waiting,
    text: `takes no new runs until ${new Date(drain.until).toISOString()}: ${rest}${queue}`,
  };
}
