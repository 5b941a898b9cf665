/** What is said of a search of runs or snapshots. */

import type { PassedOver } from '@holdfast/shared/domain/list-orders.ts';
import { SEARCH } from '@holdfast/shared/limits.ts';

/** What an empty list says of what was looked for. */
export interface SearchedWords {
  title: string;
  text: string;
}

const NAMES = 'the names of hosts, plans, sources and repositories';

/** `hasMore`: other filters are on as well. */
export function describeSearch(noun: 'run' | 'snapshot', search: string, hasMore: boolean): SearchedWords {
  const places =
    noun === 'run'
      ? `${NAMES}, in what runs failed with (from ${SEARCH.errorChars} letters on), and at the beginning of the ids of runs, their snapshots and their requests`
      : `${NAMES}, and at the beginning of the ids of snapshots and their runs`;
  return {
    title: hasMore ? `No ${noun} with “${search}” fits these filters.` : `No ${noun} fits “${search}”.`,
    text: `Searched was in ${places}.`,
  };
}

/** Where a search follows less than fits it: `50 runs shown; more hosts than the first 50 have “db” in their names: type more of it`. */
export function sayPassedOver(search: string, passedOver: readonly PassedOver[] | undefined): string {
  const nouns = passedOver?.filter((noun) => noun !== 'ids') ?? [];
  const ids =
    passedOver?.includes('ids') === true ? `; more ids than the newest ${SEARCH.ids} begin like this: type more of it` : '';
  if (nouns.length === 0) return ids;
  const listed = nouns.length === 1 ? nouns[0] : `${nouns.slice(0, -1).join(', ')} and ${nouns.at(-1)}`;
  return `; more ${listed} than the first ${SEARCH.names} by name have “${search}” in them: type more of it${ids}`;
}
