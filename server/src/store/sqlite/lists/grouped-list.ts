/** Lists in an order of groups: each group is a list of its own, in its own order, and one page may span several of them. */
import type { Page, PageRequest } from '../../page.ts';
import { formatMark, parseMark } from './keyset.ts';

/** What groups are ordered by: unique, and all of one list of the same form. */
export type GroupKey = readonly [string | number, string];

export interface Group<Within> {
  key: GroupKey;
  within: Within;
}

interface GroupedList<Within, Row> {
  /** Names the order in its page marks. */
  name: string;
  /** The groups in their order, beginning with the one of this key where it still is, else with the next one. */
  groups(from: GroupKey | undefined): Iterable<Group<Within>>;
  list(within: Within, page: PageRequest): Page<Row>;
}

const isSame = (a: GroupKey, b: GroupKey | undefined): boolean => b !== undefined && a[0] === b[0] && a[1] === b[1];

/** One page; runs in a caller's read. */
export function walkGroups<Within, Row>({ name, groups, list }: GroupedList<Within, Row>, page: PageRequest): Page<Row> {
  const [rank, id, inner] = page.after === undefined ? [] : parseMark(page.after, name, 3);
  const from: GroupKey | undefined = rank === undefined ? undefined : [rank, String(id)];
  const rows: Row[] = [];
  for (const { key, within } of groups(from)) {
    const after = isSame(key, from) && inner !== undefined && inner !== '' ? String(inner) : undefined;
    const room = page.limit - rows.length;
    // A full page still looks whether anything follows.
    const found = list(within, { limit: Math.max(1, room), after });
    if (room === 0) {
      if (found.rows.length > 0) return { rows, next: formatMark(name, [...key, after ?? '']) };
      continue;
    }
    rows.push(...found.rows);
    if (found.next !== undefined) return { rows, next: formatMark(name, [...key, found.next]) };
  }
  return { rows };
}

/** Groups that are all known: each has its place among them, and goes on where the page mark stands. */
export function rankGroups<Within>(
  groups: readonly Within[],
  idOf: (within: Within) => string,
  isDown: boolean,
): (from: GroupKey | undefined) => readonly Group<Within>[] {
  const ranked = groups.map((within, rank): Group<Within> => ({ key: [rank, idOf(within)], within }));
  const ordered = isDown ? ranked.toReversed() : ranked;
  return (from) =>
    from === undefined ? ordered : ordered.filter(({ key: [rank] }) => (isDown ? rank <= from[0] : rank >= from[0]));
}
