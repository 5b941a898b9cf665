/** Single values of the journal, by name. */
import type { Database } from './database.ts';

export interface Meta {
  find(key: string): string | undefined;
  set(key: string, value: string): void;
}

export function createMeta(database: Database): Meta {
  const select = database.prepare('SELECT value FROM meta WHERE key = ?');
  const upsert = database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
  return {
    find: (key) => (select.get(key) as unknown as { value: string } | undefined)?.value,
    set: (key, value) => void database.transact(() => upsert.run(key, value)),
  };
}
