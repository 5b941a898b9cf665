/** What lists can be ordered by. A list without a wish keeps its own order: newest first, or by name. */

/** What runs can be ordered by. `plan` and `host` go by name, newest first within each; `state` begins with what failed. */
export const RUN_ORDERS = ['created', 'duration', 'bytes', 'state', 'plan', 'host'] as const;
export type RunOrder = (typeof RUN_ORDERS)[number];

/** What hosts can be ordered by; `status` begins with what needs somebody. */
export const HOST_ORDERS = ['name', 'status', 'seen', 'version'] as const;
export type HostOrder = (typeof HOST_ORDERS)[number];

/** What repositories can be ordered by; `status` begins with what needs somebody, `checked` is the newest check. What is not known is the least. */
export const REPOSITORY_ORDERS = ['name', 'status', 'size', 'checked'] as const;
export type RepositoryOrder = (typeof REPOSITORY_ORDERS)[number];

/** What sources can be ordered by; `good` is the newest clean backup, and one that has none is the oldest; `protection` begins with the worst. */
export const SOURCE_ORDERS = ['name', 'host', 'kind', 'good', 'protection'] as const;
export type SourceOrder = (typeof SOURCE_ORDERS)[number];

/** What proofs of recovery can be ordered by; `state` begins with the worst, `proven` is the newest drill that proved a backup. */
export const PROOF_ORDERS = ['name', 'host', 'state', 'proven'] as const;
export type ProofOrder = (typeof PROOF_ORDERS)[number];

/** What plans can be ordered by; those that never fire by themselves come last. */
export const PLAN_ORDERS = ['name', 'next'] as const;
export type PlanOrder = (typeof PLAN_ORDERS)[number];

/** What coverage can be ordered by; `seen` is when it was first seen. */
export const FINDING_ORDERS = ['seen', 'size', 'name'] as const;
export type FindingOrder = (typeof FINDING_ORDERS)[number];

/** What alerts that are not over can be ordered by; `need` begins with what nobody sees to, the gravest first, and `thing` is what one is about. */
export const ALERT_ORDERS = ['need', 'title', 'thing', 'since', 'count'] as const;
export type AlertOrder = (typeof ALERT_ORDERS)[number];

/** What snapshots can be ordered by. */
export const SNAPSHOT_LIST_ORDERS = ['created', 'size'] as const;
export type SnapshotListOrder = (typeof SNAPSHOT_LIST_ORDERS)[number];

/** Orders that begin with the biggest or the newest unless somebody wishes otherwise. */
const DOWNWARD: ReadonlySet<string> = new Set<
  RunOrder | HostOrder | SnapshotListOrder | SourceOrder | RepositoryOrder | ProofOrder | AlertOrder
>(['created', 'duration', 'bytes', 'seen', 'version', 'size', 'checked', 'need', 'since', 'count']);

/** The direction in which an order is first asked for. */
export function findDefaultDirection(column: string): Direction {
  return DOWNWARD.has(column) ? 'desc' : 'asc';
}

export const DIRECTIONS = ['asc', 'desc'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What a search follows no more than so many of, in the order of their names: `SEARCH.names`, and `SEARCH.ids` for ids. */
export const PASSED_OVER = ['hosts', 'sources', 'plans', 'repositories', 'ids'] as const;
export type PassedOver = (typeof PASSED_OVER)[number];
