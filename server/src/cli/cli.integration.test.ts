/** Longer than 500 lines because its commands are one story, told in one world that takes longer to make than any of them. */
import assert from 'node:assert/strict';
import { chmod, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  DEFAULT_TENANT,
  type HostId,
  type PlanId,
  type PolicyId,
  type RepositoryId,
  type RunId,
} from '@holdfast/shared/domain/ids.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { listBackupEvents } from '../web/api/fixtures/backup-events.ts';
import { EXIT } from './exit.ts';
import { type CliWorld, openCliWorld } from './fixtures/cli-world.ts';
import { READ_NOUNS } from './reads.ts';

let world: CliWorld;
const made = { host: '' as HostId, source: '', repository: '', plan: '' };
let reports = 0;

before(async () => {
  world = await openCliWorld();
});
after(() => world.close());

async function post(path: string, body: object): Promise<string> {
  const file = await world.write('body.json', JSON.stringify(body));
  const answer = await world.run(['api', 'POST', path, '--body', file]);
  assert.equal(answer.code, EXIT.done, answer.error);
  return answer.json<{ id: string }>().id;
}

/** What an agent would tell of a run that ends so; without a plan it is the safety backup of a restore. */
async function tellEnd(run: string, state: 'succeeded' | 'partial' | 'failed' | 'cancelled', of = made): Promise<void> {
  const { context, clock } = world.served;
  const at = clock.now();
  const isKept = state === 'succeeded' || state === 'partial';
  const failure = { code: 'tool_failed' as const, message: 'the disk is\u001b[31m full' };
  const told = listBackupEvents({ ...of, run, snapshot: `snap_of_report_${reports}`, at }).flatMap((event): DurableEvent[] => {
    if (event.type === 'run.finished') return [{ ...event, state, ...(state === 'failed' ? { failure } : {}) }];
    if (event.type === 'part.finished') return [{ ...event, part: { ...event.part, state } }];
    if (event.type === 'run.created' && of.plan === '') {
      const { plan: _none, ...created } = event;
      return [created];
    }
    if (event.type !== 'snapshot.made') return [event];
    // Each run makes a snapshot of its own.
    return isKept ? [{ ...event, snapshot: { ...event.snapshot, engineId: String(reports).repeat(64) } }] : [];
  });
  const events = told.map((event, place) => ({ seq: place + 1, event }));
  const applied = await context.store.events.applyEvents(DEFAULT_TENANT, made.host, `epoch-of-report-${++reports}`, events, at);
  assert.equal(applied.fresh.length, events.length);
}

describe('The command line', () => {
  it('keeps a login for its owner alone, and speaks to that server', async () => {
    const key = await world.served.addKey('operator');
    const file = await world.write('deploy.key', `${key}\n`);
    const args = ['login', '--server', `${world.served.origin}/`];
    const login = await world.run([...args, '--key-file', file], { isBare: true });
    assert.deepEqual([login.code, login.error], [EXIT.done, '']);
    assert.match(login.out, /signed in to http:\/\/127\.0\.0\.1:\d+ as key of operator \(read, operate, configure, restore\)/);
    assert.ok(!login.out.includes(key));
    const path = join(world.directory, 'config', 'holdfast', 'login.json');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await world.run(['--json', 'whoami'], { isBare: true })).json<{ role: string }>().role, 'operator');
    await chmod(path, 0o644);
    const open = await world.run(['whoami'], { isBare: true });
    assert.equal(open.code, EXIT.usage);
    assert.match(open.error, /can be read by others.*chmod 600/);
    await chmod(path, 0o600);
    const elsewhere = await world.run(['whoami', '--server', 'https://other.example.test'], { isBare: true });
    assert.match(elsewhere.error, /there is no key for https:\/\/other\.example\.test/, 'a key goes to its own server only');
    assert.match((await world.run(['logout'], { isBare: true })).out, /forgotten/);
    assert.equal((await world.run(['whoami'], { isBare: true })).code, EXIT.usage);
  });

  it('takes the key from standard input, and refuses one that is none or not known', async () => {
    const args = ['login', '--server', world.served.origin];
    assert.match((await world.run(args, { isBare: true, input: 'password' })).error, /that is not an API key/);
    const unknown = await world.run(args, { isBare: true, input: `hfk_${'x'.repeat(43)}` });
    assert.deepEqual([unknown.code, /unknown, revoked or expired/.test(unknown.error)], [EXIT.usage, true]);
    const key = await world.served.addKey('viewer');
    assert.equal((await world.run(args, { isBare: true, input: `${key}\n` })).code, EXIT.done);
  });

  it('lets a host in by its fingerprint alone', async () => {
    await world.announce('db-1');
    const listed = await world.run(['hosts', 'pending']);
    assert.match(listed.out, /^ID +HOST +FROM +SINCE +FINGERPRINT/);
    const [pending] = (await world.run(['hosts', 'pending', '--json'])).json<{ fingerprint: string }[]>();
    const wrong = await world.run(['host', 'approve', 'db-1', '--fingerprint', 'some other words']);
    assert.equal(wrong.code, EXIT.failed);
    assert.match(wrong.error, /not the fingerprint of db-1.*nothing was approved/);
    const words = (pending?.fingerprint ?? '').toUpperCase().replaceAll('-', ' ');
    const approved = await world.run(['hosts', 'approve', 'db-1', '--fingerprint', words, '--tag', 'prod', 'eu', '--json']);
    assert.equal(approved.code, EXIT.done, approved.error);
    const host = approved.json<{ id: HostId; tags: string[] }>();
    assert.deepEqual(host.tags, ['prod', 'eu']);
    made.host = host.id;
    await world.announce('evil');
    assert.match((await world.run(['hosts', 'reject', 'evil', '--message', 'no'])).out, /evil is turned away, until 2026-/);
    assert.equal((await world.run(['hosts', 'pending', '--json'])).out, '[]\n');
    assert.match((await world.run(['hosts', 'rejected'])).out, /\nann_\S+ +evil +\S+ +2026-.* no\n$/);
    assert.match((await world.run(['hosts', 'take-back', 'nobody'])).error, /no rejection of a host called nobody stands/);
    assert.equal((await world.run(['hosts', 'take-back', 'evil'])).out, 'evil waits again; start its agent again\n');
    assert.equal((await world.run(['hosts', 'rejected', '--json'])).out, '[]\n');
    assert.match((await world.run(['hosts', 'pending'])).out, /evil/);
    assert.equal((await world.run(['hosts', 'reject', 'evil', '--json'])).json<{ state: string }>().state, 'rejected');
  });

  it('makes enrolment tokens, shows each once, and deletes them', async () => {
    const args = ['--note', 'racks', '--tag', 'rack', '--path', '/etc', '/srv', '--uses', '2', '--hours', '0.5'];
    const made = await world.run(['enrolment-tokens', 'create', ...args]);
    assert.match(made.out, /^hfe_[A-Za-z0-9_-]{43}\n$/);
    assert.match(made.error, /shown this once; it works 2 times, until 2026-/);
    assert.match((await world.run(['enrolment-tokens', 'list'])).out, /\nenr_\S+ +racks +rack +\/etc, \/srv +2 +2026-/);
    const all = await world.run(['enrolment-tokens', 'list', '--json']);
    assert.ok(!all.out.includes('hfe_'));
    const [row] = all.json<{ id: string }[]>();
    assert.match((await world.run(['enrolment-tokens', 'delete', row?.id ?? ''])).out, /is deleted; hosts that it let in stay/);
    assert.equal((await world.run(['enrolment-tokens', 'list', '--json'])).out, '[]\n');
    assert.equal((await world.run(['enrolment-tokens', 'create', '--uses', 'many'])).code, EXIT.usage);
    assert.equal((await world.run(['enrolment-tokens', 'delete', '../hosts'])).code, EXIT.usage);
  });

  it('lists and shows every noun, for people and for programs', async () => {
    made.source = await post('/sources', {
      host: made.host,
      name: 'web\u202e',
      kind: 'files',
      config: { paths: ['/srv'] },
    }).catch(() => '');
    made.source = await post('/sources', { host: made.host, name: 'web', kind: 'files', config: { paths: ['/srv'] } });
    made.repository = await post('/repositories', {
      ...{ name: 'main', kind: 'rest', config: { url: 'https://rest.example.test/main' }, secrets: { password: 'p' } },
    });
    made.plan = await post('/plans', { name: 'nightly', repository: made.repository, sources: [made.source] });
    const { context, clock } = world.served;
    const facts = (await context.store.hosts.findHost(DEFAULT_TENANT, made.host))?.facts;
    assert.ok(facts);
    await context.store.hosts.recordContact(made.host, {
      at: clock.now(),
      facts: { ...facts, capabilities: [...AGENT_CAPABILITIES] },
    });
    for (const { name, alias, columns } of READ_NOUNS) {
      const listed = await world.run([name, 'list']);
      assert.equal(listed.code, EXIT.done, `${name}: ${listed.error}`);
      assert.ok(listed.out.startsWith(columns[0]?.label ?? '?'), name);
      assert.ok(Array.isArray((await world.run(['--json', alias ?? name, 'list', '--limit', 'all'])).json()), name);
    }
    for (const [noun, name] of [
      ['hosts', 'db-1'],
      ['sources', 'db-1/web'],
      ['repositories', 'main'],
      ['plans', 'nightly'],
    ] as const) {
      assert.match((await world.run([noun, 'show', name])).out, /^id +\w+_/m, noun);
      assert.equal((await world.run([noun, 'show', name, '--json'])).json<{ name: string }>().name, name.replace('db-1/', ''));
    }
    assert.equal((await world.run(['plans', 'list', '--source', 'web', '--json'])).json<unknown[]>().length, 1);
    assert.match((await world.run(['plans', 'show', 'weekly'])).error, /there is no plan called weekly/);
    const standing = await world.run(['sources', 'list', '--status', 'unknown']);
    assert.match(standing.out, /^ID +NAME +KIND +HOST +STATUS .*\n\S+ +web +files +\S+ +unknown /);
    assert.deepEqual((await world.run(['sources', 'list', '--status', 'protected', '--json'])).json(), []);
    assert.match((await world.run(['sources', 'list', '--status', 'green'])).error, /at_risk/);
  });

  const ends = [
    ['succeeded', EXIT.done],
    ['partial', EXIT.partial],
    ['failed', EXIT.failed],
    ['cancelled', EXIT.notRun],
  ] as const;
  for (const [state, code] of ends)
    it(`runs a plan, waits, and ends with ${code} for a run that ended ${state}`, async () => {
      world.served.clock.advance(1000);
      let isTold = false;
      const onSleep = async () => {
        if (isTold) return;
        isTold = true;
        const [run] = (await world.run(['runs', 'list', '--json', '--limit', '1'])).json<{ id: string; state: string }[]>();
        assert.equal(run?.state, 'queued');
        await tellEnd(run.id, state);
      };
      const ended = await world.run(['run', 'nightly', '--source', 'db-1/web', '--wait'], { onSleep });
      assert.equal(ended.code, code, ended.error);
      assert.match(ended.out, new RegExp(`^run_\\w+ ${state}\n$`));
      assert.ok(!ended.error.includes('\u001b'), 'no control character of a tool reaches the terminal');
      if (state === 'failed') assert.match(ended.error, /the disk is.*full[\s\S]*two.*red.*\n.*not so bad/);
    });

  it('gives up waiting without ending the run, and waits for it again', async () => {
    const late = await world.run(['run', 'nightly', '--wait', '--timeout', '0.1']);
    assert.equal(late.code, EXIT.timeout);
    const [, id = ''] = /not ended in time: (run_\w+)/.exec(late.error) ?? [];
    assert.equal((await world.run(['runs', 'show', id, '--json'])).json<{ state: string }>().state, 'queued');
    const waited = await world.run(['runs', 'wait', id, '--json'], { onSleep: () => tellEnd(id, 'succeeded') });
    assert.equal(waited.code, EXIT.done, waited.error);
    assert.match((await world.run(['runs', 'log', id])).out, /error not so bad\n$/);
    const again = await world.run(['runs', 'cancel', id]);
    assert.equal(again.code, EXIT.failed);
  });

  it('starts a thing once, however often the same call comes', async () => {
    const call = ['api', 'POST', `/plans/${made.plan}/run`, '--key', 'deploy-2026-11-20'];
    const runsOf = async () => (await world.run(['runs', 'list', '--limit', 'all', '--json'])).json<unknown[]>().length;
    const first = (await world.run(call)).json<{ runs: { id: string }[] }>();
    const count = await runsOf();
    assert.deepEqual((await world.run(call)).json(), first);
    assert.equal(await runsOf(), count);
  });

  it('says what is wrong with a command line, and asks nobody', async () => {
    for (const args of [
      ['runs', 'list', '--stat', 'failed'],
      ['plan', 'apply'],
      ['nothing'],
      ['run'],
      ['run', 'nightly', '--wait', '--timeout', 'soon'],
      ['runs', 'show', '../hosts'],
      ['hosts', 'list', '--limit', '0'],
      ['api', 'PUT', '/hosts'],
      ['api', 'GET', 'hosts'],
      ['restore'],
      ['restore', '--file', '/srv/dumps/a.sql'],
      ['restore', 'snap_1', '--file', '/srv/dumps/a.sql'],
      ['completion', 'fish'],
    ])
      assert.equal((await world.run(args)).code, EXIT.usage, args.join(' '));
    assert.equal((await world.run(['--help'])).code, EXIT.done);
  });

  it('tells a server that cannot be reached from one that refuses', async () => {
    const away = await world.run(['whoami', '--server', 'http://127.0.0.1:9']);
    assert.equal(away.code, EXIT.unreachable);
    assert.match(away.error, /http:\/\/127\.0\.0\.1:9 cannot be reached: \w+/);
    const forbidden = await world.run(['run', 'nightly'], { role: 'viewer' });
    assert.equal(forbidden.code, EXIT.failed);
    assert.match(forbidden.error, /this API key may not do this: it has the scopes read and lacks operate/);
  });

  it('prints the recovery sheet, and proves a password from a file that nobody else reads or from standard input', async () => {
    const sheet = await world.run(['repositories', 'sheet', 'main'], { role: 'viewer' });
    assert.equal(sheet.code, EXIT.done, sheet.error);
    assert.match(sheet.out, /^Recovery sheet of [^\n]+\nNo password stands in it\./);
    assert.match(sheet.out, /\nPassword: {2}no host has opened this repository yet\n/);
    const prove = (more: readonly string[], input?: string) =>
      world.run(['repositories', 'prove', 'main', '--host', 'db-1', ...more], input === undefined ? {} : { input });
    const open = await prove(['--password-file', await world.write('open-paper', 'otters', 0o644)]);
    assert.deepEqual([open.code, /can be read by others/.test(open.error)], [EXIT.usage, true]);
    assert.equal((await prove([], '\n')).code, EXIT.usage);
    const early = await prove([], 'otters\n');
    assert.deepEqual([early.code, /no host has opened the repository main yet/.test(early.error)], [EXIT.failed, true]);
  });

  it('passes on what a host that is away cannot be asked', async () => {
    for (const args of [
      ['sources', 'test', 'db-1/web'],
      ['repositories', 'test', 'main', '--host', 'db-1'],
      ['repositories', 'init', 'main', '--host', 'db-1'],
    ]) {
      const ended = await world.run(args);
      assert.equal(ended.code, EXIT.unreachable, `${args.join(' ')}: ${ended.error}`);
      assert.match(ended.error, /^holdfast: /);
    }
  });

  it('lists the dump files that a host offers, and restores one of them, with consent where it overwrites', async () => {
    const { context, clock, directory } = world.served;
    const { hosts } = context.store;
    const dumpDirs = ['/srv/dumps'];
    const known = (await hosts.findHost(DEFAULT_TENANT, made.host))?.facts ?? assert.fail('no facts');
    const facts = { ...known, capabilities: [...AGENT_CAPABILITIES], dumpDirs };
    await hosts.recordContact(made.host, { at: clock.now(), facts });
    await context.store.repositories.pinEngineId(DEFAULT_TENANT, made.repository as RepositoryId, 'a'.repeat(64), made.host);
    const paper = await world.write('paper', 'otters under ferns\n');
    const prove = await world.run(['repositories', 'prove', 'main', '--host', 'db-1', '--password-file', paper]);
    assert.equal(prove.code, EXIT.unreachable, prove.error);
    const config = { host: '127.0.0.1', port: 5432, user: 'backup', database: 'shop' };
    const described = { kind: 'postgres', config, secrets: { password: 'x-geheim' } };
    const shop = await post('/sources', { host: made.host, name: 'shop', ...described });
    const dump = { engine: 'postgres', format: 'plain', isGzip: true };
    const entries = [
      { name: 'no\u001b[31mtes', type: 'file', sizeBytes: 3, modifiedAt: 1, refusal: 'It is no dump.' },
      { name: 'shop.sql.gz', type: 'file', sizeBytes: 700, modifiedAt: 1, dump },
    ];
    directory.register({
      host: made.host,
      boot: 'boot-of-a-test',
      heartbeat: undefined,
      progress: new Map(),
      request: async () => ({ path: '/srv/dumps', entries, total: 2 }) as never,
      sync: () => undefined,
      end: () => undefined,
    });
    assert.equal((await world.run(['hosts', 'dump-files', 'db-1'])).out, '/srv/dumps\n');
    const listed = await world.run(['hosts', 'dump-files', 'db-1', '/srv/dumps']);
    assert.equal(listed.code, EXIT.done, listed.error);
    assert.match(listed.out, /tes +.*It is no dump\.\nshop\.sql\.gz +.*postgres plain gzip/);
    assert.ok(!listed.out.includes('\u001b'));
    const order = ['restore', '--file', '/srv/dumps/shop.sql.gz', '--host', 'db-1', '--to-database', 'again'];
    const through = [...order, '--through-source', 'db-1/shop', '--repository', 'main'];
    const refused = await world.run([...through, '--mode', 'replace', '--understood']);
    assert.equal(refused.code, EXIT.failed);
    assert.match(refused.error, /type the name of the database, again/);
    const started = await world.run([...through, '--mode', 'replace', '--understood', '--confirm', 'again']);
    assert.equal(started.code, EXIT.done, started.error);
    const { target } = (await world.run(['runs', 'show', started.out.trim(), '--json'])).json<{
      target: { source: string; from: object };
    }>();
    assert.deepEqual(target, {
      ...target,
      source: shop,
      from: { path: '/srv/dumps/shop.sql.gz', sizeBytes: 700, modifiedAt: 1 },
    });
    const plan = await post('/plans', { name: 'of shop', repository: made.repository, sources: [shop] });
    await tellEnd((await world.run(['run', 'of shop'])).out.trim(), 'succeeded', { ...made, source: shop, plan });
    const over = ['restore', '--newest-of', 'db-1/shop', '--to-database', 'shop', '--mode', 'replace', '--understood'];
    const nameless = await world.run(over);
    assert.equal(nameless.code, EXIT.failed);
    assert.match(nameless.error, /type the name of the database, shop/);
    const confirmed = await world.run([...over, '--confirm', 'shop']);
    assert.equal(confirmed.code, EXIT.done, confirmed.error);
    const waived = await world.run([...over, '--confirm', 'shop', '--no-safety-backup']);
    assert.equal(waived.code, EXIT.done, waived.error);
    const terms = ['--end-sessions', '--read-first', '--accept-older-server', '--accept-little-room', '--no-owners'];
    const told = await world.run([...over, '--confirm', 'shop', ...terms, '--limit', '2048', '--as-of', String(clock.now())]);
    for (const wrong of ['--jobs=many', '--to-file=/restore/a', '--keep-privileges'])
      assert.equal((await world.run([...over, wrong])).code, EXIT.usage, wrong);
    const as = [...over, '--confirm', 'shop', '--connect-as', 'postgres'];
    const given = await world.run(as, { input: 'of the superuser\n' });
    assert.equal(given.code, EXIT.done, given.error);
    const secret = join(world.directory, 'secret');
    await writeFile(secret, 'of the superuser', { mode: 0o644 });
    for (const wrong of [as, [...as, '--password-file', secret], [...over, '--confirm', 'shop', '--password-file', secret]])
      assert.equal((await world.run(wrong)).code, EXIT.usage, wrong.join(' '));
    const one = ['restore', '--newest-of', 'db-1/web', '--include', '/srv/a', '--to-file', '/restore/a'];
    const single = (await world.run([...one, '--archive', 'zip', '--limit', '9'])).out.trim();
    const shown = (await world.run(['runs', 'show', single, '--json'])).json<{ target: { kind: string }; options: object }>();
    assert.deepEqual([shown.target.kind, shown.options], ['archive', { downloadKiBps: 9 }]);
    const whole = await world.run(['restore', '--newest-of', 'db-1/web', '--to-directory', '/restore/w', '--keep-privileges']);
    const orders = await context.store.orders.listWaitingOrders(made.host, clock.now());
    const bodies = orders.map(({ body }) => JSON.parse(body) as RequestBody<'restore.start'>);
    const optionsOf = ({ out }: { out: string }) => bodies.find(({ run }) => run === out.trim())?.options;
    assert.deepEqual([confirmed, waived, whole].map(optionsOf), [undefined, { safetyBackup: false }, { keepPrivileges: true }]);
    const wished = ['endSessions', 'readFirst', 'acceptOlderServer', 'acceptLittleRoom', 'owners', 'downloadKiBps'];
    assert.deepEqual(Object.keys(optionsOf(told) ?? {}).sort(), wished.sort());
    assert.deepEqual(optionsOf(given), { connectAs: 'postgres' });
    assert.ok(bodies.find(({ run }) => run === given.out.trim())?.credential);
    const [newest] = bodies.filter(({ run }) => run === confirmed.out.trim());
    await tellEnd('run_safety', 'succeeded', { ...made, source: shop, plan: '' });
    const again = await world.run([...over, '--confirm', 'shop']);
    const after = await context.store.orders.listWaitingOrders(made.host, clock.now());
    const taken = after.map(({ body }) => JSON.parse(body) as RequestBody<'restore.start'>);
    assert.equal(taken.find(({ run }) => run === again.out.trim())?.snapshot, newest?.snapshot, 'no safety backup is the newest');
  });

  it('lists what a repository really holds, takes an orphan over, and deletes another one', async () => {
    const { context, clock, directory } = world.served;
    const [strange, litter] = ['e'.repeat(64), 'f'.repeat(64)] as const;
    const common = { createdAt: clock.now(), hostname: 'a-\u001b[31mlaptop', tags: ['kept'], paths: ['/home/ada'], pathCount: 1 };
    const snapshots = [strange, litter].map((engineId) => ({ engineId, ...common }));
    const session = {
      host: made.host,
      boot: 'boot-of-a-test',
      heartbeat: undefined,
      progress: new Map(),
      request: async () => ({ snapshots, total: 2, unreadable: 0 }) as never,
      sync: () => undefined,
      end: () => undefined,
    };
    await context.store.repositories.pinEngineId(DEFAULT_TENANT, made.repository as RepositoryId, 'a'.repeat(64), made.host);
    directory.register(session);
    const from = ['main', '--host', 'db-1'];
    const listed = await world.run(['repositories', 'contents', ...from, '--state', 'orphan', '--search', 'KEPT']);
    assert.equal(listed.code, EXIT.done, listed.error);
    assert.match(listed.out, new RegExp(`orphan .*laptop +${strange} +/home/ada kept`));
    assert.ok(!listed.out.includes('\u001b'));
    const short = await world.run(['repositories', 'adopt', ...from, 'eeeeeeee', '--source', 'web']);
    assert.deepEqual([short.code, /is not the full id of a snapshot/.test(short.error)], [EXIT.usage, true]);
    const adopted = await world.run(['repositories', 'adopt', ...from, strange, '--source', 'db-1/web']);
    assert.match(adopted.out, /^adopted as snap_/, adopted.error);
    const remove = (confirm: string) => world.run(['repositories', 'delete-orphans', ...from, litter, '--confirm', confirm]);
    assert.match((await remove('yes')).error, /type delete 1/);
    assert.match((await remove('delete 1')).out, /^ordered as run_/);
    directory.unregister(session);
  });

  it('copies snapshots that are named to another repository, and has them read whole, by the host that is named', async () => {
    const [first] = (await world.run(['snapshots', 'list', '--json', '--state', 'good'])).json() as { id: string }[];
    assert.ok(first);
    assert.equal((await world.run(['snapshots', 'copy', first.id])).code, EXIT.usage, 'it says where to');
    const { id } = (await world.run(['repositories', 'show', 'main', '--json'])).json<{ id: string }>();
    const same = await world.run(['snapshots', 'copy', first.id, '--to', 'main']);
    assert.equal(same.code, EXIT.failed, same.out);
    const { context } = world.served;
    const other = await post('/repositories', {
      name: 'elsewhere',
      kind: 'rest',
      config: { url: 'https://other.example.com/main/' },
      secrets: { password: 'p' },
    });
    assert.notEqual(other, id);
    await context.store.repositories.pinEngineId(DEFAULT_TENANT, other as RepositoryId, 'b'.repeat(64), made.host);
    for (const act of [['copy', '--to', 'elsewhere'], ['verify']]) {
      const [name = '', ...more] = act;
      const done = await world.run(['snapshots', name, first.id, ...more, '--host', 'db-1']);
      assert.match(done.out, /^run_[^\n]+\n$/, done.error);
      const run = await context.store.runs.findRun(DEFAULT_TENANT, done.out.trim() as RunId);
      assert.deepEqual([run?.kind, run?.host], [name, made.host]);
    }
    assert.equal((await world.run(['snapshots', 'verify', first.id, '--host', 'nobody'])).code, EXIT.failed);
  });

  it('deletes snapshots that are named, with their copies where that is said, once the number was typed', async () => {
    const [first] = (await world.run(['snapshots', 'list', '--json', '--state', 'good'])).json() as { id: string }[];
    assert.ok(first);
    const remove = (...more: string[]) => world.run(['snapshots', 'delete', first.id, ...more]);
    assert.equal((await remove('--copies')).code, EXIT.usage, 'nothing goes without the number');
    const wrong = await remove('--confirm', 'delete 2');
    assert.deepEqual([wrong.code, /type delete 1/.test(wrong.error)], [EXIT.failed, true]);
    const done = await remove('--confirm', 'delete 1', '--copies');
    assert.match(done.out, /^run_[^\n]+\n$/, done.error);
    const audit = await world.served.context.store.trail.listAudit(
      DEFAULT_TENANT,
      { action: 'snapshot.deletion_started' },
      { limit: 1 },
    );
    assert.equal(audit.rows[0]?.change?.['copies'], true);
  });

  it('says what the retention of a plan would remove, and removes it now: of one plan or of all, here or in the second repository', async () => {
    const { context } = world.served;
    const policy = await post('/retention-policies', { name: 'only two', policy: { kind: 'rules', last: 2 } });
    const { id: second } = (await world.run(['repositories', 'show', 'elsewhere', '--json'])).json<{ id: RepositoryId }>();
    const stored = await context.store.plans.findPlan(DEFAULT_TENANT, made.plan as PlanId);
    assert.ok(stored);
    const preview = (...more: string[]) => world.run(['retention', 'preview', stored.name, ...more]);
    assert.match((await preview()).out, /everything is kept/);
    await context.store.plans.updatePlan(
      { ...stored, retentionPolicy: policy as PolicyId, copyRepository: second },
      stored.version,
    );
    const kept = await preview('--kept');
    assert.match(kept.out, /^SOURCE +STAY +GO +BUT\ndb-1\/\S+ +\d+ +\d+/, kept.error);
    assert.match(kept.out, /snap_\S+ +db-1\/\S+ +\S+ \S+Z +stays +is number 1 of the 2 newest/);
    assert.equal((await preview('--json')).json<{ policy: string }>().policy, policy);
    assert.match((await preview('--repository', 'elsewhere')).out, /everything is kept/);
    assert.equal((await preview('--repository', 'main')).code, EXIT.done, 'its own by name');

    assert.equal((await world.run(['retention', 'run'])).code, EXIT.usage, 'it says of which');
    assert.equal((await world.run(['retention', 'run', stored.name, '--all'])).code, EXIT.usage);
    const orderOf = async (...more: string[]) => {
      const done = await world.run(['retention', 'run', ...more]);
      assert.match(done.out, /^run_[^\n]+\n$/, done.error);
      const run = await context.store.runs.findRun(DEFAULT_TENANT, done.out.trim() as RunId);
      const [order] = (await context.store.orders.listWaitingOrders(made.host, world.served.clock.now())).filter(
        (one) => one.run === run?.id,
      );
      return [run?.kind, run?.repository, JSON.parse(order?.body ?? '{}').isApproved];
    };
    assert.deepEqual(await orderOf(stored.name), ['forget', stored.repository, false]);
    assert.deepEqual(await orderOf('--all', '--agree'), ['forget', stored.repository, true]);
    assert.deepEqual(await orderOf(stored.name, '--repository', 'elsewhere'), ['forget', second, false]);
    const elsewhere = await world.run(['retention', 'run', '--all', '--repository', 'elsewhere']);
    assert.deepEqual([elsewhere.code, elsewhere.out], [EXIT.done, ''], 'no plan has a policy for copies');
  });

  it('says how often sources are drilled, and which of them was refused', async () => {
    const set = (...more: string[]) => world.run(['sources', 'schedule-drills', 'db-1/web', '--days', ...more]);
    assert.equal((await set('often')).code, EXIT.usage);
    const done = await set('30');
    assert.equal(done.code, EXIT.done, done.error);
    assert.match(done.out, /web +done +is drilled every 30 days/);
    assert.match((await set('30')).out, /web +unchanged +is drilled every 30 days already/);
    const beyond = await set('9999');
    assert.equal(beyond.code, EXIT.failed);
    assert.match((await set('0', '--json')).out, /"result": "done"/);
  });

  it('asks any end-point, and prints what it answered', async () => {
    const next = await world.run(['api', 'GET', `/plans/${made.plan}/next-fires?count=1`]);
    assert.deepEqual(next.json(), { fires: [], clockChanges: [] });
    const missing = await world.run(['api', 'GET', '/no-such-thing']);
    assert.deepEqual([missing.code, missing.out], [EXIT.failed, '']);
    assert.match((await world.run(['api', 'GET', '/openapi.json'])).out, /"openapi": "3\.1\.0"/);
  });

  it('gives a host a new token while it is connected, and revokes one where its name is typed', async () => {
    world.served.directory.register({
      ...{ host: made.host, boot: 'boot-of-a-test', heartbeat: undefined, progress: new Map() },
      request: async () => ({ accepted: true }) as never,
      sync: () => undefined,
      end: () => undefined,
    });
    const rotated = await world.run(['hosts', 'rotate-token', 'db-1']);
    assert.match(rotated.out, /^db-1 has a new token; the old one ends/, rotated.error);
    await world.addHost('old-1');
    const away = await world.run(['hosts', 'rotate-token', 'old-1']);
    assert.deepEqual([away.code, /the host is offline/.test(away.error)], [EXIT.unreachable, true], away.error);
    const wrong = await world.run(['hosts', 'revoke', 'old-1', '--confirm', 'db-1']);
    assert.deepEqual([wrong.code, /takes the host’s name, old-1; nothing was revoked/.test(wrong.error)], [EXIT.usage, true]);
    const find = async () => (await world.run(['hosts', 'show', 'old-1', '--json'])).json<{ standing: string }>().standing;
    assert.equal(await find(), 'offline');
    assert.match((await world.run(['hosts', 'revoke', 'old-1', '--confirm', 'old-1'])).out, /^old-1 is revoked/);
    assert.equal(await find(), 'revoked');
  });
});
