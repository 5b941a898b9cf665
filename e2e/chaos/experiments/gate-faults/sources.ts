/** What is backed up: small, with something new for each try, and comparable with what a restore brings back. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Described } from '../../../harness/catalog.ts';
import { describeFiles, describeMariadb, describePostgres } from '../../../harness/catalog.ts';
import { hashTree } from '../../../harness/services/files.ts';
import type { MariadbHandle } from '../../../harness/services/mariadb.ts';
import type { PostgresHandle } from '../../../harness/services/postgres.ts';
import { runTool, tryTool } from '../../../harness/services/tool-run.ts';
import { getTool } from '../../../harness/services/tools.ts';
import type { Seed } from '../../seed.ts';

export const SOURCE_KINDS = ['postgres', 'mariadb', 'files'] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];

/** What the source holds now; says what is wrong with a folder into which a snapshot was restored. */
export type Truth = { compare(folder: string, role: 'data' | 'globals'): Promise<string | undefined> };

export type LabSource = {
  readonly kind: SourceKind;
  /** The command line of its dump program; a tree has none. */
  readonly dump: RegExp | undefined;
  describe(port?: number): Described;
  /** About a megabyte that was not there before, so that every backup has something to store. */
  refresh(seed: Seed): Promise<void>;
  readTruth(): Promise<Truth>;
  /** Ends the connections of dumps at the server; gives how many there were. */
  endBackends?(): Promise<number>;
};

const FRESH_ROWS = 1200;
const FRESH_KIB = 1200;

const digest = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const differ = (what: string, one: string, other: string) => (one === other ? undefined : `${what} differs from the source`);

/** `\restrict` carries a random word in each script; everything else repeats itself. */
const withoutWords = (script: string): string => script.replaceAll(/^\\(?:un)?restrict .*$/gm, '');

export function createPostgresSource(server: PostgresHandle, database: string, scratch: string): LabSource {
  const { programFolder, connectionEnv } = server;
  /** The whole archive read and written out as SQL. A part that cannot be read is a fault. */
  const unfold = async (file: string): Promise<string> => {
    const outcome = await tryTool(join(programFolder, 'pg_restore'), ['--file=-', file]);
    return outcome.code === 0 ? digest(withoutWords(outcome.stdout)) : `unreadable: ${outcome.stderr.slice(0, 200)}`;
  };
  return {
    kind: 'postgres',
    dump: /\/pg_dump .*--format=custom/,
    describe: (port = server.port) => describePostgres({ ...server, port }, database),
    async refresh(seed) {
      const word = seed.int([0, 2 ** 31]);
      const body = `(SELECT string_agg(md5(i || '/' || k || '/' || '${word}'), '') FROM generate_series(1, 32) k)`;
      await server.query(
        `CREATE TABLE IF NOT EXISTS fresh (id int, body text); TRUNCATE fresh;
         INSERT INTO fresh SELECT i, ${body} FROM generate_series(1, ${FRESH_ROWS}) i`,
        database,
      );
    },
    async readTruth() {
      return {
        async compare(folder, role) {
          if (role === 'globals') {
            const asked = await runTool(join(programFolder, 'pg_dumpall'), ['--globals-only'], { env: connectionEnv });
            const found = await readFile(join(folder, 'globals.sql'), 'utf8');
            return differ('the list of roles', digest(withoutWords(found)), digest(withoutWords(asked.stdout)));
          }
          const file = join(scratch, `truth-${database}`);
          const args = ['--format=custom', '--compress=0', `--file=${file}`, `--dbname=${database}`];
          await runTool(join(programFolder, 'pg_dump'), args, { env: connectionEnv });
          const [held, found] = [await unfold(file), await unfold(join(folder, 'database.dump'))];
          await rm(file);
          return found.startsWith('unreadable') ? `it is ${found}` : differ('the database', found, held);
        },
      };
    },
    async endBackends() {
      const ended = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}' AND application_name LIKE '%pg_dump'`;
      return (await server.query(ended)).split('\n').filter((line) => line !== '').length;
    },
  };
}

const withoutDate = (script: string): string => script.replace(/^-- Dump completed on .*$/m, '-- Dump completed');

export function createMariadbSource(server: MariadbHandle, database: string): LabSource {
  const { connectionEnv, connectionArgs } = server;
  const options =
    '--single-transaction --skip-lock-tables --quick --routines --triggers --events --hex-blob --comments --no-tablespaces';
  return {
    kind: 'mariadb',
    dump: /\/mariadb-dump .*--quick/,
    describe: (port = server.port) => describeMariadb({ ...server, port }, database),
    async refresh(seed) {
      const word = seed.int([0, 2 ** 31]);
      const pieces = Array.from({ length: 32 }, (_, k) => `MD5(CONCAT(seq, '/${k}/${word}'))`).join(', ');
      await server.query(
        `CREATE TABLE IF NOT EXISTS fresh (id int, body text); TRUNCATE fresh;
         INSERT INTO fresh SELECT seq, CONCAT(${pieces}) FROM seq_1_to_${FRESH_ROWS}`,
        database,
      );
    },
    async readTruth() {
      return {
        async compare(folder) {
          const found = withoutDate(await readFile(join(folder, 'database.sql'), 'utf8'));
          if (!found.trimEnd().endsWith('-- Dump completed')) return 'the dump has no end';
          const args = [...connectionArgs, ...options.split(' '), database];
          const held = withoutDate((await runTool(getTool('mariadb-dump'), args, { env: connectionEnv })).stdout);
          return differ('the database', digest(found), digest(held));
        },
      };
    },
    async endBackends() {
      const asked = `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '${database}' AND ID <> CONNECTION_ID()`;
      const ids = (await server.query(asked)).split('\n').filter((id) => id !== '');
      // One that ended meanwhile has no number any more.
      for (const id of ids) await server.query(`KILL CONNECTION ${id}`).catch(() => undefined);
      return ids.length;
    },
  };
}

export type FilesSource = LabSource & { readonly tree: string };

export function createFilesSource(tree: string): FilesSource {
  return {
    kind: 'files',
    dump: undefined,
    tree,
    describe: () => describeFiles([tree]),
    async refresh(seed) {
      await rm(tree, { recursive: true, force: true });
      for (let folder = 0; folder < 4; folder += 1) {
        await mkdir(join(tree, `folder ${folder}`), { recursive: true });
        for (let file = 0; file < 6; file += 1) {
          const content = `${seed.int([0, 2 ** 31])} in file ${file}\n`.repeat(20);
          await writeFile(join(tree, `folder ${folder}`, `file ${file}`), content);
        }
      }
      await writeFile(join(tree, 'fresh.bin'), makeBytes(seed, FRESH_KIB));
    },
    async readTruth() {
      const held = await hashTree(tree);
      return {
        async compare(folder) {
          const found = await hashTree(join(folder, tree)).catch(() => ({}) as typeof held);
          const paths = new Set([...Object.keys(held), ...Object.keys(found)]);
          const other = [...paths].filter((path) => JSON.stringify(held[path]) !== JSON.stringify(found[path]));
          return other.length === 0 ? undefined : `${other.length} paths differ from the source, the first is ${other[0]}`;
        },
      };
    },
  };
}

/** Incompressible bytes. */
export function makeBytes(seed: Seed, kibibytes: number): Buffer {
  const word = seed.int([0, 2 ** 31]);
  const blocks = Array.from({ length: kibibytes * 16 }, (_, at) => createHash('sha512').update(`${word}/${at}`).digest());
  return Buffer.concat(blocks);
}
