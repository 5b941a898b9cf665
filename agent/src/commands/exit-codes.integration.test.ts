import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { writeFolder } from '../runs/fixtures/run-rig.ts';
import { type CommandEnd, makeStateDir, openEnrolledHost, runCommand, SECRETS, SERVER_URL } from './fixtures/enrolled-host.ts';

const ENROL_TOKEN = `hfe_${'5'.repeat(43)}`;
const NEW_RESTIC = GENERATIONS[1]?.binary ?? '';

function assertDiscreet({ stdout, stderr }: CommandEnd): void {
  for (const text of [stdout, stderr]) {
    for (const secret of [...SECRETS, ENROL_TOKEN]) assert.equal(text.includes(secret), false);
    assert.equal(/\n {4}at /.test(text), false, 'no stack trace');
  }
}

function assertOneLine(end: CommandEnd, code: number, words: RegExp): void {
  assert.equal(end.code, code, end.stderr);
  assert.match(end.stderr, words);
  assert.match(end.stderr, /^holdfast-agent: [^\n]+\n$/);
  assert.equal(end.stdout, '');
  assertDiscreet(end);
}

describe('A wrong value is one clear line and exit code 2', { concurrency: 3 }, () => {
  const cases: [string, readonly string[], Record<string, string>, RegExp][] = [
    ['a relative state directory', ['status', '--state-dir', 'here'], {}, /--state-dir\) must be an absolute path; it is "here"/],
    ['an unknown log level', ['doctor'], { HOLDFAST_LOG_LEVEL: 'loud' }, /HOLDFAST_LOG_LEVEL must be one of debug/],
    ['an address that is none', ['run', '--server', 'backup'], {}, /--server\) must be an http or https address/],
    [
      'an address with a password',
      ['run'],
      { HOLDFAST_SERVER_URL: `https://a:${ENROL_TOKEN}@example.com` },
      /must not hold a user/,
    ],
    ['an address with a query', ['run', '--server', 'https://example.com/?a'], {}, /--server\) must not hold a "\?" or "#"/],
    ['a state directory that is a file', ['status', '--state-dir', '/etc/hostname'], {}, /HOLDFAST_STATE_DIR .*hostname is none/],
    ['a state directory below a file', ['run'], { HOLDFAST_STATE_DIR: '/etc/hostname/x' }, /HOLDFAST_STATE_DIR .*\(ENOTDIR\)/],
    [
      'a token that is none',
      ['run'],
      { HOLDFAST_ENROLL_TOKEN: `${ENROL_TOKEN}x` },
      /HOLDFAST_ENROLL_TOKEN must hold an enrolment/,
    ],
    ['a token file that is not there', ['run'], { HOLDFAST_ENROLL_TOKEN_FILE: '/no/such' }, /cannot be read: \/no\/such/],
    ['two tokens', ['run'], { HOLDFAST_ENROLL_TOKEN: ENROL_TOKEN, HOLDFAST_ENROLL_TOKEN_FILE: '/x' }, /both set; set one/],
  ];
  for (const [title, args, env, words] of cases) {
    it(title, async () =>
      assertOneLine(await runCommand(args, { env: { HOLDFAST_STATE_DIR: '/nonexistent/x', ...env } }), 2, words),
    );
  }

  it('a missing address of the server', async (t) => {
    assertOneLine(await runCommand(['run', '--state-dir', makeStateDir(t)]), 2, /HOLDFAST_SERVER_URL \(or --server\) is needed/);
  });

  it('an unknown command', async () => {
    const end = await runCommand(['explode']);
    assert.deepEqual([end.code, end.stdout, end.stderr], [2, '', "error: unknown command 'explode'\n"]);
  });

  it('an unknown option of a command', async () => {
    const end = await runCommand(['status', '--bogus']);
    assert.deepEqual([end.code, end.stdout, end.stderr], [2, '', "error: unknown option '--bogus'\n"]);
  });
});

describe('The version', () => {
  it('is printed alone, or with Node’s as JSON, and needs no state directory', async () => {
    const plain = await runCommand(['version'], { env: { HOLDFAST_STATE_DIR: 'relative' } });
    assert.deepEqual([plain.code, plain.stderr], [0, '']);
    assert.match(plain.stdout, /^\d+\.\d+\.\d+\n$/);
    const json = await runCommand(['version', '--json']);
    assert.deepEqual(JSON.parse(json.stdout), { version: plain.stdout.trim(), node: process.version });
    assert.equal((await runCommand(['--version'])).stdout, plain.stdout);
  });
});

describe('A host that never started its agent', () => {
  it('has a status that says so, and looking makes nothing', async (t) => {
    const stateDir = makeStateDir(t);
    const end = await runCommand(['status', '--state-dir', stateDir]);
    assert.equal(end.code, 0, end.stderr);
    assert.match(
      end.stdout,
      /^fingerprint {2}none yet; start the agent once\nserver {7}not enrolled\nspec {9}none yet\nagent {8}not running: no plan of this host runs\n/,
    );
    const json = JSON.parse((await runCommand(['status', '--state-dir', stateDir, '--json'])).stdout) as Record<string, unknown>;
    assert.deepEqual([json['enrolled'], json['fingerprint'], json['plans'], json['restores']], [false, null, [], 'any']);
    const bound = await runCommand(['status', '--state-dir', stateDir], { env: { HOLDFAST_RESTORES: 'beside' } });
    assert.match(bound.stdout, /^restores {5}beside: a server may restore only beside what is there/m);
    assert.equal(existsSync(stateDir), false);
  });

  it('is told by doctor what is missing and how to get it, with exit code 1 only when restic is', async (t) => {
    const stateDir = makeStateDir(t);
    // No tool of ours, only what every system has.
    const empty = join(dirname(stateDir), 'empty');
    mkdirSync(empty);
    for (const tool of ['sh', 'sleep']) symlinkSync(`/bin/${tool}`, join(empty, tool));
    const bare = await runCommand(['doctor', '--state-dir', stateDir], { env: { PATH: empty } });
    assert.equal(bare.code, 1, bare.stderr);
    assert.match(bare.stdout, /^bad {3}restic: Install the Debian package restic/m);
    assert.match(bare.stdout, /^note {2}mariadb-dump: Install the Debian package mariadb-client/m);
    assert.match(bare.stdout, /^note {2}enrolment: not enrolled yet; run "holdfast-agent run --server URL"/m);
    // Found on the same path, but of no use.
    writeFileSync(join(empty, 'restic'), '#!/bin/sh\necho restic 0.13.1 compiled with go1.18\n', { mode: 0o755 });
    const json = await runCommand(['doctor', '--state-dir', stateDir, '--json'], { env: { PATH: empty } });
    const told = JSON.parse(json.stdout) as { healthy: boolean; checks: { name: string; verdict: string; text: string }[] };
    assert.deepEqual([json.code, told.healthy], [1, false]);
    assert.deepEqual(
      told.checks.filter(({ verdict }) => verdict === 'bad').map(({ name }) => name),
      ['restic'],
    );
    assert.match(told.checks.find(({ name }) => name === 'restic')?.text ?? '', /restic 0\.13\.1 is too old/);
    const whole = await runCommand(['doctor', '--state-dir', stateDir], {
      env: { HOLDFAST_TOOL_PATH: dirname(NEW_RESTIC), HOLDFAST_RESTORES: 'none' },
    });
    assert.match(whole.stdout, /^note {2}restores: none: a server may restore nothing/m);
    assert.equal(whole.code, 0, whole.stdout);
    assert.match(whole.stdout, new RegExp(`^ok {4}restic: 0\\.18\\.\\d+ at ${NEW_RESTIC}$`, 'm'));
    assert.match(whole.stdout, /^ok {4}children die with the agent: yes$/m);
  });
});

describe('A state directory that cannot be used is said in one line, with exit code 1', () => {
  const cases: [string, (stateDir: string) => void, RegExp][] = [
    ['a journal that is no journal', (dir) => writeFolder(dir, { 'journal.db': 'junk\n' }), /journal\.db is damaged/],
    ['an identity others can read', (dir) => writeFolder(dir, { 'identity.json': '{}' }), /run chmod 600/],
  ];
  for (const [title, spoil, words] of cases) {
    it(title, async (t) => {
      const stateDir = makeStateDir(t);
      spoil(stateDir);
      if (existsSync(join(stateDir, 'identity.json'))) chmodSync(join(stateDir, 'identity.json'), 0o644);
      assertOneLine(await runCommand(['status', '--state-dir', stateDir]), 1, words);
      assertOneLine(await runCommand(['restore', '--list', '--state-dir', stateDir]), 1, words);
    });
  }
});

/** A server that lets a host announce itself and then answers as told. */
async function startRefusing(t: TestContext): Promise<string> {
  const key = Buffer.alloc(32, 1).toString('base64url');
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    const announced = { announcement: 'ann_1', serverKey: key, nonce: key, expiresAt: 4e12, pollMs: 100 };
    const rejected = { state: 'rejected', message: 'nobody here knows it' };
    response.end(JSON.stringify(request.url?.endsWith('/announce') ? announced : rejected));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

describe('An agent that runs', () => {
  it('ends with exit code 3 when the operator rejects it', async (t) => {
    const url = await startRefusing(t);
    const env = { HOLDFAST_ENROLL_TOKEN: ENROL_TOKEN };
    const end = await runCommand(['run', '--server', url, '--state-dir', makeStateDir(t)], { env });
    assert.equal(end.code, 3, end.stderr);
    assert.match(end.stderr, /^holdfast-agent: this host was rejected by the operator: nobody here knows it$/m);
    assertDiscreet(end);
  });

  it('waits for a server that is away, is seen by status beside it, and ends well when asked to', async (t) => {
    const stateDir = makeStateDir(t);
    const stop = new AbortController();
    const env = { HOLDFAST_ENROLL_TOKEN: ENROL_TOKEN, HOLDFAST_HOOK_DIR: '/srv/hooks', HOLDFAST_LISTEN: '127.0.0.1:80' };
    const running = runCommand(['run', '--server', SERVER_URL, '--state-dir', stateDir], { env, signal: stop.signal });
    let status: Record<string, unknown> = {};
    while (!existsSync(join(stateDir, 'agent.pid'))) await new Promise((resolve) => setImmediate(resolve));
    status = JSON.parse((await runCommand(['status', '--json', '--state-dir', stateDir])).stdout) as typeof status;
    assert.equal(status['enrolled'], false);
    assert.match(String(status['fingerprint']), /\S{4,}/);
    assertOneLine(
      await runCommand(['run', '--server', SERVER_URL, '--state-dir', stateDir]),
      1,
      /another agent \(process \d+\) already works/,
    );
    stop.abort();
    const end = await running;
    assert.equal(end.code, 0, end.stderr);
    assert.equal(end.stdout, '');
    assert.ok(end.stderr.includes(String(status['fingerprint'])), 'the fingerprint to compare is in the log');
    assert.match(end.stderr, /HOLDFAST_HOOK_DIR is set but means nothing to this agent; did you mean HOLDFAST_HOOKS_DIR\?/);
    assert.doesNotMatch(end.stderr, /HOLDFAST_LISTEN/);
    assertDiscreet(end);
  });

  it('is seen by status with its plans, open runs and unreported events', async (t) => {
    const host = await openEnrolledHost(t, NEW_RESTIC);
    const { rig } = host;
    await rig.initRepository();
    rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
    const plan = rig.plan();
    plan.name = 'nightly';
    plan.schedule = { cron: '0 3 * * *', zone: 'Europe/Berlin' };
    host.storeSpec();
    await rig.runPlan();
    const end = await host.run(['status', '--json']);
    assert.equal(end.code, 0, end.stderr);
    const status = JSON.parse(end.stdout) as Record<string, unknown> & { plans: { schedule: string; nextFireAt: number }[] };
    assert.deepEqual([status['enrolled'], status['hostId'], status['server']], [true, rig.spec.host, SERVER_URL]);
    assert.equal(status['specVersion'], rig.spec.version);
    assert.deepEqual(status['agent'], { running: true, pid: process.pid, connectedAt: null });
    assert.equal(status['unreportedEvents'], rig.listEvents().length);
    assert.deepEqual(
      status.plans.map(({ schedule }) => schedule),
      ['0 3 * * * Europe/Berlin'],
    );
    const hour = new Intl.DateTimeFormat('en', { timeZone: 'Europe/Berlin', hour: 'numeric', hour12: false });
    assert.equal(Number(hour.format(status.plans[0]?.nextFireAt)), 3);
    const table = await host.run(['status']);
    assert.match(table.stdout, /^agent +running \(process \d+\), not connected to the server/m);
    assert.match(table.stdout, /^PLAN +SOURCES +SCHEDULE +NEXT FIRE\nnightly +1 +0 3 \* \* \* Europe\/Berlin +\d{4}-/m);
    const doctor = await host.run(['doctor']);
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(doctor.stdout, new RegExp(`^ok {4}enrolment: host ${rig.spec.host} of ${SERVER_URL}$`, 'm'));
    assert.match(doctor.stdout, /^ok {4}not told to the server yet: \d+ events, \d+ KiB$/m);
    assert.match(doctor.stdout, /^ok {4}journal: \d+ [KM]iB$/m);
    for (const said of [end, table, doctor]) assertDiscreet(said);
    Object.assign(rig.plan(undefined, { hooks: { before: 'stop-shop' } }), { name: 'nightly', schedule: plan.schedule });
    host.storeSpec();
    const lame = await host.run(['doctor']);
    assert.equal(lame.code, 1, lame.stdout);
    const bad = lame.stdout.split('\n').filter((line) => line.startsWith('bad'));
    assert.match(bad.join('\n'), /^bad {3}hook stop-shop: \S+ does not exist\..* It is needed by plan nightly\.$/);
    for (const source of rig.spec.sources) source.kind = 'novel';
    host.storeSpec();
    rig.workbench.journal.noteWelcome({ at: Date.UTC(2026, 10, 21), skewMs: -7_200_000, specVersion: rig.spec.version + 1 });
    rig.workbench.journal.noteLife(undefined);
    const ill = await host.run(['doctor']);
    assert.equal(ill.code, 1);
    assert.match(ill.stdout, /^bad {3}agent: not running/m);
    assert.match(ill.stdout, /^bad {3}source letters: this agent does not know the kind novel: .*newer agent$/m);
    assert.match(ill.stdout, /^bad {3}clock: 120 min behind the server's, compared at 2026-11-21T00:00:00.000Z;/m);
    assert.match(ill.stdout, /^bad {3}settings: version \d+, although the server has \d+ since/m);
    assertOneLine(await host.run(['run']), 1, /another agent/);
  });
});
