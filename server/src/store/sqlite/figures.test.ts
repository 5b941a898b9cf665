import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Database from 'better-sqlite3';
import { registerAuditHash } from './audit-chain.ts';
import { FLEET, HOSTS, PLANS, REPOSITORIES, SOURCES } from './figures.ts';
import { readMigrations } from './file/migrations.ts';
import { idOf, numberOf } from './id-numbers.ts';

function openSchema(): Database.Database {
  const db = new Database(':memory:');
  registerAuditHash(db);
  for (const { sql } of readMigrations(join(import.meta.dirname, '../../../../migrations'))) db.exec(sql);
  return db;
}

describe('Figures', () => {
  it('are read through indexes alone, a page without a sort', () => {
    const db = openSchema();
    const explain = (text: string) =>
      (db.prepare(`EXPLAIN QUERY PLAN ${text}`).all({ tenant: 'a', after: '', limit: 1 }) as { detail: string }[]).map(
        ({ detail }) => detail,
      );
    for (const text of [HOSTS, SOURCES, PLANS, REPOSITORIES, FLEET]) {
      const walks = explain(text).filter((detail) => /^SCAN (?!CONSTANT|good|\(|[ps] VIRTUAL)/.test(detail));
      // What waits is all that these two hold.
      assert.deepEqual(
        walks.filter((detail) => !/orders_waiting|deliveries_waiting/.test(detail)),
        [],
        text,
      );
    }
    const sources = explain(SOURCES).join('\n');
    for (const way of [
      /SEARCH snapshots USING INDEX snapshots_(?:good|by_source) /,
      /snapshots_verified/,
      /COVERING INDEX drills_proven/,
    ])
      assert.match(sources, way);
    assert.doesNotMatch(sources, /TEMP B-TREE FOR ORDER BY/);
    db.close();
  });

  it('count snapshots as they come, change and go', () => {
    const db = openSchema();
    const insert =
      db.prepare(`INSERT INTO snapshots (id, tenant_no, engine_id, run_id, host_no, source_no, repository_no, role, state,
        created_at, size_bytes, evidence)
      VALUES (@id, ${numberOf("'t'")}, @id, 'run', ${numberOf("'host'")}, ${numberOf("'src'")}, ${numberOf('@repository')}, @role, @state,
        1, 1, '[]')`);
    for (const id of ['t', 'host', 'src', 'r0', 'r1', 'r2']) db.prepare('INSERT INTO id_numbers (id) VALUES (?)').run(id);
    const states = ['quarantined', 'good', 'partial', 'missing', 'removed'];
    for (let n = 0; n < 60; n += 1)
      insert.run({ id: `s${n}`, repository: `r${n % 3}`, role: n % 7 === 0 ? 'globals' : 'data', state: states[n % 5] });
    const compare = () =>
      assert.deepEqual(
        db.prepare('SELECT repository_id AS r, count FROM snapshot_totals WHERE count > 0 ORDER BY 1').all(),
        db
          .prepare(
            `SELECT ${idOf('repository_no')} AS r, count(*) AS count FROM snapshots WHERE role = 'data' AND state <> 'removed'
             GROUP BY 1 ORDER BY 1`,
          )
          .all(),
      );
    compare();
    const move = db.prepare('UPDATE snapshots SET state = @state WHERE id = @id');
    for (let n = 0; n < 60; n += 1) {
      move.run({ id: `s${(n * 7) % 60}`, state: states[(n * 3) % 5] });
      compare();
    }
    db.prepare("INSERT OR IGNORE INTO snapshots SELECT * FROM snapshots WHERE id = 's1'").run();
    db.prepare("DELETE FROM snapshots WHERE id IN ('s1', 's2', 's3', 's4')").run();
    compare();
    db.close();
  });
});
