/** What makes a try bad. Pure: looks at what was seen and says in words what must not be. */
import { isTerminal, type RunState } from '@holdfast/shared/domain/run.ts';
import type { SnapshotState } from '@holdfast/shared/domain/snapshot.ts';

export type SeenSnapshot = {
  readonly engineId: string;
  readonly role: 'data' | 'globals';
  /** As the server shows it. */
  readonly state: SnapshotState;
  /** For those offered for restore: what is wrong with what a restore brings back, undefined when it equals the source. */
  readonly mismatch?: string | undefined;
  /** For all others: whether the server took an order to restore it. */
  readonly isOffered?: boolean | undefined;
};

export type Sight = {
  readonly state: RunState;
  /** Ends that tell the truth about this fault. */
  readonly allowed: readonly RunState[];
  /** Snapshots of the run in the ledger. */
  readonly ledger: readonly SeenSnapshot[];
  /** Snapshots that lie in the repository with the run's tag. */
  readonly stored: readonly string[];
};

const isOfferedState = (state: SnapshotState): boolean => state === 'good' || state === 'partial';

/** Everything that is wrong with a try, each as one sentence; none when all is well. */
export function judgeSight({ state, allowed, ledger, stored }: Sight): readonly string[] {
  const problems: string[] = [];
  if (!isTerminal(state)) problems.push(`the run has not ended, it is ${state}`);
  else if (!allowed.includes(state)) problems.push(`the run ended ${state}, which is not ${allowed.join(' or ')}`);
  const offered = ledger.filter((snapshot) => isOfferedState(snapshot.state));
  const isGreen = state === 'succeeded' || state === 'partial';
  if (isGreen && !offered.some(({ role }) => role === 'data'))
    problems.push(`the run is ${state} without a snapshot of its data`);
  if (!isGreen && offered.length > 0) problems.push(`the run is ${state}, and ${offered.length} snapshots of it are offered`);
  if (state === 'succeeded' && offered.some((snapshot) => snapshot.state === 'partial'))
    problems.push('the run is succeeded with a partial snapshot');
  for (const { engineId, mismatch } of offered) {
    if (!stored.includes(engineId)) problems.push(`snapshot ${engineId.slice(0, 8)} is offered and not in the repository`);
    else if (mismatch !== undefined) problems.push(`snapshot ${engineId.slice(0, 8)} is offered, but ${mismatch}`);
  }
  for (const snapshot of ledger) {
    if (snapshot.isOffered) problems.push(`snapshot ${snapshot.engineId.slice(0, 8)} is ${snapshot.state} and can be restored`);
  }
  return problems;
}

export type Audit = {
  /** Everything in the repository. */
  readonly stored: readonly string[];
  /** Offered by the server, in this repository. */
  readonly offered: readonly string[];
  /** Restored and compared when their run ended. */
  readonly verified: ReadonlySet<string>;
  /** How many the host last said to have found that no clean run vouches for. */
  readonly unlisted: number;
  /** What `restic check` said when it found fault. */
  readonly damage?: string | undefined;
};

/** What is wrong with a repository after all tries in it: repository and ledger must agree. */
export function judgeAudit({ stored, offered, verified, unlisted, damage }: Audit): readonly string[] {
  const problems: string[] = [];
  for (const id of offered) {
    if (!stored.includes(id)) problems.push(`snapshot ${id.slice(0, 8)} is offered and not in the repository`);
    if (!verified.has(id)) problems.push(`snapshot ${id.slice(0, 8)} is offered and was not when its run ended`);
  }
  const orphans = stored.filter((id) => !offered.includes(id));
  if (orphans.length !== unlisted)
    problems.push(`${orphans.length} snapshots are vouched for by nobody, and ${unlisted} were reported`);
  if (damage !== undefined) problems.push(`restic check: ${damage}`);
  return problems;
}
