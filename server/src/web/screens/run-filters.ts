/** The choices of a list's filters. */

const CHOICE_CHARS = 28;

export interface FilterChoice {
  value: string;
  label: string;
}

/** A select is as wide as its longest choice. */
function cutName(name: string): string {
  return name.length > CHOICE_CHARS ? `${name.slice(0, CHOICE_CHARS - 1)}…` : name;
}

/** The choices of a filter, with what is chosen among them even where the list is cut. */
export function choicesOf(
  all: string,
  rows: readonly { id: string; name: string }[],
  chosen: { id: string; name: string } | undefined,
): FilterChoice[] {
  const listed = chosen === undefined || rows.some((row) => row.id === chosen.id) ? rows : [chosen, ...rows];
  return [{ value: '', label: all }, ...listed.map((row) => ({ value: row.id, label: cutName(row.name) }))];
}
