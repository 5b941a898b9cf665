/** Logs as backups of real hosts leave them, line by line; only names, ids, sizes and times are made up, the same for the same index. */
import { createHash } from 'node:crypto';
import type { LogLine } from '@holdfast/shared/domain/run.ts';

/** Numbers and ids that cannot be foretold from one another, as those of real runs. */
function createChance(index: number) {
  let at = 0;
  let pool = '';
  const hex = (digits: number): string => {
    if (pool.length < at + digits) pool += createHash('sha256').update(`${index} ${pool.length}`).digest('hex');
    at += digits;
    return pool.slice(at - digits, at);
  };
  const between = (low: number, high: number): number => low + Math.floor((Number.parseInt(hex(8), 16) / 2 ** 32) * (high - low));
  return { hex, between };
}

type Chance = ReturnType<typeof createChance>;
/** What is said, and the milliseconds since what was said before. */
type Said = readonly [afterMs: number, text: string];

const GLOBALS = '2d2d0a2d2d20506f737467726553514c20646174616261736520636c75737465722064756d700a2d2d0a';
const SANDBOX = '2f2a4d213939393939395c2d20656e61626c65207468652073616e64626f78206d6f6465202a2f';

function sayRecorded({ between }: Chance): Said {
  const tables = between(5, 200);
  return [
    between(1, 140),
    `recorded for drills: ${tables} tables and views, ${tables - between(0, 5)} counted (${between(10_000, 90_000_000)} rows)`,
  ];
}

function sayPostgres(chance: Chance, source: string): readonly Said[] {
  const { hex, between } = chance;
  const [data, globals] = [hex(8), hex(8)];
  const bytes = between(1_000_000, 2_000_000_000);
  return [
    [between(30, 120), 'pre-flight: server 15.18'],
    [between(3, 60), `pg_dump → restic (${source}, data)`],
    [between(700, 90_000), `restic: snapshot ${data}, ${bytes} bytes read`],
    [0, 'pg_dump exited 0; end of file released'],
    sayRecorded(chance),
    [between(3, 40), `pg_dumpall → restic (${source}, globals)`],
    [between(700, 2500), `restic: snapshot ${globals}, 1138 bytes read`],
    [0, 'pg_dumpall exited 0; end of file released'],
    [
      between(700, 2500),
      `evidence: Snapshot ${data} holds ${bytes} bytes; its tags are as given. The stored file begins with 5047444d50.`,
    ],
    [
      between(700, 2500),
      `evidence: Snapshot ${globals} holds 1138 bytes; its tags are as given. The stored file begins with ${GLOBALS}.`,
    ],
  ];
}

function sayMariadb(chance: Chance, source: string): readonly Said[] {
  const { hex, between } = chance;
  const data = hex(8);
  const bytes = between(1_000_000, 2_000_000_000);
  return [
    [between(20, 120), 'pre-flight: server 10.11.19-MariaDB-0+deb12u1'],
    [between(3, 60), `mariadb-dump → restic (${source}, data)`],
    [between(700, 90_000), `restic: snapshot ${data}, ${bytes} bytes read`],
    [0, 'mariadb-dump exited 0; end of file released'],
    sayRecorded(chance),
    [
      between(700, 2500),
      `evidence: Snapshot ${data} holds ${bytes} bytes; its tags are as given. The stored file begins with ${SANDBOX}.`,
    ],
  ];
}

function sayFiles({ hex, between }: Chance, path: string): readonly Said[] {
  const snapshot = hex(8);
  const bytes = between(1_000_000, 2_000_000_000);
  return [
    [between(5, 90), `restic: reading ${path}`],
    [between(900, 90_000), `restic: snapshot ${snapshot}, ${between(80, 900_000)} files, ${bytes + between(0, 4000)} bytes read`],
    [between(700, 2500), `evidence: Snapshot ${snapshot} holds ${bytes} bytes; its tags are as given.`],
  ];
}

/**
 * The log of one backup that begins at `at`, of four to seventeen lines; over many indices some ten a run and ninety bytes a line. `place` is a
 * number for the host and its sources: the same one talks of the same repository and the same names.
 */
export function writeBackupLog(index: number, place: number, at: number): LogLine[] {
  const chance = createChance(index);
  const repository = createHash('sha256')
    .update(`repository ${place % 20}`)
    .digest('hex')
    .slice(0, 8);
  const shop = `Shop ${place}`;
  const kinds: readonly (readonly Said[])[] = [
    sayPostgres(chance, shop),
    sayPostgres(chance, `Orders ${place}`),
    [...sayPostgres(chance, shop), ...sayMariadb(chance, `Warehouse ${place}`)],
    sayFiles(chance, `/srv/site-${place}/documents`),
  ];
  const said: readonly Said[] = [
    [chance.between(50, 400), `pre-flight: repository ${repository} opened, Site ${place % 20}`],
    ...(kinds[place % kinds.length] ?? []),
  ];
  let now = at;
  return said.map(([afterMs, text], i) => {
    now += afterMs;
    return { n: i + 1, at: now, level: 'info' as const, text };
  });
}
