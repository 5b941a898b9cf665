/** Quotes any text as an SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes any text as a MariaDB identifier. */
export function quoteBacktick(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Quotes any text as an SQL string; backslashes are doubled for servers that give them a meaning. */
export function quoteString(text: string, hasBackslashEscapes = false): string {
  const escaped = hasBackslashEscapes ? text.replaceAll('\\', '\\\\') : text;
  return `'${escaped.replaceAll("'", "''")}'`;
}
