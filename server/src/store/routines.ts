/** What is done to repositories without being asked, and which host does it. */
import type { HostId, PlanId, RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Routine } from '@holdfast/shared/domain/routine.ts';
import type { Order } from './orders.ts';
import type { Run } from './runs.ts';

/** Who keeps a repository up. */
export interface Lease {
  host: HostId | undefined;
  /** Nobody else takes over before; epoch milliseconds. */
  until: number;
  /** A person chose the host: nobody else ever takes over. */
  isFixed: boolean;
}

export interface StoredRoutine {
  tenant: TenantId;
  repository: RepositoryId;
  settings: Routine;
  /** Since when the repository is kept up by itself. */
  since: number;
  lease: Lease;
  /** Rises with each run that is begun. */
  turn: number;
}

export interface RoutineStore {
  findRoutine(tenant: TenantId, repository: RepositoryId): Promise<StoredRoutine | undefined>;
  /** Of those that have one. */
  listRoutines(tenant: TenantId, repositories: readonly RepositoryId[]): Promise<readonly StoredRoutine[]>;
  /** Makes or changes it; one that is changed keeps its beginning. It is looked at next. `not_found` without the repository. */
  saveRoutine(routine: Omit<StoredRoutine, 'turn'>): Promise<void>;
  /** The repository is kept up by hand from now on. */
  deleteRoutine(tenant: TenantId, repository: RepositoryId): Promise<void>;
  /** Unless a person chose one meanwhile. */
  renewLease(tenant: TenantId, repository: RepositoryId, lease: Lease): Promise<void>;
  /** Those to be looked at by now, the one that waits longest first. */
  listRoutinesToLook(now: number, limit: number): Promise<readonly StoredRoutine[]>;
  postponeLook(tenant: TenantId, repository: RepositoryId, until: number): Promise<void>;
  /**
   * Places a run with its order, when its routine stands at this turn still, which rises. False, and nothing is placed, when somebody was
   * faster, or a person changed or ended the routine meanwhile.
   */
  placeTurn(turn: Pick<StoredRoutine, 'repository' | 'turn'>, run: Run, order: Order): Promise<boolean>;
  /** The newest retention runs of these plans in whatever state, newest first, at most `perPlan` of each. */
  listForgets(tenant: TenantId, plans: readonly PlanId[], perPlan: number): Promise<readonly Run[]>;
}
