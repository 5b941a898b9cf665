import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { RUN_KINDS, type RunState, type TerminalState } from '@holdfast/shared/domain/run.ts';
import Database from 'better-sqlite3';
import { orderedRun } from '../../contract/reports.ts';
import { NOW, OTHER_TENANT, sampleHost, TENANT } from '../../contract/samples.ts';
import { registerAuditHash } from '../audit-chain.ts';
import { readMigrations } from '../file/migrations.ts';
import { createHistory } from '../history.ts';
import { idOf, numberOf } from '../id-numbers.ts';
import { createSql } from '../statements.ts';
import { createRunRows } from './run-rows.ts';

const DAY = 86_400_000;
const MIGRATIONS = readMigrations(join(import.meta.dirname, '../../../../../migrations'));

/** Numbers from 0 up to and without `below`, the same for the same seed. */
function seed(state: number): (below: number) => number {
  let at = state;
  return (below) => {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((at / 2 ** 32) * below);
  };
}

function openRows(migrations = MIGRATIONS) {
  const db = new Database(':memory:');
  registerAuditHash(db);
  for (const { sql } of migrations) db.exec(sql);
  const quiet = () => undefined;
  const sql = createSql(db, { onFull: quiet, onFault: quiet, guardWrite: quiet });
  return { db, sql };
}

const BY_DAY = 'SELECT tenant_id AS tenant, day, kind, state, count, bytes FROM run_days WHERE count <> 0 ORDER BY 1, 2, 3, 4';
const WHOLE = `SELECT ${idOf('tenant_no')} AS tenant, created_at / ${DAY} AS day, kind, state, count(*) AS count, sum(bytes) AS bytes
  FROM runs GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`;

describe('Runs by day', () => {
  it('are what a count of all runs finds, whatever becomes of them', async () => {
    const { db, sql } = openRows();
    const history = createHistory(sql);
    const rows = createRunRows(sql);
    const hosts = [sampleHost(), sampleHost({ tenant: OTHER_TENANT })];
    for (const first of [1, 2, 3]) {
      const pick = seed(first);
      const one = <T>(of: readonly T[]): T => of[pick(of.length)] as T;
      const heads = Array.from({ length: 120 }, () => {
        const run = orderedRun(one(hosts), {
          kind: one(RUN_KINDS),
          createdAt: NOW + pick(5 * DAY) - 2 * DAY,
          state: one<RunState>(['queued', 'queued', 'failed']),
        });
        return rows.insert(run, []);
      });
      for (let step = 0; step < 500; step += 1) {
        const head = one(heads);
        const what = pick(4);
        const end = { finishedAt: NOW, reportedAt: NOW, ...(pick(2) === 0 ? { durationMs: 5, bytes: pick(9) * 1000 } : {}) };
        const state = one<TerminalState>(['succeeded', 'partial', 'failed', 'cancelled', 'skipped']);
        if (what === 0) rows.advance(head, 'running', NOW);
        else if (what === 1) rows.advance(head, 'finalizing', NOW);
        else if (what === 2) rows.finish(head, state, end, { state });
        else rows.reopen(head);
        if (step % 50 === 0) assert.deepEqual(db.prepare(BY_DAY).all(), db.prepare(WHOLE).all());
      }
      for (let n = 0; n < 10; n += 1) db.prepare('DELETE FROM runs WHERE id = ?').run(one(heads).id);
      assert.deepEqual(db.prepare(BY_DAY).all(), db.prepare(WHOLE).all());
      for (const [from, to] of [
        [0, NOW + 10 * DAY],
        [NOW - DAY - 5, NOW + DAY + 7],
        [Math.floor(NOW / DAY) * DAY, Math.ceil(NOW / DAY) * DAY],
        [NOW, NOW + 1000],
        [NOW, NOW + DAY],
        [NOW, NOW],
      ] as const) {
        const found = await history.countRuns(TENANT, from, to);
        const text = `SELECT kind, state, count(*) AS count FROM runs WHERE tenant_no = ${numberOf('?')} AND created_at >= ? AND created_at < ? GROUP BY 1, 2`;
        const order = (a: { kind: string; state: string }, b: { kind: string; state: string }) =>
          `${a.kind} ${a.state}` < `${b.kind} ${b.state}` ? -1 : 1;
        const whole = db.prepare(text).all(TENANT, from, to) as { kind: string; state: string }[];
        assert.deepEqual(found.toSorted(order), whole.toSorted(order));
      }
    }
    db.close();
  });

  it('are counted once where runs were there before', () => {
    const { db } = openRows(MIGRATIONS.slice(0, 31));
    const insert =
      db.prepare(`INSERT INTO runs (id, tenant_id, host_id, kind, cause, state, repository_id, created_at, received_at, bytes,
        evidence, facets, log_lines, log_last_n, log_bytes, log_left_out)
      VALUES (@id, @tenant, 'host', @kind, 'schedule', @state, 'repo', @at, 0, @bytes, '[]', 0, 0, 0, 0, 0)`);
    for (let n = 0; n < 60; n += 1) {
      const [kind, state] = [n % 5 === 0 ? 'check' : 'backup', n % 3 === 0 ? 'failed' : 'succeeded'];
      insert.run({ id: `r${n}`, tenant: `t${n % 2}`, kind, state, at: n * 10_000_000, bytes: n * 7 });
    }
    for (const { sql } of MIGRATIONS.slice(31)) db.exec(sql);
    const kept = db.prepare(BY_DAY).all();
    assert.ok(kept.length > 10);
    assert.deepEqual(kept, db.prepare(WHOLE).all());
    db.close();
  });
});
