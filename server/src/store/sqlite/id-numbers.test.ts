import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import Database from 'better-sqlite3';
import { registerAuditHash } from './audit-chain.ts';
import { readMigrations } from './file/migrations.ts';
import { idOf } from './id-numbers.ts';

const MIGRATIONS = readMigrations(join(import.meta.dirname, '../../../../migrations'));
/** The first that numbers ids. */
const NUMBERING = 33;

const RUN = `kind, cause, state, fire_at, created_at, started_at, finished_at, duration_ms, received_at, reported_at, bytes, failure,
  evidence, snapshot_id, target, scope, from_repository_id, follows_run_id, requested_by, facets, log_lines, log_last_n, log_bytes,
  log_left_out, log_removed_at, log_kept_days, log_block, log_place`;
const PART = 'position, state, failure, warnings, bytes, duration_ms, ended_at, kind, created_at, facets';
const SNAPSHOT = `engine_id, run_id, role, state, created_at, size_bytes, added_bytes, files, file_name, evidence, abandoned, suspicion,
  pinned_at, pinned_by, removed_at, removed_why, proven_at, copy_of, copied_by, verification, adopted_at, adopted_by`;
const BEFORE = [
  `SELECT rowid AS no, id, tenant_id AS tenant, host_id AS host, plan_id AS plan, repository_id AS repository, ${RUN} FROM runs ORDER BY id`,
  `SELECT run_id AS run, source_id AS source, tenant_id AS tenant, ${PART} FROM run_parts ORDER BY run_id, source_id`,
  `SELECT rowid AS no, id, tenant_id AS tenant, host_id AS host, source_id AS source, plan_id AS plan, repository_id AS repository, ${SNAPSHOT}
   FROM snapshots ORDER BY id`,
];
const AFTER = [
  `SELECT no, id, ${idOf('tenant_no')} AS tenant, ${idOf('host_no')} AS host, ${idOf('plan_no')} AS plan,
     ${idOf('repository_no')} AS repository, ${RUN} FROM runs ORDER BY id`,
  `SELECT r.id AS run, ${idOf('p.source_no')} AS source, ${idOf('p.tenant_no')} AS tenant,
     ${PART.split(', ')
       .map((column) => `p.${column}`)
       .join(', ')}
   FROM run_parts p JOIN runs r ON r.no = p.run_no ORDER BY run, source`,
  `SELECT no, id, ${idOf('tenant_no')} AS tenant, ${idOf('host_no')} AS host, ${idOf('source_no')} AS source, ${idOf('plan_no')} AS plan,
     ${idOf('repository_no')} AS repository, ${SNAPSHOT} FROM snapshots ORDER BY id`,
];
const KEPT = ['snapshot_totals', 'source_goods', 'run_stages', 'orders'];

/** Every column has values of its own, every third row none where a column may have none. */
function fill(db: Database.Database): void {
  for (const [table, rows] of [
    ['runs', 90],
    ['run_parts', 90],
    ['snapshots', 90],
  ] as const) {
    const columns = db.pragma(`table_info(${table})`) as { name: string; type: string; notnull: number }[];
    const insert = db.prepare(`INSERT INTO ${table} VALUES (${columns.map(() => '?').join(', ')})`);
    for (let n = 0; n < rows; n += 1) {
      const values = columns.map(({ name, type, notnull }, place) => {
        if (name === 'id') return `${table}_${n}`;
        // Snapshots that were taken over name a run that nobody knows.
        if (name === 'run_id') return table === 'snapshots' && n % 7 === 0 ? `run_lost_${n}` : `runs_${n}`;
        if (name === 'state') return ['good', 'failed', 'removed'][n % 3];
        if (name === 'role') return n % 4 === 0 ? 'globals' : 'data';
        if (notnull === 0 && (n + place) % 3 === 0) return null;
        if (type === 'INTEGER') return n * 40_000_000 + place;
        return /^(tenant|host|source|plan|repository)_id$/.test(name) ? `${name}_${n % 5}` : `${name} ${n}`;
      });
      insert.run(...values);
    }
  }
  const stage = db.prepare(
    `INSERT INTO run_stages (run_id, source_id, stage, tenant_id, started_at) VALUES (?, '', 'dump', 't', 1)`,
  );
  const order = db.prepare(`INSERT INTO orders (id, tenant_id, host_id, type, run_id, body, not_after, created_at, state)
    VALUES (?, 't', 'h', 'run.start', ?, '', 1, 1, 'waiting')`);
  for (let n = 0; n < 90; n += 1) {
    stage.run(`runs_${n}`);
    order.run(`o${n}`, `runs_${n}`);
  }
}

it('runs, parts and snapshots are what they were when ids get numbers, and so is all that belongs to them', () => {
  const db = new Database(':memory:');
  registerAuditHash(db);
  for (const { sql } of MIGRATIONS.slice(0, NUMBERING - 1)) db.exec(sql);
  // As the server itself migrates.
  db.pragma('foreign_keys = OFF');
  fill(db);
  // Some are gone, so that rows have not just the numbers from one on.
  db.exec("DELETE FROM snapshots WHERE id LIKE 'snapshots_1%'");
  const read = (texts: readonly string[]) => texts.map((text) => db.prepare(text).all());
  const days = 'SELECT tenant_id, day, kind, state, count FROM run_days ORDER BY 1, 2, 3, 4';
  const all = [days, ...KEPT.map((table) => `SELECT * FROM ${table} ORDER BY 1, 2`)];
  const [rows, kept] = [read(BEFORE), read(all)];
  for (const { sql } of MIGRATIONS.slice(NUMBERING - 1)) db.exec(sql);
  assert.deepEqual(read(AFTER), rows);
  assert.deepEqual(read(all), kept);
  assert.deepEqual(db.pragma('foreign_key_check'), []);
  assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
  db.pragma('foreign_keys = ON');
  db.exec("DELETE FROM runs WHERE id = 'runs_7'");
  const left = (text: string) => db.prepare(text).get('runs_7');
  assert.equal(left('SELECT 1 FROM run_stages WHERE run_id = ?'), undefined, 'what belongs to a run goes with it');
  assert.equal(db.prepare('SELECT count(*) AS count FROM run_parts').pluck().get(), 89);
  db.close();
});
