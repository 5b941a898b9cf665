/** One database of a MariaDB server, 10.5 or newer, read with MariaDB's own clients. */
import type { SourceAdapter } from '../source.ts';
import { mariadbRecording } from './mariadb/contents.ts';
import { mariadbDrill } from './mariadb/drill.ts';
import { mariadbRestore } from './mariadb/restore.ts';
import { createServerSource } from './mariadb/server-source.ts';

export const mariadbSource: SourceAdapter = createServerSource('MariaDB', {
  kind: 'mariadb',
  label: 'MariaDB database',
  summary: 'One database of a MariaDB server (10.5 or newer), with routines, triggers and events.',
  tools: ['mariadb', 'mariadb-dump'],
  drill: mariadbDrill,
  restore: mariadbRestore,
  recording: mariadbRecording,
  byHand: (fileName) =>
    fileName === 'database.sql'
      ? [
          'mariadb --execute="CREATE DATABASE new_database"',
          // A short form of `renaming`, which does not tell the text of a routine from what the tool wrote.
          "sed 's/^ALTER DATABASE `.*` CHARACTER SET /ALTER DATABASE CHARACTER SET /' | mariadb --binary-mode --comments --max-allowed-packet=1G new_database",
        ]
      : [],
});
