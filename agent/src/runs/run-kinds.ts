/** Every kind of run, and what the end of one brings about in the others. */
import type { RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { type BackupRuns, createBackupRuns } from './backup/backup-runs.ts';
import type { BackupEnd } from './backup/execute-backup.ts';
import { createDrillRuns, type DrillRuns } from './drill/drill-runs.ts';
import type { JournaledRunBody } from './journaled-run.ts';
import type { Recorder } from './log/recorder.ts';
import type { Queue } from './queue/queue.ts';
import { createRestoreRuns, type RestoreRuns } from './restore/restore-runs.ts';
import type { RunRecords } from './run-records.ts';
import { createForgetRuns, type ForgetRuns } from './upkeep/forget-runs.ts';
import { createMaintenanceRuns, type MaintenanceRuns } from './upkeep/maintenance-runs.ts';
import { createSnapshotRuns, type SnapshotRuns } from './upkeep/snapshot-runs.ts';
import type { Workbench } from './workbench.ts';

export interface RunKinds {
  backups: BackupRuns;
  restores: RestoreRuns;
  drills: DrillRuns;
  /** Retention by a plan. */
  forgets: ForgetRuns;
  /** Checks, prunes and unlocks. */
  maintenance: MaintenanceRuns;
  /** What is about named snapshots, copies among it. */
  snapshots: SnapshotRuns;
}

export interface RunKindsPorts {
  workbench: Workbench;
  queue: Queue;
  records: RunRecords;
  spec(): Spec | undefined;
  /** What lies in this repository should be compared with the ledger, soon. */
  onRepositoryUsed(repository: RepositoryId, end: BackupEnd): void;
}

export function createRunKinds({ workbench, queue, records, spec, onRepositoryUsed }: RunKindsPorts): RunKinds {
  const { record, forgetProcesses } = records;
  const ports = { workbench, queue, spec, record, createRecorder: (run: RunId) => records.createRecorder(run, 0) };
  const settle = (run: RunId, repository: RepositoryId, end: BackupEnd) => {
    if (!end.owesLook) forgetProcesses(run);
    onRepositoryUsed(repository, end);
  };

  const forgets = createForgetRuns({ ...ports, onEnd: settle });
  const snapshots = createSnapshotRuns({ ...ports, onEnd: settle, onCopied: forgets.followUp });
  return {
    forgets,
    snapshots,
    maintenance: createMaintenanceRuns({ ...ports, onEnd: settle }),
    drills: createDrillRuns({ ...ports, onEnd: forgetProcesses }),
    restores: createRestoreRuns({
      ...ports,
      onEnd(run, { storedIn, owesLook }) {
        if (!owesLook) forgetProcesses(run);
        if (storedIn) onRepositoryUsed(storedIn, { reached: true, owesLook });
      },
    }),
    backups: createBackupRuns({
      ...ports,
      onAttemptEnd(run, { plan, repository }, end, isLast) {
        if (isLast) {
          settle(run, repository, end);
          // What is about to leave the first repository is copied before.
          snapshots.followUp(plan, run);
          forgets.followUp(plan, repository);
        } else if (!end.owesLook) forgetProcesses(run);
      },
    }),
  };
}

/** Puts a run that is in the journal into the queue. */
export function enqueueJournaled(kinds: RunKinds, run: RunId, body: JournaledRunBody, recorder: Recorder): void {
  switch (body.kind) {
    case 'backup':
      kinds.backups.enqueue(run, body, recorder);
      break;
    case 'forget':
      kinds.forgets.enqueue(run, body, recorder);
      break;
    case 'check':
    case 'prune':
    case 'unlock':
      kinds.maintenance.enqueue(run, body, recorder);
      break;
    case 'drill':
      kinds.drills.enqueue(run, body, recorder);
      break;
    case 'verify':
    case 'delete_snapshot':
    case 'retention':
    case 'copy':
      kinds.snapshots.enqueue(run, body, recorder);
      break;
    case 'restore':
      kinds.restores.enqueue(run, body, recorder);
      break;
    case 'safety':
      // Carried out inside a restore; it never waits.
      break;
  }
}
