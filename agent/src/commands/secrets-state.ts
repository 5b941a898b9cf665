/** Where a host has its secrets now, for `status` and `doctor`. */
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { JournalGlance } from '../journal/peek.ts';
import { isAlive } from './agent-state.ts';

export interface SecretsState {
  mode: 'kept' | 'just_in_time';
  /** `here`: sealed on disk, or in the memory of the agent. `absent`: the server has to bring them. */
  place: 'here' | 'absent';
  /** Enabled plans that cannot run until they come. */
  waitingPlans: number;
  /** Runs that wait, for whatever reason, while secrets are absent. */
  waitingRuns: number;
  text: string;
}

export function readSecretsState(spec: Spec | undefined, glance: JournalGlance | undefined): SecretsState {
  const nothing = { waitingPlans: 0, waitingRuns: 0 };
  if (spec?.secretsMode !== 'just_in_time')
    return { mode: 'kept', place: 'here', ...nothing, text: 'kept here, sealed to this host' };
  if (isAlive(glance?.secretsHolder))
    return {
      mode: 'just_in_time',
      place: 'here',
      ...nothing,
      text: 'not kept here: in the agent’s memory while the server is there',
    };
  const apart = new Set([...spec.sources, ...spec.repositories].filter((one) => one.secretsApart).map((one) => one.id as string));
  const needy = spec.plans.filter((plan) => plan.enabled && [plan.repositoryId, ...plan.sourceIds].some((id) => apart.has(id)));
  const waitingPlans = needy.length;
  const waitingRuns = glance?.openRuns.filter((run) => run.kind !== 'restore' && run.waiting).length ?? 0;
  const plans = `${waitingPlans} ${waitingPlans === 1 ? 'plan' : 'plans'}`;
  const runs = waitingRuns === 0 ? '' : `, ${waitingRuns} ${waitingRuns === 1 ? 'run waits' : 'runs wait'} already`;
  const text = `waits for the server: secrets are not kept here${waitingPlans === 0 ? '' : `; no backup of ${plans} runs until it brings them${runs}`}`;
  return { mode: 'just_in_time', place: 'absent', waitingPlans, waitingRuns, text };
}
