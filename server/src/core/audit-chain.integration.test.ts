import assert from 'node:assert/strict';
import { it } from 'node:test';
import { recordAct } from './audit.ts';
import { findAuditVerdict, verifyAuditDaily } from './audit-chain.ts';
import { openCatalogRig } from './fixtures/catalog-rig.ts';

const HOUR_MS = 3_600_000;
const TURN_MS = 20;

it('the chain of the audit is followed once a day, in steps that leave everybody else a turn', async (t) => {
  const { context, admin, clock } = await openCatalogRig(t);
  assert.equal(await findAuditVerdict(context, admin), undefined);
  for (let n = 0; n < 2000; n += 1)
    await recordAct(context, admin, { action: 'logout', target: { kind: 'user', id: 'user_1', name: `${n}` } });
  const turns: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    turns.push(performance.now() - last);
    last = performance.now();
  }, 1);
  await verifyAuditDaily(context);
  clearInterval(timer);
  const sorted = turns.toSorted((a, b) => a - b);
  assert.ok(turns.length >= 5, `${turns.length} turns`);
  assert.ok((sorted[Math.floor(turns.length / 2)] ?? 0) < TURN_MS, `a turn took ${sorted.join(', ')} ms`);
  const first = await findAuditVerdict(context, admin);
  assert.deepEqual([first?.fault, first?.at], [undefined, clock.now()]);
  clock.advance(23 * HOUR_MS);
  await verifyAuditDaily(context);
  assert.equal((await findAuditVerdict(context, admin))?.at, first?.at);
  clock.advance(HOUR_MS);
  await verifyAuditDaily(context);
  assert.equal((await findAuditVerdict(context, admin))?.at, clock.now());
});
