import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Source } from '../../../store/sources.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { RESTORE_SCREENS } from './restore.ts';

const PASSWORD = 'of the superuser "<&';
const SEEN = { exists: false, empty: true, serverVersion: '15.18', tables: 0, sizeBytes: 0, sessions: 0 };

describe('The page of a restore as another user', () => {
  let world: World;
  let host: Host;
  let source: Source;
  let path: string;
  before(async () => {
    world = await createWorld([...RESTORE_SCREENS, ...RUN_SCREENS]);
    host = await addHost(world, { name: 'db-1', facts: { capabilities: [...AGENT_CAPABILITIES] } });
    const repository = await addRepository(world);
    source = await addSource(world, { host: host.id, name: 'shop' });
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - HOUR_MS });
    const listed = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: source.id }, { limit: 1 });
    path = `/snapshots/${listed.rows[0]?.id}/restore`;
  });
  after(() => world.close());

  const ask = (more: Record<string, string>) =>
    world.ask('post', path, { form: { place: source.id, target: 'shop_2', owners: 'true', ...more } });
  const read = async (more: Record<string, string>) => {
    const reply = await ask(more);
    assert.ok(reply.kind === 'page', JSON.stringify(reply));
    const page = reply.html.toString();
    assert.doesNotMatch(page, /of the superuser/);
    return { status: reply.status, page, words: readWords(page) };
  };

  it('offers the fields folded away, and neither is filled in by a browser', async () => {
    const page = await world.read(path);
    assert.match(page, /<details class="fold"\s*><summary>[\s\S]*?Connect as another user/);
    assert.match(page, /name="connectAs"|id="f-connectAs"/);
    assert.match(page, /<input class="input" type="password"[^>]*autocomplete="new-password"[^>]*name="password"/);
    assert.match(readWords(page), /What is made belongs to this user, but for what owners and grants say\./);
  });

  it('never gives the password back, and says that it has to be typed once more', async () => {
    const refused = await read({ connectAs: 'postgres', password: PASSWORD });
    assert.equal(refused.status, 422);
    assert.match(refused.page, /<details class="fold" +open/);
    assert.match(refused.page, /name="connectAs"[^>]*value="postgres"|value="postgres"[^>]*name="connectAs"/);
    assert.match(refused.page, /id="f-password-error"[\s\S]*?Type it once more: no page gives it back\./);
    assert.match(refused.words, /Confirm what will happen\./);
    for (const [more, field, words] of [
      [{ connectAs: 'postgres' }, 'password', /is needed/],
      [{ password: PASSWORD }, 'connectAs', /is needed/],
      [{ connectAs: 'a'.repeat(256), password: PASSWORD }, 'connectAs', /has at most 255 characters/],
    ] as const) {
      const { page } = await read({ understood: 'true', ...more });
      assert.match(page, new RegExp(`id="f-${field}-error"[\\s\\S]*?${words.source}`));
    }
  });

  it('looks at the target as that user, and names the field where the server refuses it', async () => {
    const look = { act: 'look', connectAs: 'postgres', password: PASSWORD };
    world.directory.answers['restore.look'] = () => SEEN;
    const { page } = await read(look);
    assert.match(page, /id="f-password-help"[\s\S]*?Type it once more/);
    const asked = JSON.stringify(world.directory.calls);
    assert.match(asked, /"type":"restore\.look".*"user":"postgres"/);
    assert.doesNotMatch(asked, /of the superuser/);
    world.directory.answers['restore.look'] = () => {
      throw createReasonError('database_authentication', 'psql: error: password authentication failed');
    };
    assert.match((await read(look)).words, /Password: the database server refuses this user or this password/);
  });

  it('starts the run, whose page names the user alone', async () => {
    const reply = await ask({ understood: 'true', connectAs: 'postgres', password: PASSWORD });
    assert.ok(reply.kind === 'redirect', JSON.stringify(reply).slice(0, 2000));
    const run = await world.context.store.runs.findRun(DEFAULT_TENANT, reply.to.replace('/runs/', '') as RunId);
    assert.equal(run?.options?.connectAs, 'postgres');
    const page = await world.read(reply.to);
    assert.match(readWords(page), /Connected as postgres, whose password is kept nowhere/);
    assert.doesNotMatch(page, /of the superuser/);
    const [order] = await world.context.store.orders.listWaitingOrders(host.id, NOW);
    assert.match(order?.body ?? '', /"credential":\{"box"/);
    assert.doesNotMatch(order?.body ?? '', /of the superuser/);
  });
});
