/** Puts the workbench of a running agent together: tooling, journal, and memory of the processes each run started. */
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { SECRETS } from '@holdfast/shared/limits.ts';
import type { Progress } from '@holdfast/shared/protocol/messages.ts';
import { readBootId } from './exec/proc.ts';
import type { Journal } from './journal/journal.ts';
import { writeIfPossible } from './runs/possible-write.ts';
import { createSecretHolder } from './runs/secret-holder.ts';
import type { Workbench } from './runs/workbench.ts';
import type { HostTooling } from './tooling.ts';

export function createWorkbench(
  tooling: HostTooling,
  journal: Journal,
  sendProgress: (progress: Progress) => void,
  onSecretsChange: () => void = () => undefined,
): Workbench {
  const { clock, log } = tooling;
  const bootId = readBootId();
  const note = (effects: () => void) => writeIfPossible(log, 'a process is not remembered across a crash', effects);
  const setTimer: Workbench['setTimer'] = (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  };
  const { crypto } = tooling;
  return {
    ...tooling,
    journal,
    createId: (kind) => createId(kind, { clock, randomBytes: systemRandomBytes }),
    sendProgress,
    setTimer,
    secrets: createSecretHolder({ crypto, setTimer, lingerMs: SECRETS.lingerMs, onChange: onSecretsChange }),
    execFor: (run) =>
      tooling.createExecWith({
        onStarted: ({ pid, startTime }) => {
          if (startTime !== undefined) note(() => journal.runs.recordProcess({ run, stage: 'dump', pid, startTime, bootId }));
        },
        onEnded: ({ pid }) => note(() => journal.runs.endProcess(run, 'dump', pid)),
      }),
  };
}
