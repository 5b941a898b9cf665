import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { findWholeReading } from '../../../core/repositories/maintenance.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addRepository, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { REPOSITORY_ACT_SCREENS } from './repository-acts.ts';
import { REPOSITORY_PAGE_SCREENS } from './repository-page.ts';
import { REPOSITORY_UPKEEP_SCREENS } from './repository-upkeep.ts';

const GIB = 1024 ** 3;

describe('the upkeep of a repository', () => {
  let world: World;
  let host: Host;
  let repository: Repository;
  let made = 0;
  before(async () => {
    world = await createWorld([...REPOSITORY_PAGE_SCREENS, ...REPOSITORY_ACT_SCREENS, ...REPOSITORY_UPKEEP_SCREENS]);
    host = await addHost(world, { name: 'db-1' });
    const { hosts } = world.context.store;
    const facts = { ...host.facts, capabilities: ['check.start', 'prune.start'] };
    await hosts.recordContact(host.id, { at: NOW, facts } as Parameters<typeof hosts.recordContact>[1]);
    repository = await addRepository(world, { testedFrom: host.id });
  });
  after(() => world.close());

  const path = () => `/repositories/${repository.id}`;
  const report = async (
    kind: 'check' | 'prune',
    events: (run: Pick<DurableEvent & { run: string }, 'run' | 'at'>) => object[],
    scope?: CheckScope,
  ) => {
    made += 1;
    const at = NOW - (10 - made) * HOUR_MS;
    const about = { run: `run_upkeep_${made}`, at };
    const created = { type: 'run.created', ...about, kind, trigger: 'manual', repository: repository.id, sources: [], scope };
    const all = [created, { type: 'run.started', ...about }, ...events(about as never)];
    const numbered = all.map((event, index) => ({ seq: index + 1, event: event as DurableEvent }));
    await world.context.store.events.applyEvents(DEFAULT_TENANT, host.id, `epoch-of-upkeep-${made}`, numbered, at);
  };
  const ended = { type: 'run.finished', evidence: [], logLines: 0, durationMs: 1000 };

  it('says what nobody knows yet, and what can be ordered', async () => {
    const words = readWords(await world.read(path()));
    assert.match(words, /Its size is not known yet\./);
    assert.match(words, /Not checked yet Nobody knows whether all of it can still be read\./);
    assert.match(words, /part 1 of 10 of the data/);
    const viewer = await world.read(path(), { role: 'viewer' });
    for (const act of ['check', 'prune', 'admin']) assert.ok(!viewer.includes(`${path()}/${act}"`), act);
  });

  it('shows what was found, what was freed, and how it grew', async () => {
    const size = (sizeBytes: number, snapshots: number) => ({ type: 'repository.measured', sizeBytes, snapshots });
    await report(
      'check',
      (run) => [
        { ...run, ...size(2 * GIB, 4) },
        { ...run, ...ended, state: 'succeeded', bytes: 5 },
      ],
      {
        kind: 'part',
        part: 1,
        of: 10,
      },
    );
    await report('prune', (run) => [
      { ...run, ...size(GIB, 3) },
      { ...run, ...ended, state: 'succeeded', bytes: GIB },
    ]);
    const failure = {
      code: 'integrity',
      reason: 'repository_damaged',
      message: `restic found an error: ${MARKUP_NAME}. Do not prune.`,
    };
    await report('check', (run) => [{ ...run, ...ended, state: 'failed', bytes: 0, failure }], { kind: 'everything' });
    const markup = await world.read(path());
    const words = readWords(markup);
    assert.match(words, /1 GiB in storage Restored, its 3 snapshots would take/);
    assert.match(markup, /Size over 2.measurements: from 2.GiB to 1.GiB/u);
    assert.match(words, /failed Check: everything .*restic found an error/);
    assert.match(words, /Prune: freed 1 GiB/);
    assert.match(words, /The last check of s3-eu found damage\./);
    assert.match(words, /Do not prune/);
    assert.match(words, /part 2 of 10 of the data/);
    assertInert(markup);
  });

  it('says how much it grew in a month, when its size was asked for besides', async () => {
    const { maintenance } = world.context.store;
    const grown = await addRepository(world, { name: 'grown' });
    for (const [days, gib] of [
      [40, 9],
      [29, 1],
      [0, 3],
    ] as const)
      await maintenance.recordMeasurement(DEFAULT_TENANT, grown.id, {
        measuredAt: NOW - days * 24 * HOUR_MS,
        sizeBytes: gib * GIB,
        snapshots: 4,
        host: host.id,
      });
    const words = readWords(await world.read(`/repositories/${grown.id}`));
    assert.match(words, /3 GiB in storage Restored, its 4 snapshots would take .* 2 GiB more than 29 days before\./);
  });

  it('orders a check and a prune from the chosen host, and goes to its run', async () => {
    const check = await world.ask('post', `${path()}/check`, { form: { host: host.id, scope: 'part', part: '2', of: '10' } });
    assert.ok(check.kind === 'redirect' && check.to.startsWith('/runs/run_'));
    const running = check.kind === 'redirect' ? check.to : '';
    const words = await world.read(path());
    assert.match(words, new RegExp(`Under way in it now:.*<a href="${running}">check on `, 's'));
    assert.match(words, /name="understood"[^>]* required/);
    const refused = await world.ask('post', `${path()}/prune`, { form: { host: host.id } });
    assert.ok(refused.kind === 'redirect' && refused.flash?.tone === 'bad' && /under way/.test(refused.flash.text));
    const prune = await world.ask('post', `${path()}/prune`, { form: { host: host.id, understood: 'true' } });
    assert.ok(prune.kind === 'redirect' && prune.to.startsWith('/runs/run_'));
    const orders = await world.context.store.orders.listWaitingOrders(host.id, NOW);
    assert.deepEqual(orders.map(({ type }) => type).toSorted(), ['check.start', 'prune.start']);
    const none = await world.ask('post', `${path()}/check`, { form: { host: '', scope: 'part', part: '2', of: '10' } });
    assert.ok(none.kind === 'redirect' && none.flash?.tone === 'bad');
    const odd = await world.ask('post', `${path()}/check`, { form: { host: host.id, scope: 'part', part: '99', of: '10' } });
    assert.ok(odd.kind === 'redirect' && odd.flash?.tone === 'bad');
  });

  it('takes an admin credential, never shows its secret, and lets it go', async () => {
    const page = await world.read(`${path()}/admin`);
    assert.match(readWords(page), /Fill in only what differs from the everyday credential/);
    const refused = await world.ask('post', `${path()}/admin`, { form: {} });
    assert.ok(refused.kind === 'page' && refused.status === 422);
    const form = { 'config-accessKeyId': 'KEEPER', 'secret-secretAccessKey': 'geheimer-schluessel' };
    const reply = await world.ask('post', `${path()}/admin`, { form });
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'good');
    const after = await world.read(path());
    assert.match(readWords(after), /Only the admin credential removes/);
    assert.match(readWords(after), /The host is given the admin credential with this one order\./);
    const again = await world.read(`${path()}/admin`);
    assert.ok(again.includes('KEEPER'));
    assert.ok(!again.includes('geheimer-schluessel'));
    await world.ask('post', `${path()}/admin/remove`, { form: {} });
    assert.match(readWords(await world.read(path())), /The everyday credential removes as well/);
  });
});

describe('A reading of all data', () => {
  const check = (scope: CheckScope, finishedAt: number, state: 'succeeded' | 'failed' = 'succeeded') => ({
    scope,
    finishedAt,
    state,
  });
  const part = (n: number, of: number, at: number) => check({ kind: 'part', part: n, of }, at);

  it('rests on one check of everything, or on all parts, and is as old as the oldest of them', () => {
    assert.equal(findWholeReading([check({ kind: 'structure' }, 9), check({ kind: 'everything' }, 5)]), 5);
    assert.equal(findWholeReading([part(2, 2, 8), part(1, 2, 3), check({ kind: 'everything' }, 1)]), 3);
    assert.equal(findWholeReading([part(1, 2, 8), part(1, 2, 3), part(2, 3, 2)]), undefined);
    assert.equal(findWholeReading([check({ kind: 'everything' }, 5, 'failed')]), undefined);
    assert.equal(findWholeReading([part(1, 2, 8), check({ kind: 'everything' }, 5), part(2, 2, 1)]), 5);
  });
});
