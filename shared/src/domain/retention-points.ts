/** What retention counts as one: everything a run stored of a source, such as a database and the roles of its server. Pure. */
import type { RetentionSnapshot, Standing } from './retention.ts';

export interface PointPart {
  /** The run that stored it. */
  run: string;
  role: 'data' | 'globals';
  /** What is known of it by itself; only that of the data counts. */
  standing: Standing;
  /** Epoch milliseconds. */
  createdAt: number;
  /** Bytes it added to the repository. */
  storedBytes: number;
  isPinned: boolean;
  isProven: boolean;
}

export interface RetentionPoint<P extends PointPart> {
  /** Under the id of the run. */
  snapshot: RetentionSnapshot;
  parts: readonly P[];
  /** The data, or what is there without it. */
  head: P;
}

function toPoint<P extends PointPart>(run: string, parts: readonly P[], first: P): RetentionPoint<P> {
  const data = parts.find(({ role }) => role === 'data');
  const head = data ?? first;
  return {
    head,
    parts,
    snapshot: {
      id: run,
      createdAt: head.createdAt,
      storedBytes: parts.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
      // Roles without the data they belong to restore nothing.
      standing: data?.standing ?? 'quarantined',
      isProven: data?.isProven ?? false,
      isPinned: parts.some(({ isPinned }) => isPinned),
    },
  };
}

/** The parts of one source, in points of one run each; in the order in which the runs come first. */
export function gatherPoints<P extends PointPart>(parts: readonly P[]): readonly RetentionPoint<P>[] {
  return [...Map.groupBy(parts, ({ run }) => run)].flatMap(([run, made]) =>
    made.slice(0, 1).map((first) => toPoint(run, made, first)),
  );
}
