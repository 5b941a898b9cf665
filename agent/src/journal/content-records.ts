/** What the databases of this host held as they were backed up: the newest few records of each source, for a restore by hand to compare with. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { RECORD } from '@holdfast/shared/limits.ts';
import type { Database } from './database.ts';

export interface ContentRecords {
  /** Keeps the record of a run's backup of a source, wherever copies of it will lie; the oldest beyond the limit go. */
  keep(run: RunId, source: SourceId, contents: Contents): void;
}

export function createContentRecords(database: Database, clock: Pick<Clock, 'now'>): ContentRecords {
  const insert = database.prepare('INSERT OR REPLACE INTO contents (run, source, recorded_at, contents) VALUES (?, ?, ?, ?)');
  const trim = database.prepare(
    `DELETE FROM contents WHERE source = ?1 AND run NOT IN (
       SELECT run FROM contents WHERE source = ?1 ORDER BY recorded_at DESC, run DESC LIMIT ?2)`,
  );
  return {
    keep(run, source, contents) {
      database.transact(() => {
        insert.run(run, source, clock.now(), JSON.stringify(contents));
        trim.run(source, RECORD.keptPerSource);
      });
    },
  };
}
