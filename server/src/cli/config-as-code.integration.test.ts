import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { EXIT } from './exit.ts';
import { type CliWorld, openCliWorld } from './fixtures/cli-world.ts';

const SECRET = 'a-secret-of-the-file-0815';
const FILE = `version: 1
policies:
  - name: fleet
    policy: { kind: rules, last: 7, daily: 14 }
schedules:
  - name: after hours
    description: when the shop is closed
    schedule: { cron: "0 22 * * *", zone: Europe/Berlin }
repositories:
  - name: main
    kind: rest
    runsAtOnce: 2
    config: { url: https://rest.example.test/main, username: db-1 }
    secrets: { password: "env:REPO_PASSWORD", restPassword: "file:rest.secret" }
  - name: second
    kind: rest
    config: { url: https://rest.example.test/second }
    secrets: { password: "env:REPO_PASSWORD" }
sources:
  - name: app
    host: db-1
    kind: postgres
    config: { host: 127.0.0.1, database: app, user: backup }
    secrets: { password: "file:db.secret" }
  - name: web
    host: db-1
    kind: files
    config: { paths: [/srv, /etc] }
channels:
  - name: on-call
    kind: webhook
    secrets: { url: "env:HOOK" }
    subscription: { least: warning, plans: [nightly], tags: [db], runs: [failed], digests: [weekly] }
plans:
  - name: nightly
    repository: main
    sources: [db-1/app, db-1/web]
    schedule: { cron: "0 2 * * *", zone: Europe/Berlin }
    options: { attempts: 5 }
    retentionPolicy: fleet
    copyRepository: second
    copyPolicy: fleet
  - name: evening
    repository: main
    sources: [db-1/web]
    sharedSchedule: after hours
`;
const variables = { REPO_PASSWORD: SECRET, HOOK: 'https://hooks.example.test/x' };

let world: CliWorld;
let path = '';
let host: HostId;
before(async () => {
  world = await openCliWorld();
  host = await world.addHost('db-1');
  await world.write('rest.secret', `${SECRET}\n`);
  await world.write('db.secret', SECRET);
  path = await world.write('fleet.yaml', FILE);
});
after(() => world.close());

/** A session that answers tests of sources by what their config is; no repository is there yet. */
function connectHost(works: (config: Record<string, unknown>) => boolean): void {
  const answer = (type: string, body: unknown): unknown => {
    if (type === 'repository.test') return { state: 'missing', message: 'there is no repository', latencyMs: 1 };
    const ok = works((body as RequestBody<'source.test'>).draft.config);
    const warnings = ok ? ['a table without a key'] : [];
    return { ok, message: ok ? '' : 'no such \u001b[2Jplace', serverVersion: '15.18', warnings, latencyMs: 1 };
  };
  world.served.directory.register({
    ...{ host, boot: 'boot-of-a-test', heartbeat: undefined, progress: new Map() },
    request: async (type, body) => answer(type, body) as never,
    sync: () => undefined,
    end: () => undefined,
  });
}

const plan = (verb: string, ...more: string[]) => world.run(['plan', verb, '-f', path, ...more], { variables });

describe('Config as code', () => {
  it('shows what is to be made, and makes nothing by showing it', async () => {
    const shown = await plan('diff');
    assert.equal(shown.code, EXIT.partial, shown.error);
    for (const name of [
      'policies fleet',
      'schedules after hours',
      'repositories main',
      'sources db-1/app',
      'sources db-1/web',
      'channels on-call',
      'plans nightly',
      'plans evening',
    ])
      assert.match(shown.out, new RegExp(`^\\+ ${name}$`, 'm'));
    assert.match(shown.out, /secret password: from env:REPO_PASSWORD/);
    assert.match(shown.out, /9 to add, 0 to change, 0 not in the file/);
    assert.ok(!shown.out.includes(SECRET));
    assert.equal((await plan('diff')).out, shown.out);
  });

  it('sends nothing at all when a secret is missing', async () => {
    const refused = await world.run(['plan', 'apply', '-f', path], { variables: { HOOK: 'x' } });
    assert.equal(refused.code, EXIT.usage);
    assert.match(refused.error, /REPO_PASSWORD is not set/);
    assert.deepEqual((await world.run(['--json', 'policies', 'list', '--search', 'fleet'])).json(), []);
  });

  it('changes nothing with --test where one source or repository does not work, and has a line for each', async () => {
    const away = await plan('apply', '--test');
    assert.equal(away.code, EXIT.failed);
    for (const name of ['repositories main', 'repositories second', 'sources db-1/app', 'sources db-1/web'])
      assert.match(away.error, new RegExp(`${name}: not tested: the host is offline`));
    connectHost((config) => !Array.isArray(config['paths']));
    const refused = await plan('apply', '--test');
    assert.equal(refused.code, EXIT.failed);
    assert.match(
      refused.error,
      /^holdfast: sources db-1\/web: it does not work from db-1: no such \ufffd\[2Jplace\nholdfast: nothing was changed\n$/m,
    );
    assert.doesNotMatch(refused.error, /db-1\/app: it does not work/);
    assert.match((await plan('diff')).out, /9 to add/);
    assert.ok(!`${away.error}${refused.error}`.includes(SECRET));
  });

  it('makes it, with what its tests warn of, and the second time changes nothing', async () => {
    connectHost(() => true);
    const made = await plan('apply', '--test');
    assert.equal(made.code, EXIT.done, made.error);
    assert.match(made.error, /repositories main: there is none at this address yet/);
    assert.match(made.error, /sources db-1\/app: a table without a key/);
    assert.match(made.out, /9 changes made/);
    assert.ok(!`${made.out}${made.error}`.includes(SECRET));
    const before = (await world.run(['--json', 'audit', 'list', '--limit', 'all'])).json<unknown[]>().length;
    const again = await plan('apply');
    assert.deepEqual([again.code, again.out], [EXIT.done, 'nothing to change: the server is as the file says\n']);
    const diff = await plan('diff');
    assert.deepEqual([diff.code, diff.out], [EXIT.done, 'the server is as the file says\n']);
    assert.equal((await world.run(['--json', 'audit', 'list', '--limit', 'all'])).json<unknown[]>().length, before);
    const nightly = (await world.run(['--json', 'plans', 'show', 'nightly'])).json<{
      sources: string[];
      options: { attempts: number };
    }>();
    assert.deepEqual([nightly.sources.length, nightly.options.attempts], [2, 5]);
  });

  it('shows what somebody changed by hand, field by field, and puts it back', async () => {
    const { id, version } = (await world.run(['--json', 'plans', 'show', 'nightly'])).json<{ id: string; version: number }>();
    const body = await world.write(
      'change.json',
      JSON.stringify({ schedule: { cron: '0 5 * * *', zone: 'UTC' }, options: { attempts: 1, graceMinutes: 5 } }),
    );
    await world.run(['api', 'PATCH', `/plans/${id}`, '--body', body]);
    const main = (await world.run(['--json', 'repositories', 'show', 'main'])).json<{ id: string }>();
    const limit = await world.write('limit.json', JSON.stringify({ runsAtOnce: null }));
    await world.run(['api', 'PATCH', `/repositories/${main.id}`, '--body', limit]);
    const source = (await world.run(['--json', 'sources', 'show', 'db-1/web'])).json<{ id: string }>();
    const paths = await world.write('paths.json', JSON.stringify({ config: { paths: ['/srv'] } }));
    await world.run(['api', 'PATCH', `/sources/${source.id}`, '--body', paths]);
    const drift = await plan('diff', '--json');
    assert.equal(drift.code, EXIT.partial);
    type Report = { changes: { name: string; action: string; fields: { field: string; before: unknown; after: unknown }[] }[] };
    const { changes } = drift.json<Report>();
    assert.deepEqual(
      changes.map(({ name, action }) => [name, action]),
      [
        ['main', 'update'],
        ['db-1/web', 'update'],
        ['nightly', 'update'],
      ],
    );
    assert.deepEqual(changes[1]?.fields, [{ field: 'config.paths', before: ['/srv'], after: ['/srv', '/etc'] }]);
    assert.deepEqual(changes[2]?.fields.map(({ field }) => field).sort(), [
      'options.attempts',
      'options.graceMinutes',
      'schedule.cron',
      'schedule.zone',
    ]);
    assert.equal((await plan('apply')).code, EXIT.done);
    assert.equal((await plan('diff')).code, EXIT.done);
    const after = (await world.run(['--json', 'plans', 'show', 'nightly'])).json<{
      version: number;
      options: { graceMinutes: number };
    }>();
    assert.deepEqual([after.version, after.options.graceMinutes], [version + 2, 1440]);
  });

  it('takes a limit away that the file has no more, and then finds nothing to change', async () => {
    const unlimited = await world.write('unlimited.yaml', FILE.replace(/^ {4}runsAtOnce: 2\n/m, ''));
    const limit = async () =>
      (await world.run(['--json', 'repositories', 'show', 'main'])).json<{ runsAtOnce?: number }>().runsAtOnce;
    assert.equal(await limit(), 2);
    assert.match((await world.run(['plan', 'diff', '-f', unlimited])).out, /runsAtOnce: 2 -> nothing/);
    assert.equal((await world.run(['plan', 'apply', '-f', unlimited], { variables })).code, EXIT.done);
    assert.equal(await limit(), undefined);
    assert.equal((await world.run(['plan', 'diff', '-f', unlimited])).code, EXIT.done);
    assert.equal((await plan('apply')).code, EXIT.done);
    assert.equal(await limit(), 2);
  });

  it('tells of what the file does not have, leaves it, and takes it away only when told', async () => {
    const extra = await world.write(
      'extra.json',
      JSON.stringify({ name: 'old', kind: 'rest', config: { url: 'https://rest.example.test/old' }, secrets: { password: 'x' } }),
    );
    await world.run(['api', 'POST', '/repositories', '--body', extra]);
    const shown = await plan('diff');
    assert.match(shown.out, /^\? repositories old {2}\(not in the file\)$/m);
    assert.equal((await plan('apply')).code, EXIT.done);
    assert.equal((await world.run(['repositories', 'show', 'old'])).code, EXIT.done);
    assert.match((await plan('diff', '--delete')).out, /^- repositories old$/m);
    assert.match((await plan('apply', '--delete')).out, /1 changes made/);
    assert.equal((await world.run(['repositories', 'show', 'old'])).code, EXIT.failed);
    assert.equal((await plan('diff')).code, EXIT.done);
  });

  it('gives a channel what it is told of, with plans by name, and puts it back', async () => {
    type Told = { id: string; subscription: { least: string; plans: string[]; tags: string[]; runs: string[]; acts: string[] } };
    const read = async () => (await world.run(['--json', 'channels', 'show', 'on-call'])).json<Told>();
    const { id: nightly } = (await world.run(['--json', 'plans', 'show', 'nightly'])).json<{ id: string }>();
    const made = await read();
    assert.deepEqual(made.subscription, {
      ...{ least: 'warning', conditions: [], plans: [nightly], tags: ['db'], runs: ['failed'], digests: ['weekly'], acts: [] },
    });
    const byHand = await world.write(
      'told.json',
      JSON.stringify({ subscription: { least: 'critical', plans: [], tags: ['db'], acts: ['people'] } }),
    );
    await world.run(['api', 'PATCH', `/channels/${made.id}`, '--body', byHand]);
    const drift = await plan('diff', '--json');
    type Report = { changes: { name: string; fields: { field: string; before: unknown; after: unknown }[] }[] };
    assert.deepEqual(
      drift.json<Report>().changes.map(({ name, fields }) => [name, fields.map(({ field }) => field).sort()]),
      [['on-call', ['acts', 'digests', 'least', 'plans', 'runs'].map((field) => `subscription.${field}`)]],
    );
    const unsaid = await world.write('unsaid.yaml', FILE.replace(/^ {4}subscription: .*\n/m, ''));
    const left = await world.run(['plan', 'diff', '-f', unsaid]);
    assert.equal(left.code, EXIT.done, `what a file does not say of it stays: ${left.out}`);
    assert.equal((await plan('apply')).code, EXIT.done);
    assert.deepEqual((await read()).subscription, made.subscription);
    assert.equal((await plan('diff')).code, EXIT.done);
    const wrong = await world.write('wrong.yaml', FILE.replace('plans: [nightly]', 'plans: [monthly]'));
    const refused = await world.run(['plan', 'apply', '-f', wrong], { variables });
    assert.equal(refused.code, EXIT.failed);
    assert.match(refused.error, /channel on-call: there is no plan called monthly\n.*nothing was changed/);
  });

  it('sends a secret again only when told, and it never comes back', async () => {
    const resent = await plan('diff', '--resend-secrets');
    assert.match(resent.out, /~ sources db-1\/app\n {4}secret password: from file:db\.secret/);
    assert.equal((await plan('apply', '--resend-secrets')).code, EXIT.done);
    assert.ok(!JSON.stringify(world.served.lines).includes(SECRET), 'not in the log');
  });

  it('gives the server as a file, which changes nothing here, and makes the same on an empty server', async () => {
    const exported = await world.run(['plan', 'export']);
    assert.equal(exported.code, EXIT.done, exported.error);
    assert.ok(!exported.out.includes(SECRET));
    assert.match(exported.error, /before an application set .*REPOSITORY_MAIN_PASSWORD/);
    const file = await world.write('exported.yaml', exported.out);
    const here = await world.run(['plan', 'diff', '-f', file]);
    assert.deepEqual([here.code, here.out], [EXIT.done, 'the server is as the file says\n']);
    const other = await openCliWorld();
    try {
      await other.addHost('db-1');
      const names = [...exported.error.matchAll(/\b[A-Z][A-Z0-9_]{5,}\b/g)].map(([name]) => name);
      const all = Object.fromEntries(names.map((name) => [name, name.endsWith('URL') ? 'https://hooks.example.test/x' : 'x']));
      const made = await other.run(['plan', 'apply', '-f', file], { variables: all });
      assert.equal(made.code, EXIT.done, made.error);
      assert.equal((await other.run(['plan', 'export'])).out, exported.out);
    } finally {
      await other.close();
    }
  });

  it('refuses a file that does not fit, with every fault, before anything is changed', async () => {
    const bad = await world.write(
      'bad.yaml',
      `version: 1
sources:
  - { name: a, host: nowhere, kind: files, config: { paths: [/x] } }
  - { name: b, host: db-1, kind: postgres, config: { host: h, database: d, user: u, password: in-the-file } }
plans:
  - { name: p, repository: gone, sources: [plain], schedule: { cron: "no" } }
`,
    );
    const faulty = await world.run(['plan', 'diff', '-f', bad]);
    assert.equal(faulty.code, EXIT.usage);
    assert.match(faulty.error, /bad\.yaml: plans\[0\]\.schedule\.cron/);
    const fixed = await world.write('bad.yaml', (await readFile(bad, 'utf8')).replace('"no"', '"0 1 * * *"'));
    const second = await world.run(['plan', 'diff', '-f', fixed]);
    assert.match(second.error, /sources\[1\] \(b\)\.config: password is a secret and belongs under secrets/);
    assert.match(second.error, /plans\[0\] \(p\)\.sources: plain must be host\/name/);
    const gone = await world.write(
      'gone.yaml',
      `version: 1
sources:
  - { name: a, host: nowhere, kind: files, config: { paths: [/x] } }
plans:
  - { name: p, repository: gone, sources: [db-1/none] }
`,
    );
    const third = await world.run(['plan', 'apply', '-f', gone]);
    assert.equal(third.code, EXIT.failed);
    for (const text of ['no host called nowhere', 'no repository called gone', 'no source db-1/none', 'nothing was changed'])
      assert.ok(third.error.includes(text), text);
    assert.equal((await plan('diff')).code, EXIT.done);
  });

  it('refuses a secret that stands in the file, and repeats it nowhere', async () => {
    const bad = await world.write(
      'open.yaml',
      `version: 1
repositories:
  - { name: x, kind: rest, config: { url: "https://rest.example.test/x" }, secrets: { password: ${SECRET} } }
`,
    );
    const refused = await world.run(['plan', 'diff', '-f', bad]);
    assert.equal(refused.code, EXIT.usage);
    assert.match(refused.error, /must be a reference: env:NAME or file:PATH/);
    assert.ok(!refused.error.includes(SECRET));
  });

  it('is refused to a viewer, who may still look at the difference', async () => {
    const file = await world.write('more.yaml', FILE.replace('last: 7', 'last: 8'));
    assert.equal((await world.run(['plan', 'diff', '-f', file], { role: 'viewer' })).code, EXIT.partial);
    const refused = await world.run(['plan', 'apply', '-f', file], { role: 'viewer', variables });
    assert.equal(refused.code, EXIT.failed);
    assert.match(refused.error, /policies fleet: this API key may not do this.* lacks configure.*nothing was changed/);
  });
});
