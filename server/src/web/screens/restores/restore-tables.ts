/** Tables as people write them, one a line: `orders`, `sales.orders`, `sales."odd ""name"""`. */
import type { ChosenTable } from '@holdfast/shared/domain/restore.ts';

/** A name in quotes, in which a quote is doubled, or anything without dots and quotes. */
const NAME = '"(?:[^"]|"")+"|[^".]+';
const LINE = new RegExp(`^(?:(${NAME})\\.)?(${NAME})$`, 'u');

const unquote = (name: string) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

/** Undefined where a line is no table. */
export function parseTables(text: string): readonly ChosenTable[] | undefined {
  const tables: ChosenTable[] = [];
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '') continue;
    const [, schema, name] = LINE.exec(line) ?? [];
    if (name === undefined) return undefined;
    tables.push(schema === undefined ? { name: unquote(name) } : { schema: unquote(schema), name: unquote(name) });
  }
  return tables;
}
