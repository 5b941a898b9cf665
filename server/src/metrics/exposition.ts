/** Prometheus' text format for what has many series: text is made once for each block of rows, and kept until the rows are read again. */

export interface Family<R> {
  /** With its prefix. */
  name: string;
  /** One sentence. */
  help: string;
  /** What the row is, in base units; undefined for no series. */
  read(row: R): number | undefined;
}

/** Text of some rows, one piece for each family, in the order of the families. */
export type Block = readonly Buffer[];

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** `{host="db-1"}`; nothing for no labels. Values may hold any text. */
function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => ESCAPES[char] ?? char)}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

export function formatBlock<R>(
  families: readonly Family<R>[],
  rows: readonly R[],
  nameRow: (row: R) => Readonly<Record<string, string>>,
): Block {
  const labels = rows.map((row) => formatLabels(nameRow(row)));
  return families.map((family) => {
    let text = '';
    for (const [index, row] of rows.entries()) {
      const value = family.read(row);
      if (value !== undefined) text += `${family.name}${labels[index]} ${value}\n`;
    }
    return Buffer.from(text, 'utf8');
  });
}

/** All families with their heads, each with its lines from every block. A family without rows keeps its head. */
export function joinBlocks<R>(families: readonly Family<R>[], blocks: readonly Block[]): Buffer[] {
  return families.flatMap(({ name, help }, index) => [
    Buffer.from(`# HELP ${name} ${help}\n# TYPE ${name} gauge\n`, 'utf8'),
    ...blocks.flatMap((block) => block[index] ?? []),
  ]);
}
