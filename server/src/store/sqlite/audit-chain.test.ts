import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Database from 'better-sqlite3';
import { NOW, OTHER_TENANT, sampleAudit, TENANT } from '../contract/samples.ts';
import { registerAuditHash } from './audit-chain.ts';
import { readMigrations } from './file/migrations.ts';
import { createSql } from './statements.ts';
import { createTrailStore } from './trail.ts';

const MIGRATIONS = readMigrations(join(import.meta.dirname, '../../../../migrations'));
const CHAINING = 34;
const BEGIN = { no: 0, hash: '' };
const ENTRIES = 7;

function openTrail(atVersion = CHAINING) {
  const db = new Database(':memory:');
  registerAuditHash(db);
  for (const { sql } of MIGRATIONS.slice(0, atVersion)) db.exec(sql);
  const open = () =>
    createTrailStore(createSql(db, { onFull: () => undefined, onFault: () => undefined, guardWrite: () => undefined }));
  return { db, open };
}

async function openFilled() {
  const { db, open } = openTrail();
  const trail = open();
  for (let n = 0; n < ENTRIES; n += 1) {
    const name = n === 3 ? 'half \ud83d a \0 "pair"' : `thing ${n}`;
    await trail.appendAudit(
      sampleAudit({ at: NOW + n, target: { kind: 'host', id: `host_${n}`, name }, change: n % 2 ? { n } : undefined }),
    );
  }
  await trail.appendAudit(sampleAudit({ tenant: OTHER_TENANT }));
  /** A hand at the database, past what keeps entries as they are. */
  const tamper = (sql: string) => db.exec(`DROP TRIGGER audit_unchanged; DROP TRIGGER audit_unremoved; ${sql}`);
  const follow = async (limit = 100, tenant = TENANT) => {
    let from = BEGIN;
    for (let steps = 1; ; steps += 1) {
      const { reached, isEnd, fault } = await trail.followAudit(tenant, from, limit);
      if (isEnd) return { entries: reached.no, fault, steps };
      from = reached;
    }
  };
  return { db, trail, tamper, follow };
}

describe('The chain of the audit', () => {
  it('is whole as it was written, in steps of any length, in each tenant for itself', async () => {
    const { follow } = await openFilled();
    assert.deepEqual(await follow(), { entries: ENTRIES, fault: undefined, steps: 1 });
    assert.deepEqual(await follow(2), { entries: ENTRIES, fault: undefined, steps: 4 });
    assert.deepEqual(await follow(ENTRIES), { entries: ENTRIES, fault: undefined, steps: 2 });
    assert.equal((await follow(100, OTHER_TENANT)).entries, 1);
  });

  it('is made as the documents say, so that anybody can follow it', async () => {
    const { trail } = await openFilled();
    const [second, first] = (await trail.listAudit(TENANT, { until: NOW + 2 }, { limit: 5 })).rows;
    assert.ok(first && second);
    const { id, tenant, at, actor, action, target, address, requestId, change } = second;
    const told = [first.hash, 2, id, tenant, at, actor.kind, actor.id, actor.name, action, target.kind, target.id, target.name];
    const text = JSON.stringify([...told, address, requestId, JSON.stringify(change)]);
    assert.equal(second.hash, createHash('sha256').update(text).digest('hex'));
  });

  const hands: Readonly<Record<string, readonly [string, { no: number; why: string }]>> = {
    'an actor that was changed': [
      "UPDATE audit SET actor_name = 'Eve' WHERE no = 3 AND tenant_id = @t",
      { no: 3, why: 'changed' },
    ],
    'an instant that was changed': ['UPDATE audit SET at = at + 1 WHERE no = 1 AND tenant_id = @t', { no: 1, why: 'changed' }],
    'a change that was taken away': ['UPDATE audit SET change = NULL WHERE no = 2 AND tenant_id = @t', { no: 2, why: 'changed' }],
    'a hash that was taken away': ['UPDATE audit SET hash = NULL WHERE no = 2 AND tenant_id = @t', { no: 2, why: 'changed' }],
    'the first, removed': ['DELETE FROM audit WHERE no = 1 AND tenant_id = @t', { no: 1, why: 'missing' }],
    'one from the middle, removed': ['DELETE FROM audit WHERE no = 4 AND tenant_id = @t', { no: 4, why: 'missing' }],
    'one from the middle, removed, and the numbers closed up': [
      'DELETE FROM audit WHERE no = 4 AND tenant_id = @t; UPDATE audit SET no = no - 1 WHERE no > 4 AND tenant_id = @t',
      { no: 4, why: 'changed' },
    ],
    'the newest, removed': ['DELETE FROM audit WHERE no > 5 AND tenant_id = @t', { no: 6, why: 'cut' }],
    'all of them, removed': ['DELETE FROM audit WHERE tenant_id = @t', { no: 1, why: 'cut' }],
    'two that changed places': [
      'UPDATE audit SET no = 99 WHERE no = 2 AND tenant_id = @t; UPDATE audit SET no = 2 WHERE no = 3 AND tenant_id = @t; UPDATE audit SET no = 3 WHERE no = 99 AND tenant_id = @t',
      { no: 2, why: 'changed' },
    ],
    'the head, removed': ['DELETE FROM audit_heads WHERE tenant_id = @t', { no: 1, why: 'outside' }],
    'one that was slipped in': [
      `INSERT INTO audit (id, tenant_id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name)
       SELECT 'aud_x', tenant_id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name FROM audit
       WHERE no = 1 AND tenant_id = @t`,
      { no: ENTRIES + 1, why: 'outside' },
    ],
  };
  for (const [what, [sql, fault]] of Object.entries(hands)) {
    it(`shows ${what}`, async () => {
      const { tamper, follow } = await openFilled();
      tamper(sql.replaceAll('@t', `'${TENANT}'`));
      for (const limit of [100, 2]) assert.deepEqual((await follow(limit)).fault, fault);
      assert.equal((await follow(100, OTHER_TENANT)).fault, undefined, 'the other tenant has its own');
    });
  }

  it('keeps entries from any hand of the server itself', async () => {
    const { db } = await openFilled();
    assert.throws(() => db.exec("UPDATE audit SET actor_name = 'Eve'"), /never changed/);
    assert.throws(() => db.exec('DELETE FROM audit WHERE no = 7'), /never removed/);
  });

  it('takes up what was written before there was one, in the order of its time, and goes on from there', async () => {
    const { db, open } = openTrail(CHAINING - 1);
    const insert =
      db.prepare(`INSERT INTO audit (id, tenant_id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name, change)
      VALUES (?, ?, ?, 'user', 'user_1', 'Ada', 'plan.updated', 'plan', 'plan_1', ?, ?)`);
    for (const at of [5, 1, 3])
      for (const tenant of [TENANT, OTHER_TENANT])
        insert.run(`aud_${tenant}${at}`, tenant, at, `Ärger ${at} \0`, at === 3 ? '{"a":1}' : null);
    for (const { sql } of MIGRATIONS.slice(CHAINING - 1)) db.exec(sql);
    const trail = open();
    assert.deepEqual(
      (await trail.listAudit(TENANT, {}, { limit: 9 })).rows.map(({ no, at }) => [no, at]),
      [
        [3, 5],
        [2, 3],
        [1, 1],
      ],
    );
    await trail.appendAudit(sampleAudit());
    for (const [tenant, entries] of [
      [TENANT, 4],
      [OTHER_TENANT, 3],
    ] as const) {
      const { reached, fault } = await trail.followAudit(tenant, BEGIN, 100);
      assert.deepEqual([reached.no, fault], [entries, undefined]);
    }
  });
});
