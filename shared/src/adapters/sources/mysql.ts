/**
 * One database of a MySQL server, 8.0 or newer, read with MySQL's own clients, or with MariaDB's where a host has none of MySQL's. What
 * MariaDB's cannot dump so that it comes back is refused before anything is read.
 */
import type { SourceAdapter } from '../source.ts';
import { createServerSource } from './mariadb/server-source.ts';
import { mysqlRecording } from './mysql/contents.ts';
import { mysqlDrill } from './mysql/drill.ts';
import { mysqlRestore } from './mysql/restore.ts';

export const mysqlSource: SourceAdapter = createServerSource('MySQL', {
  kind: 'mysql',
  label: 'MySQL database',
  summary: 'One database of a MySQL server (8.0 or newer), with routines, triggers and events.',
  tools: ['mysql', 'mysqldump'],
  otherTools: ['mariadb', 'mariadb-dump'],
  drill: mysqlDrill,
  restore: mysqlRestore,
  recording: mysqlRecording,
  byHand: (fileName) =>
    fileName === 'database.sql'
      ? [
          'mysql --execute="CREATE DATABASE new_database"',
          // See `mariadb.ts`.
          "sed 's/^ALTER DATABASE `.*` CHARACTER SET /ALTER DATABASE CHARACTER SET /' | mysql --binary-mode --comments --max-allowed-packet=1G new_database",
        ]
      : [],
});
