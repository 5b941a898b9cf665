/**
 * Comparing repositories with the ledger: after each run, at start and daily; what fails is logged and looked at again next time. And the locks
 * that runs may have left behind: a repository that did not answer is asked again until it does.
 */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { BackupEnd } from '../runs/backup/execute-backup.ts';
import { writeIfPossible } from '../runs/possible-write.ts';
import { reconcileRepository } from '../runs/recovery/reconcile.ts';
import { clearLocks } from '../runs/recovery/recovery.ts';
import type { Workbench } from '../runs/workbench.ts';

export interface Reconciliation {
  /** A backup ended there. What it left is cleared before the comparison, now or, when the repository does not answer, later. */
  afterBackup(repository: RepositoryId, end: BackupEnd): Promise<void>;
  reconcileAll(): Promise<void>;
  /** Compares what could not be opened earlier, because its secrets were not on this host. */
  reconcileUnopened(): Promise<void>;
  /** Clears the locks that interrupted runs left in these repositories; where that is not possible now, it is done later. */
  clearLeftLocks(repositories: ReadonlySet<RepositoryId>): Promise<void>;
}

export interface ReconciliationPorts {
  workbench: Workbench;
  spec(): Spec | undefined;
  /** Runs that have not ended. */
  listRuns(): readonly string[];
  /** Whether a run of this host works in the repository. */
  isBusy(id: RepositoryId): boolean;
  signal: AbortSignal;
}

/** Between two looks for locks that are still owed; doubled from one to the next. */
const FIRST_LOOK_MS = 500;
const LAST_LOOK_MS = 300_000;

export function createReconciliation({ workbench, signal, ...ports }: ReconciliationPorts): Reconciliation {
  const { log } = workbench;
  /** Where a lock of ours may lie, and how to stop waiting for the next look. */
  const owed = new Map<RepositoryId, () => void>();

  /** Not compared, because nobody had brought their secrets. */
  const unopened = new Set<RepositoryId>();

  const reconcile = async (id: RepositoryId): Promise<void> => {
    const spec = ports.spec();
    if (!spec || signal.aborted) return;
    try {
      unopened.delete(id);
      await reconcileRepository(workbench, spec, id, new Set(ports.listRuns()), signal);
    } catch (error) {
      if (findReason(toAppError(error)) === 'secrets_missing') return void unopened.add(id);
      log.warn({ repository: id, err: error }, 'comparing a repository with the ledger failed');
    }
  };
  const settle = (id: RepositoryId): void => {
    owed.get(id)?.();
    owed.delete(id);
  };
  const lookLater = (id: RepositoryId, afterMs: number): void => {
    settle(id);
    if (signal.aborted) return;
    const look = async () => {
      // Beside a lock that is held no other is removed, and whoever works there looks at its end.
      if (ports.isBusy(id)) return lookLater(id, afterMs);
      if (await clearOwed(id, Math.min(LAST_LOOK_MS, 2 * afterMs))) await reconcile(id);
    };
    owed.set(
      id,
      workbench.setTimer(afterMs, () => void look()),
    );
  };
  /** Whether the repository answered. Where a lock of ours may still lie, there is another look `nextMs` later. */
  const clearOwed = async (id: RepositoryId, nextMs: number): Promise<boolean> => {
    const repository = ports.spec()?.repositories.find((candidate) => candidate.id === id);
    // A repository that is not this host's any more is nobody's to look into.
    let found = repository === undefined ? 'cleared' : 'unreachable';
    try {
      if (repository && !signal.aborted) found = await clearLocks(workbench, repository);
    } catch (error) {
      log.warn({ repository: id, err: error }, 'looking for locks of an interrupted run failed');
    }
    if (found === 'cleared') {
      settle(id);
      writeIfPossible(log, 'processes that left no lock stay known', () => workbench.journal.runs.forgetDeadOf(id));
    } else lookLater(id, nextMs);
    return found !== 'unreachable';
  };
  signal.addEventListener('abort', () => [...owed.keys()].forEach(settle), { once: true });

  return {
    async afterBackup(id, { reached, owesLook }) {
      // The run has just looked in vain: the repository gets a moment.
      if (owesLook) return lookLater(id, FIRST_LOOK_MS);
      if (!reached) return;
      if (!owed.has(id) || (await clearOwed(id, FIRST_LOOK_MS))) await reconcile(id);
    },
    async reconcileAll() {
      for (const repository of ports.spec()?.repositories ?? []) await reconcile(repository.id);
    },
    async reconcileUnopened() {
      for (const id of [...unopened]) {
        const repository = ports.spec()?.repositories.find((candidate) => candidate.id === id);
        if (!repository?.secretsApart || workbench.secrets.isHeld({ purpose: 'repository', ref: id })) await reconcile(id);
      }
    },
    async clearLeftLocks(repositories) {
      for (const id of repositories) await clearOwed(id, FIRST_LOOK_MS);
    },
  };
}
