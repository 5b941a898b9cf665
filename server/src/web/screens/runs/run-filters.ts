/** The choices of a list's filters. */
import type { Page } from '../../../store/page.ts';
import type { FilterOption } from '../../ui/table.ts';

const CHOICE_CHARS = 28;

/** Where more are there than a select offers: part of their name finds what is theirs, or their own pages lead to it. */
const OTHERS = {
  search: { value: '…', label: '… others: by the search', disabled: true },
  pages: { value: '…', label: '… others: by their pages', disabled: true },
} as const satisfies Readonly<Record<string, FilterOption>>;

/** A select is as wide as its longest choice. */
function cutName(name: string): string {
  return name.length > CHOICE_CHARS ? `${name.slice(0, CHOICE_CHARS - 1)}…` : name;
}

/** The choices of a filter, with what is chosen among them even where the list is cut; that it is cut is the last of them. */
export function choicesOf(
  all: string,
  { rows, next }: Page<{ id: string; name: string }>,
  chosen: { id: string; name: string } | undefined,
  others: keyof typeof OTHERS = 'search',
): FilterOption[] {
  const listed = chosen === undefined || rows.some((row) => row.id === chosen.id) ? rows : [chosen, ...rows];
  return [
    { value: '', label: all },
    ...listed.map((row) => ({ value: row.id, label: cutName(row.name) })),
    ...(next === undefined ? [] : [OTHERS[others]]),
  ];
}
