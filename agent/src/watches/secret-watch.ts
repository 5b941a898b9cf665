/**
 * Secrets on a host that keeps none, as the agent as a whole sees them: what runs wait for, what the state directory may still show of an
 * earlier time, and what `holdfast-agent status` can read of it.
 */
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { findStartTime, readBootId } from '../exec/proc.ts';
import { writeIfPossible } from '../runs/possible-write.ts';
import type { Hold } from '../runs/queue/hold.ts';
import type { Job } from '../runs/queue/queue.ts';
import { createSecretHold, listMissing } from '../runs/secrets/secrets-apart.ts';
import type { Workbench } from '../runs/workbench.ts';

export interface SecretWatch {
  /** Why a run must not begin now; see `Queue`. */
  findHold(job: Job): Hold | undefined;
  /** The host works by another spec from now on; for `adopt` and for the stored one at start. */
  adopt(spec: Spec): void;
  /** What is held has changed. */
  look(): void;
  /** Sees to what the disk refused earlier; to be called now and then. */
  settle(): void;
}

export interface SecretWatchPorts {
  workbench: Workbench;
  spec(): Spec | undefined;
  /** What was missing may be there now. */
  onChange(): void;
}

/** Whether all that the enabled plans need is held. */
function isComplete(spec: Spec, secrets: Workbench['secrets']): boolean {
  const plans = spec.plans.filter((plan) => plan.enabled);
  return plans.every(
    (plan) => listMissing(spec, { repository: plan.repositoryId, sources: plan.sourceIds }, secrets).length === 0,
  );
}

export function createSecretWatch({ workbench, spec, onChange }: SecretWatchPorts): SecretWatch {
  const { journal, secrets, clock, log } = workbench;
  const bootId = readBootId();
  let noted: boolean | undefined;
  let isTold = false;

  const look = (): void => {
    const current = spec();
    const isHeld = current?.secretsMode === 'just_in_time' && isComplete(current, secrets);
    if (isHeld !== noted) {
      const self = { pid: process.pid, startTime: findStartTime(process.pid) ?? 0, bootId };
      writeIfPossible(log, 'status does not tell whether the secrets are here', () =>
        journal.noteSecrets(isHeld ? self : undefined),
      );
      if (noted !== undefined && secrets.keepsNone)
        log.info({ plans: current?.plans.length ?? 0 }, isHeld ? 'the server brought the secrets' : 'the secrets are forgotten');
    }
    noted = isHeld;
    onChange();
  };

  const settle = (): void => {
    if (journal.rewriteIfOwed() || isTold) return;
    isTold = true;
    const text =
      'secrets that were kept here until now may still be found in the file of the journal: it could not be written anew, which is tried again; see that there is room on its disk';
    log.error({}, text);
    journal.outbox.append({ type: 'host.notice', at: clock.now(), level: 'error', text });
  };

  return {
    findHold: createSecretHold({ clock, holder: secrets, spec, findRun: (run) => journal.runs.find(run) }),
    adopt(next) {
      secrets.setKeepsNone(next.secretsMode === 'just_in_time');
      look();
      settle();
    },
    look,
    settle,
  };
}
