/** Values of queries and posted forms: a name may come once, several times or not at all. */
type Values = Readonly<Record<string, string | readonly string[]>>;

/** The first value of a name; empty when there is none. */
export function readText(values: Values, name: string): string {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  return (typeof value === 'string' ? value : value?.[0]) ?? '';
}

/** The first value of a name, trimmed and cut; undefined when nothing is left. For searches and filters. */
export function findText(values: Values, name: string, maxChars = 200): string | undefined {
  const text = readText(values, name).trim().slice(0, maxChars);
  return text === '' ? undefined : text;
}

/** The values with one of these words and a dash taken off the front of their names: `once-name` is `name`. */
export function dropPrefix<V>(values: Readonly<Record<string, V>>, words: readonly string[]): Record<string, V> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const word = words.find((one) => name.startsWith(`${one}-`));
      return [word === undefined ? name : name.slice(word.length + 1), value];
    }),
  );
}

/** All values of a name. */
export function readList(values: Values, name: string): readonly string[] {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** Lines of a text area, without the empty ones. */
export function splitLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Tags as people type them: separated by commas or line breaks, each once. */
export function splitTags(text: string): readonly string[] {
  const tags = text
    .split(/[,\n]/u)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  return [...new Set(tags)];
}
