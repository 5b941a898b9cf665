import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { listAudit, recordAct } from '../../../core/audit.ts';
import { AUDIT_ACTIONS } from '../../../core/audit-actions.ts';
import { updatePlan } from '../../../core/plans/plans.ts';
import { createFleet, type Fleet, HOSTILE } from '../fixtures/fleet.ts';
import { createCaller, createWorld, type World } from '../fixtures/world.ts';
import { AUDIT_SCREENS, listChanges } from './audit.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld(AUDIT_SCREENS);
  fleet = await createFleet(world);
  await updatePlan(world.context, createCaller(), fleet.plans.hourly, { name: 'every hour' });
  world.clock.advance(60_000);
  await recordAct(
    world.context,
    { ...createCaller(), actor: { kind: 'api_key', id: 'key_1', name: HOSTILE } },
    { action: 'source.deleted', target: { kind: 'source', id: 'src_1', name: HOSTILE }, change: { note: HOSTILE } },
  );
});
after(() => world.close());

describe('The audit', () => {
  it('names the last act, shows only what differs, and holds hostile text as text', async () => {
    const page = await world.read('/audit');
    assert.match(page, /<h1>The last act was “source deleted” by &lt;script&gt;/);
    assert.match(page, /<dt>name<\/dt><dd class="mono"><del>hourly<\/del> → every hour<\/dd>/);
    assert.doesNotMatch(page, /<dt>repository<\/dt>/);
    assert.ok(!page.includes(HOSTILE));
  });

  it('names the last act on every page, and with a filter the last that fits', async () => {
    const { next = assert.fail('one page holds all') } = await listAudit(world.context, createCaller(), {}, { limit: 1 });
    assert.match(await world.read(`/audit?after=${next}`), /<h1>The last act was “source deleted”/);
    assert.match(
      await world.read('/audit?action=plan.updated'),
      /<h1>The last act that fits was “plan updated” by ada, 1.min ago/,
    );
  });

  it('leads to what is still there, and not to what was deleted', async () => {
    const page = await world.read('/audit');
    assert.match(page, new RegExp(`href="/plans/${fleet.plans.hourly}"`));
    assert.doesNotMatch(page, /href="\/sources\/src_1"/);
  });

  it('filters by act and by who', async () => {
    assert.equal([...(await world.read('/audit?action=plan.updated', { part: 'audit' })).matchAll(/data-row/g)].length, 1);
    assert.equal([...(await world.read('/audit?actor=key_1', { part: 'audit' })).matchAll(/data-row/g)].length, 1);
    assert.match(await world.read('/audit?actor=nobody'), /Nothing fits these filters/);
  });

  it('filters by target, by its id or the name it had, and leads there from each row', async () => {
    const rows = async (query: string) =>
      [...(await world.read(`/audit?${query}`, { part: 'audit' })).matchAll(/data-row/g)].length;
    assert.equal(await rows('target=src_1'), 1);
    assert.equal(await rows(`target=${encodeURIComponent(HOSTILE)}`), 1);
    assert.equal(await rows('target=nothing'), 0);
    assert.match(await world.read('/audit'), /href="\/audit\?target=src_1"/);
  });

  it('filters by days of the reader, and says what is wrong with them', async () => {
    assert.match(await world.read('/audit?from=2026-11-20&to=2026-11-20'), /The last act that fits was “source deleted”/);
    assert.match(await world.read('/audit?to=2026-11-19'), /No act fits\./);
    assert.match(await world.read('/audit?from=2026-11-20&to=2026-11-19'), /The days are the wrong way round/);
    await assert.rejects(world.ask('get', '/audit/export?from=soon'), { code: 'invalid' });
  });

  it('offers every act there is, and one it does not know as it was asked for', async () => {
    const page = await world.read('/audit?action=thing.vanished');
    for (const action of AUDIT_ACTIONS) assert.ok(page.includes(`value="${action}"`), action);
    assert.match(page, /<option\s+value="api_key\.revoked"[^>]*>API key revoked<\/option>/);
    assert.match(page, /<option\s+value="repository\.check_started"[^>]*>repository check started<\/option>/);
    assert.match(await world.read('/audit'), /<span title="plan\.updated">plan updated<\/span>/);
    assert.match(page, /value="thing\.vanished" selected/);
  });

  const exported = async (query: string) => {
    const reply = await world.ask('get', `/audit/export?${query}`);
    assert.ok(reply.kind === 'download' && typeof reply.body !== 'string');
    const parts: string[] = [];
    for await (const part of reply.body) parts.push(part);
    return { ...reply, text: parts.join(''), parts };
  };

  it('goes out whole as CSV, narrowed as the page is, and no cell is a formula', async () => {
    const target = { kind: 'policy', id: 'pol_1', name: '=SUM(1), "y"' };
    await recordAct(world.context, createCaller(), { action: 'policy.created', target });
    const { fileName, contentType, text } = await exported('action=policy.created');
    assert.deepEqual([fileName, contentType], ['audit-2026-11-20.csv', 'text/csv; charset=utf-8']);
    const [head, row = '', ...rest] = text.split('\r\n');
    assert.match(head ?? '', /^no,at,actor kind,actor id,actor,action,/);
    assert.match(
      row,
      /^\d+,2026-11-20T09:01:00\.000Z,user,user_1,ada,policy\.created,policy,pol_1,"'=SUM\(1\), ""y""",127\.0\.0\.1,/,
    );
    assert.deepEqual(rest, ['']);
  });

  it('goes out as JSON lines, page by page, each entry once', async () => {
    for (let n = 0; n < 450; n += 1)
      await recordAct(world.context, createCaller(), { action: 'logout', target: { kind: 'user', id: 'user_1', name: `${n}` } });
    const { text, parts, contentType } = await exported('format=ndjson&action=logout');
    assert.equal(contentType, 'application/x-ndjson; charset=utf-8');
    const lines = text.trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as { target: { name: string }; hash: string });
    assert.equal(new Set(entries.map(({ target }) => target.name)).size, 450);
    assert.equal(parts.length, 3, 'no part is more than a page');
    assert.match(entries[0]?.hash ?? '', /^[0-9a-f]{64}$/);
  });

  it('says whether its chain is whole, since when, and checks it when asked', async () => {
    assert.match(await world.read('/audit'), /not checked yet/);
    const checked = await world.ask('post', '/audit/verify');
    assert.ok(checked.kind === 'redirect' && checked.flash?.tone === 'good');
    assert.match(checked.flash.text, /^The audit is whole, \d+ entries\.$/);
    assert.match(await world.read('/audit'), /tone-protected.*whole, \d+ entries.*checked/s);
  });

  it('is for administrators alone', async () => {
    for (const role of ['operator', 'viewer'] as const) {
      for (const path of ['/audit', '/audit/export'])
        await assert.rejects(world.ask('get', path, { role }), { code: 'forbidden' });
      await assert.rejects(world.ask('post', '/audit/verify', { role }), { code: 'forbidden' });
    }
  });
});

describe('Changes', () => {
  it('are told field by field, with what appeared and what went', () => {
    assert.deepEqual(listChanges({ before: { a: 1, b: 2 }, after: { a: 1, c: 3 }, secretsChanged: ['password'] }), [
      { field: 'b', before: '2', after: 'nothing' },
      { field: 'c', before: 'nothing', after: '3' },
      { field: 'secretsChanged', after: '["password"]' },
    ]);
    assert.deepEqual(listChanges(undefined), []);
  });

  it('are cut where they would fill the page', () => {
    assert.equal(listChanges({ text: 'x'.repeat(5000) })[0]?.after.length, 301);
  });
});
