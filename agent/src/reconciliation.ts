/** Comparing repositories with the ledger: after each run, at start and daily. What fails is logged and looked at again next time. */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { reconcileRepository } from './runs/reconcile.ts';
import { clearLocks } from './runs/recovery.ts';
import type { Workbench } from './runs/workbench.ts';

export interface Reconciliation {
  reconcile(repository: RepositoryId): Promise<void>;
  reconcileAll(): Promise<void>;
  /** Clears the locks that interrupted runs left in these repositories. */
  clearLeftLocks(repositories: ReadonlySet<RepositoryId>): Promise<void>;
}

export interface ReconciliationPorts {
  workbench: Workbench;
  spec(): Spec | undefined;
  /** Runs that have not ended. */
  listRuns(): readonly string[];
  signal: AbortSignal;
}

export function createReconciliation({ workbench, signal, ...ports }: ReconciliationPorts): Reconciliation {
  const { log } = workbench;
  const reconcile = async (id: RepositoryId): Promise<void> => {
    const spec = ports.spec();
    if (!spec || signal.aborted) return;
    try {
      await reconcileRepository(workbench, spec, id, new Set(ports.listRuns()));
    } catch (error) {
      log.warn({ repository: id, err: error }, 'comparing a repository with the ledger failed');
    }
  };
  return {
    reconcile,
    async reconcileAll() {
      for (const repository of ports.spec()?.repositories ?? []) await reconcile(repository.id);
    },
    async clearLeftLocks(repositories) {
      const spec = ports.spec();
      if (!spec || repositories.size === 0) return;
      try {
        await clearLocks(workbench, spec, repositories);
      } catch (error) {
        log.warn({ err: error }, 'looking for locks of an earlier life failed');
      }
    },
  };
}
