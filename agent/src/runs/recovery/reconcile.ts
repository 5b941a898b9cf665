/**
 * The ledger decides, not the repository: after each run and at start the two are compared, and what no clean run vouches for is
 * reported, so that nobody restores it and nothing counts it.
 */
import { createHash } from 'node:crypto';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { findTags } from '@holdfast/shared/domain/snapshot.ts';
import type { LedgerSnapshot } from '../../journal/snapshot-ledger.ts';
import { prepareRepository, withWorkDir } from '../inputs.ts';
import { writeIfPossible } from '../possible-write.ts';
import type { Workbench } from '../workbench.ts';

/** Ids one report names; more are told by the next reports, once these are dealt with. */
const NAMED = 1000;

/** A repository that does not answer is left alone: it is compared after the next run. */
const LIST_PATIENCE = { retries: 3 };

/** A part that ended usable stands for it. */
const stands = ({ state }: LedgerSnapshot) => state === 'vouched' || state === 'partial';

const isGone = (state: LedgerSnapshot['state']) => state === 'missing' || state === 'removed';

/** What differs. `stored` are the snapshots with this host's tags; `active` are runs that have not ended. Pure. */
export function compareLedger(
  stored: readonly { engineId: string; tags: readonly string[] }[],
  ledger: readonly LedgerSnapshot[],
  active: ReadonlySet<string>,
): { orphans: string[]; missing: string[]; removed: LedgerSnapshot[] } {
  const known = new Map(ledger.map((entry) => [entry.engineId, entry]));
  const present = new Set(stored.map((entry) => entry.engineId));
  const orphans = stored.filter(({ engineId, tags }) => {
    const entry = known.get(engineId);
    const run = findTags(tags)?.run;
    return !(entry && stands(entry)) && (run === undefined || !active.has(run));
  });
  const gone = ledger.filter(({ engineId }) => !present.has(engineId));
  const removed = gone.filter(({ state, leaving }) => leaving !== undefined && !active.has(leaving) && !isGone(state));
  const missing = gone.filter((entry) => stands(entry) && entry.leaving === undefined);
  return {
    orphans: orphans.map((entry) => entry.engineId).slice(0, NAMED),
    missing: missing.map((entry) => entry.engineId).slice(0, NAMED),
    removed,
  };
}

/** Compares one repository and reports what differs. A repository that cannot be read now is looked at again next time. */
export async function reconcileRepository(
  workbench: Workbench,
  spec: Spec,
  id: RepositoryId,
  active: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<void> {
  const repository = spec.repositories.find((candidate) => candidate.id === id);
  if (!repository) return;
  const compared = await withWorkDir(workbench, async (workDir) => {
    const { access } = prepareRepository(workbench, repository, workDir);
    const engine = workbench.engine(workbench.exec);
    const tags = [`host:${spec.host}`];
    const found = await engine.listSnapshots({ access, workDir, tags, patience: LIST_PATIENCE, signal });
    if (found.failure) return found;
    const differences = compareLedger(found.snapshots, workbench.journal.snapshots.listByRepository(id), active);
    const isEqual = Object.values(differences).every(({ length }) => length === 0);
    // What differs may do so because another repository lies there for the time being.
    const failure = isEqual ? undefined : await engine.findStranger({ access, workDir, pinnedId: repository.pinnedId, signal });
    return failure ? { failure } : differences;
  });
  // The agent ends, and its journal with it.
  if (signal?.aborted) return;
  if ('failure' in compared) {
    workbench.log.warn(
      { repository: id, reason: compared.failure.reason },
      'the repository could not be compared with the ledger',
    );
    return;
  }
  const { orphans, missing, removed } = compared;
  reportRemoved(workbench, removed);
  reportDifferences(workbench, id, orphans, missing);
}

/** What is gone is told once by being noted as gone; what should not be there is told when it differs from what was told last. */
function reportDifferences({ journal, clock, log }: Workbench, id: RepositoryId, orphans: string[], missing: string[]): void {
  const subject = `orphans of ${id}`;
  const found = orphans.length === 0 ? '' : createHash('sha256').update(orphans.toSorted().join('\n')).digest('hex');
  const isKnown = found === (journal.findTold(subject) ?? '');
  if (missing.length === 0 && (isKnown || orphans.length === 0)) {
    if (!isKnown) writeIfPossible(log, 'orphans that come back are not told of', () => journal.noteTold(subject, found));
    return;
  }
  journal.outbox.append({ type: 'repository.reconciled', at: clock.now(), repository: id, orphans, missing }, () => {
    for (const engineId of missing) journal.snapshots.setState(id, engineId, 'missing');
    journal.noteTold(subject, found);
  });
}

/** What a run set out to remove and is gone was removed by it, although it did not live to say so. */
function reportRemoved({ journal, clock }: Workbench, removed: readonly LedgerSnapshot[]): void {
  for (const { leaving, source, repository, engineId } of removed) {
    if (leaving === undefined) continue;
    const snapshots = [{ engineId, why: 'the run that removed it was interrupted before it could say so' }];
    journal.outbox.append({ type: 'snapshots.removed', run: leaving, at: clock.now(), source, snapshots }, () =>
      journal.snapshots.setState(repository, engineId, 'removed'),
    );
  }
}
