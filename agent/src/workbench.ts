/** Puts the workbench of a running agent together: tooling, journal, and memory of the processes each run started. */
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import { SECRETS } from '@holdfast/shared/limits.ts';
import type { Progress } from '@holdfast/shared/protocol/messages.ts';
import type { OnLockCleared } from './engines/restic/restic-tool.ts';
import { readBootId } from './exec/proc.ts';
import type { Journal } from './journal/journal.ts';
import { writeIfPossible } from './runs/possible-write.ts';
import { createSecretHolder } from './runs/secrets/secret-holder.ts';
import type { Workbench } from './runs/workbench.ts';
import type { HostTooling } from './tooling.ts';

/** Tells the server of a lock that was removed without anybody's order, so that it stands in the history of the host and in the audit. */
function createLockTeller(
  { clock, log }: HostTooling,
  journal: Journal,
  findRepository: (engineId: string) => RepositoryId | undefined,
): OnLockCleared {
  return ({ pinnedId, lock }) => {
    const repository = pinnedId === undefined ? undefined : findRepository(pinnedId);
    const where = repository ?? pinnedId?.slice(0, 8) ?? 'a repository that was not opened before';
    const since = new Date(lock.createdAt).toISOString();
    const text = `Removed the lock of ${lock.username} on ${lock.hostname}, process ${lock.pid}, since ${since}, in ${where}: that process of this agent is gone`;
    log.warn({ repository, lock: lock.id, pid: lock.pid }, 'removed a lock that a dead process of this agent had left');
    const clearedLock = {
      ...(repository === undefined ? {} : { repository }),
      ...(pinnedId === undefined ? {} : { engineId: pinnedId }),
      lock,
    };
    writeIfPossible(log, 'a lock that was removed is not told of', () =>
      journal.outbox.append({ type: 'host.notice', at: clock.now(), level: 'info', text, clearedLock }),
    );
  };
}

export interface WorkbenchPorts {
  onSecretsChange?(): void;
  /** The repository of this host's settings that has this id of the engine. */
  findRepository?(engineId: string): RepositoryId | undefined;
  /** See `Workbench.hostLimits`; none unless given. */
  hostLimits?(): RunLimits;
  /** Aborts when the agent ends: nothing that waits for its time begins after that. */
  signal?: AbortSignal | undefined;
}

export function createWorkbench(
  tooling: HostTooling,
  journal: Journal,
  sendProgress: (progress: Progress) => void,
  { onSecretsChange = () => undefined, findRepository = () => undefined, hostLimits = () => ({}), signal }: WorkbenchPorts = {},
): Workbench {
  const { clock, log } = tooling;
  const bootId = readBootId();
  const note = (effects: () => void) => writeIfPossible(log, 'a process is not remembered across a crash', effects);
  const timers = new Set<NodeJS.Timeout>();
  const setTimer: Workbench['setTimer'] = (ms, callback) => {
    if (signal?.aborted) return () => undefined;
    const timer = setTimeout(() => {
      timers.delete(timer);
      callback();
    }, ms);
    timers.add(timer);
    return () => {
      timers.delete(timer);
      clearTimeout(timer);
    };
  };
  signal?.addEventListener('abort', () => timers.forEach((timer) => void clearTimeout(timer)), { once: true });
  const { crypto } = tooling;
  const onLockCleared = createLockTeller(tooling, journal, findRepository);
  return {
    ...tooling,
    engine: (exec) => tooling.engine(exec, onLockCleared),
    journal,
    createId: (kind) => createId(kind, { clock, randomBytes: systemRandomBytes }),
    sendProgress,
    setTimer,
    hostLimits,
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
