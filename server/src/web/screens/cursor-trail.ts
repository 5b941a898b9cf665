/** Paging by cursor with a way back: the address carries the cursors of the pages before, the last one is where we are. */
import { HTTP } from '@holdfast/shared/limits.ts';
import type { PageRequest } from '../../store/page.ts';
import type { Visit } from '../http/route.ts';
import { readList } from './forms/form-values.ts';

/** Further pages are reached by filters: the address would grow without end. */
const DEEPEST = 60;

export interface CursorTrail {
  readonly request: PageRequest;
  /** The cursors of this page's address. */
  readonly cursors: readonly string[];
}

export function readTrail(visit: Pick<Visit, 'query'>, limit: number = HTTP.pageSize): CursorTrail {
  const cursors = readList(visit.query, 'after')
    .filter((cursor) => cursor !== '')
    .slice(0, DEEPEST);
  const after = cursors.at(-1);
  return { cursors, request: { limit, ...(after === undefined ? {} : { after }) } };
}

export interface PageLinks {
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
}

/** Links to the pages around. `href` builds the list's address with the given cursors. */
export function linkPages(trail: CursorTrail, next: string | undefined, href: (cursors: readonly string[]) => string): PageLinks {
  const { cursors } = trail;
  return {
    previousHref: cursors.length === 0 ? undefined : href(cursors.slice(0, -1)),
    nextHref: next === undefined || cursors.length >= DEEPEST ? undefined : href([...cursors, next]),
  };
}
