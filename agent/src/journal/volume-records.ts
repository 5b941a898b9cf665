/** Where file systems were mounted in the trees of this host as they were last backed up cleanly. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { Database } from './database.ts';

export interface VolumeRecords {
  /** Mount points; none for a source that was not backed up cleanly since they are kept. */
  find(source: SourceId): readonly string[];
  /** In place of what was kept of the source. */
  keep(source: SourceId, points: readonly string[]): void;
}

const pointsSchema = z.array(z.string());

export function createVolumeRecords(database: Database): VolumeRecords {
  const select = database.prepare('SELECT points FROM volumes WHERE source = ?');
  const upsert = database.prepare('INSERT OR REPLACE INTO volumes (source, points) VALUES (?, ?)');
  return {
    find(source) {
      const row = select.get(source) as { points: string } | undefined;
      return row === undefined ? [] : pointsSchema.parse(JSON.parse(row.points));
    },
    keep(source, points) {
      upsert.run(source, JSON.stringify(points));
    },
  };
}
