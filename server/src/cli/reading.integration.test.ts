import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { Alert, AlertSign } from '../store/alerts.ts';
import { EXIT } from './exit.ts';
import { type CliWorld, openCliWorld } from './fixtures/cli-world.ts';

const NAMES = ['app', 'blog', 'web'];

let world: CliWorld;
let plan = '';
before(async () => {
  world = await openCliWorld();
  const host = await world.addHost('db-1');
  const post = async (path: string, body: object): Promise<string> => {
    const file = await world.write('body.json', JSON.stringify(body));
    const made = await world.run(['api', 'POST', path, '--body', file]);
    assert.equal(made.code, EXIT.done, made.error);
    return made.json<{ id: string }>().id;
  };
  const sources: string[] = [];
  for (const name of NAMES) sources.push(await post('/sources', { host, name, kind: 'files', config: { paths: ['/srv'] } }));
  const rest = { kind: 'rest', config: { url: 'https://rest.example.test/main' }, secrets: { password: 'p' } };
  const repository = await post('/repositories', { name: 'main', ...rest });
  plan = await post('/plans', { name: 'nightly', repository, sources: sources.slice(0, 2) });
  await post('/plans', { name: 'weekly', repository, sources: sources.slice(0, 1), enabled: false });
  assert.equal((await world.run(['run', 'nightly'])).code, EXIT.done);
});
after(() => world.close());

const list = async (...args: string[]) => {
  const listed = await world.run([...args, '--json']);
  assert.equal(listed.code, EXIT.done, listed.error);
  return listed.json<{ id: string; name: string }[]>();
};
const namesOf = async (...args: string[]) => (await list(...args)).map(({ name }) => name);

describe('Lists of the command line', () => {
  it('show people the names of hosts, plans and repositories, and programs their ids', async () => {
    assert.match(
      (await world.run(['sources', 'list'])).out,
      /^ID +NAME +KIND +HOST .*LAST GOOD[^\n]*\nsrc_\S+ +app +files +db-1 /,
    );
    assert.match((await world.run(['plans', 'list'])).out, /\nplan_\S+ +nightly +true +main +1\n/);
    assert.match((await world.run(['runs', 'list'])).out, /\nrun_\S+ +backup +queued +api +\S+ \S+ +0 B +nightly\n/);
    const [run] = (await world.run(['runs', 'list', '--json'])).json<{ plan: string }[]>();
    assert.equal(run?.plan, plan);
  });

  it('show the id of what is gone', async () => {
    assert.equal((await world.run(['api', 'DELETE', `/plans/${plan}`])).code, EXIT.done);
    assert.match((await world.run(['runs', 'list'])).out, new RegExp(` ${plan}\n`));
  });

  it('are narrowed by what the API can narrow them by', async () => {
    assert.deepEqual(await namesOf('plans', 'list', '--enabled', 'false'), ['weekly']);
    assert.deepEqual(await namesOf('sources', 'list', '--kind', 'postgres'), []);
    assert.deepEqual(await namesOf('sources', 'list', '--kind', 'files', '--without-plan', '--limit', '1'), ['app']);
    assert.equal((await list('runs', 'list', '--active')).length, 1);
    assert.equal((await list('runs', 'list', '--requested-by', 'nobody')).length, 0);
    assert.equal((await list('runs', 'list', '--since', '24h')).length, 1);
    assert.equal((await list('runs', 'list', '--until', '24h')).length, 0);
    const now = new Date(world.served.clock.now()).toISOString();
    assert.equal((await list('runs', 'list', '--since', now)).length, 1);
    assert.equal((await list('runs', 'list', '--until', now.slice(0, 10))).length, 0);
    assert.deepEqual(await list('snapshots', 'list', '--pinned', '--role', 'data', '--since', '7d'), []);
    assert.deepEqual(await list('alerts', 'list', '--condition', 'backup.overdue'), []);
  });

  it('refuse a time that could be meant in two ways, and ask nobody', async () => {
    for (const since of ['yesterday', '2026-11-20T02:00', '2026-13-01', '24', '-1h']) {
      const refused = await world.run(['runs', 'list', `--since=${since}`]);
      assert.equal(refused.code, EXIT.usage, since);
      assert.match(refused.error, /--since takes an age such as 90m/);
    }
  });

  it('have a time in numbers beside them', async () => {
    const shown = await world.run(['stats', '--since', '7d', '--limit', '2']);
    assert.equal(shown.code, EXIT.done, shown.error);
    assert.match(shown.out, /\nread from sources: 0 B\nadded to 0 repositories: 0 B by 0 snapshots\n/);
    assert.match(shown.out, /\nKIND +SOURCES +BACKED UP +SIZE\nfiles +3 +0 +0 B\n/);
    assert.match(shown.out, /without a clean backup of the last 24 hours: 3\nSOURCE +KIND +HOST +LAST GOOD\napp +files +db-1\n/);
    const tomorrow = new Date(world.served.clock.now() + 86_400_000).toISOString();
    const { runs, stale } = (await world.run(['stats', '--until', tomorrow, '--json'])).json<{
      runs: unknown[];
      stale: { total: number };
    }>();
    assert.deepEqual([runs, stale.total], [[{ kind: 'backup', state: 'queued', count: 1 }], 3]);
    assert.equal((await world.run(['stats', '--limit', '0'])).code, EXIT.usage);
    assert.equal((await world.run(['stats', '--since', 'yesterday'])).code, EXIT.usage);
  });

  it('come page by page from any end-point, or whole', async () => {
    const page = await world.run(['api', 'GET', '/sources?limit=1&sort=name']);
    assert.deepEqual(
      page.json<{ name: string }[]>().map(({ name }) => name),
      ['app'],
    );
    assert.match(page.error, /there are more rows: --all reads every page/);
    const all = await world.run(['api', 'GET', '/sources?limit=1&sort=name&order=desc', '--all']);
    assert.deepEqual(
      all.json<{ name: string }[]>().map(({ name }) => name),
      NAMES.toReversed(),
    );
    assert.equal(all.error, '');
    assert.equal((await world.run(['api', 'GET', '/me', '--all'])).code, EXIT.usage);
    assert.equal((await world.run(['api', 'POST', '/plans/run', '--all'])).code, EXIT.usage);
  });
});

describe('Alerts from the command line', () => {
  it('are found, looked into, acknowledged, put off and opened again, each told apart', async () => {
    const { context, clock } = world.served;
    const now = clock.now();
    const thing = { kind: 'source' as const, id: context.createId('source') };
    const sign: AlertSign = {
      ...{ scope: 'source', scopeId: thing.id, subject: thing.id, condition: 'source.offline', thing },
      ...{ name: 'db-1 / shop', text: 'refused', since: now },
    };
    await context.store.alerts.replaceSigns(DEFAULT_TENANT, { scope: 'source', ids: [thing.id] }, [sign], now);
    const alert: Alert = {
      ...{ id: context.createId('alert'), tenant: DEFAULT_TENANT, condition: 'source.offline', severity: 'warning', thing },
      ...{ thingName: 'db-1 / shop', title: 'It does not answer', text: 'refused', members: 1, named: ['db-1 / shop'] },
      ...{ since: now, raisedAt: now, settledAt: now, flaps: 0, version: 1 },
    };
    await context.store.alerts.applyStep({ alert, isNew: true, deliveries: [], at: now });
    const { id } = alert;
    const stateOf = async () => (await context.store.alerts.findAlert(DEFAULT_TENANT, id)) ?? assert.fail();
    assert.deepEqual(
      [(await list('alerts', 'list', '--search', 'SHOP')).length, (await list('alerts', 'list', '--search', 'x9')).length],
      [1, 0],
    );
    assert.match(
      (await world.run(['alerts', 'members', id])).out,
      new RegExp(`\ndb-1 / shop +\\S+ \\S+ +refused +${thing.id}\n`),
    );
    assert.match((await world.run(['alerts', 'ack', id])).out, /\nIt does not answer +done +you see to it\n/);
    assert.ok((await stateOf()).acknowledgedAt);
    const put = await world.run(['alerts', 'snooze', id, '--for', '8h'], { role: 'operator' });
    assert.equal(put.code, EXIT.done, put.error);
    assert.equal((await stateOf()).snoozedUntil, now + 8 * 3_600_000);
    const some = await world.run(['alerts', 'unsnooze', id, context.createId('alert')]);
    assert.equal(some.code, EXIT.failed);
    assert.match(some.error, /1 of 2 were refused/);
    const { acknowledgedAt, snoozedUntil } = await stateOf();
    assert.deepEqual([acknowledgedAt, snoozedUntil], [undefined, undefined]);
    for (const span of ['8', '0h', 'tomorrow']) {
      const refused = await world.run(['alerts', 'snooze', id, '--for', span]);
      assert.equal(refused.code, EXIT.usage, span);
    }
    assert.equal((await world.run(['alerts', 'snooze', id, '--for', '31d'])).code, EXIT.failed);
    assert.equal((await world.run(['alerts', 'ack', id], { role: 'viewer' })).code, EXIT.failed);
  });
});

describe('Tests of sources from the command line', () => {
  it('are of all that were chosen, each told apart, and fail where one was refused', async () => {
    for (const chosen of [['--all'], ['--host', 'db-1'], ['app', 'blog', 'web']]) {
      const told = await world.run(['sources', 'test', ...chosen]);
      assert.equal(told.code, EXIT.failed, told.out);
      for (const name of NAMES) assert.match(told.out, new RegExp(`^${name} +refused +\\S`, 'm'));
      assert.match(told.error, /3 of 3 were refused/);
    }
    assert.equal((await world.run(['sources', 'test', '--tag', 'prod'])).code, EXIT.usage, 'no host has it');
    const [host] = await list('hosts', 'list');
    const tags = await world.write('tags.json', JSON.stringify({ tags: ['prod'] }));
    await world.run(['api', 'PATCH', `/hosts/${host?.id}`, '--body', tags]);
    const tagged = await world.run(['sources', 'test', '--tag', 'prod', '--json']);
    assert.deepEqual(
      tagged.json<{ name: string }[]>().map(({ name }) => name),
      NAMES,
    );
  });

  it('need to be told which, in one way', async () => {
    for (const args of [[], ['app', '--all'], ['--all', '--host', 'db-1']])
      assert.equal((await world.run(['sources', 'test', ...args])).code, EXIT.usage, args.join(' '));
  });
});
