/** The name of the operating system, as `os-release` gives it (os-release(5)). */
import { readFileSync } from 'node:fs';
import { type } from 'node:os';

const PLACES = ['/etc/os-release', '/usr/lib/os-release'];

/** `PRETTY_NAME`, else `NAME` and `VERSION_ID`; undefined when the text names nothing. */
export function parseOsRelease(text: string): string | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const found = /^([A-Z_]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S*))\s*$/.exec(line);
    if (found?.[1] === undefined) continue;
    fields.set(found[1], (found[2]?.replace(/\\(.)/g, '$1') ?? found[3] ?? found[4] ?? '').trim());
  }
  const pretty = fields.get('PRETTY_NAME');
  if (pretty) return pretty;
  const name = [fields.get('NAME'), fields.get('VERSION_ID')].filter(Boolean).join(' ');
  return name === '' ? undefined : name;
}

export function readOsName(places: readonly string[] = PLACES): string {
  for (const place of places) {
    try {
      const name = parseOsRelease(readFileSync(place, 'utf8'));
      if (name !== undefined) return name;
    } catch {
      // Not here; the next place may have it.
    }
  }
  return type();
}
