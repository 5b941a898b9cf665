import type { Direction, PassedOver } from '@holdfast/shared/domain/list-orders.ts';

/** Keyset paging: a page knows the key of its last row and nothing else. */
export interface PageRequest {
  /** Rows at most, 1 to `HTTP.pageSizeMax`. */
  limit: number;
  /** The opaque key of the last row already seen; undefined for the first page. */
  after?: string | undefined;
}

export interface Page<T> {
  rows: readonly T[];
  /** Hand this to the next request; undefined on the last page. */
  next?: string | undefined;
}

export interface Sort<Column extends string> {
  by: Column;
  direction: Direction;
}

/** A page of a list in the order that was wished for; without one the list keeps its own. */
export interface SortedPage<Column extends string> extends PageRequest {
  sort?: Sort<Column> | undefined;
}

/** A page of what a search found. */
export interface FoundPage<T> extends Page<T> {
  /** Kinds of which more fit than are followed: the search says too little to find all. Undefined where all are. */
  passedOver?: readonly PassedOver[] | undefined;
}
