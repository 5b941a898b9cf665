import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { type AdapterDraft, REQUESTS, type RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { toFrameError } from '@holdfast/shared/protocol/wire-error.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { openRunRig, type RunRig } from '../runs/fixtures/run-rig.ts';
import { type DatabaseServer, startMariadb, startPostgres } from './fixtures/database-servers.ts';
import { getMysqlFolder, startMysql } from './fixtures/mysql-server.ts';
import { type RecordedTools, recordTools } from './fixtures/recorded-tools.ts';
import { sealDraft } from './fixtures/restore-orders.ts';

const SECRET = 'canary-7f3a \'"\\$(id)';
const HOSTILE = [
  '--help',
  '-c reboot',
  "a'b",
  'a"b`c\\',
  'host=evil.example.com dbname=x',
  'postgres://evil.example.com/x',
  '注文 $(id) %s',
];

const nextRef = () => createId('request', { clock: systemClock, randomBytes: systemRandomBytes });
const inAMinute = () => systemClock.now() + 60_000;

async function testSource(rig: RunRig, kind: string, config: AdapterDraft['config'], secrets?: Record<string, string>) {
  const ref = nextRef();
  const body = { ref, draft: sealDraft(rig, ref, kind, config, secrets), notAfter: inAMinute() };
  const answer = await rig.handlers['source.test'](body, rig.workbench.createId('frame'));
  // Whatever was asked, the answer fits its frame.
  return REQUESTS['source.test'].result.parse(answer) as RequestResult<'source.test'>;
}

async function discover(rig: RunRig, kind: string, config: AdapterDraft['config'], secrets?: Record<string, string>) {
  const ref = nextRef();
  const body = { ref, draft: sealDraft(rig, ref, kind, config, secrets), notAfter: inAMinute() };
  const answer = await rig.handlers['source.discover'](body, rig.workbench.createId('frame'));
  return (REQUESTS['source.discover'].result.parse(answer) as RequestResult<'source.discover'>).found;
}

async function catchRefusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError, `${String(error)} is a refusal`);
  REQUESTS['source.test'].result.shape.message.parse(toFrameError(error, 'ref').message);
  return error;
}

/** A port of this host where nobody listens. */
async function findClosedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 1;
}

interface Asked {
  rig: RunRig;
  tools: RecordedTools;
  server: DatabaseServer;
}

async function openAsked(t: TestContext, start: () => Promise<DatabaseServer>, folder?: string): Promise<Asked> {
  const server = await start();
  t.after(() => server.remove());
  const more = folder === undefined ? {} : { mysql: join(folder, 'mysql'), mysqldump: join(folder, 'mysqldump') };
  const tools = recordTools(t, GENERATIONS[1]?.binary ?? '', more);
  const rig = await openRunRig(t, { restic: tools.restic });
  tools.take();
  return { rig, tools, server };
}

const CASES = [
  { kind: 'postgres', start: startPostgres, system: ['template0', 'template1'], version: /^\d\d\.\d/ },
  {
    kind: 'mariadb',
    start: startMariadb,
    system: ['mysql', 'information_schema', 'performance_schema', 'sys'],
    version: /MariaDB/,
  },
  {
    kind: 'mysql',
    start: startMysql,
    system: ['mysql', 'information_schema', 'performance_schema', 'sys'],
    version: /^\d+\.\d+\.\d+/,
    findTools: getMysqlFolder,
  },
] as const;

for (const { kind, start, system, version, ...rest } of CASES) {
  test(`A question about a ${kind} source`, async (t) => {
    const { rig, tools, server } = await openAsked(t, start, 'findTools' in rest ? rest.findTools() : undefined);
    const { port, user, password } = server;
    const place = { host: '127.0.0.1', port, user };
    const quote = kind === 'postgres' ? '"' : '`';
    const quoteName = (name: string) => quote + name.replaceAll(quote, quote + quote) + quote;
    const names = ['shop', ...HOSTILE];
    for (const name of names) await server.query(`CREATE DATABASE ${quoteName(name)}`);

    await t.test('is answered with version and size when the source can be read', async () => {
      const answer = await testSource(rig, kind, { ...place, database: 'shop' }, { password });
      assert.equal(answer.ok, true, answer.message);
      assert.match(answer.serverVersion, version);
      assert.match(answer.message, /connected to version/);
      assert.ok((answer.sizeBytes ?? -1) >= 0);
    });

    await t.test('is answered in the tool’s own words, with advice and without the password, when it is wrong', async () => {
      const answer = await testSource(rig, kind, { ...place, database: 'shop' }, { password: SECRET });
      assert.deepEqual([answer.ok, answer.reason], [false, 'database_authentication']);
      assert.match(answer.message, kind === 'postgres' ? /password authentication failed for user "postgres"/ : /Access denied/);
      assert.match(answer.message, /Check user name and password/);
      assert.equal(JSON.stringify(answer).includes('canary'), false);
      const refused = await catchRefusal(discover(rig, kind, { ...place, database: 'shop' }, { password: SECRET }));
      assert.equal(refused.details['reason'], 'database_authentication');
      assert.equal(refused.message.includes('canary'), false);
    });

    await t.test('tells a missing database from a server that is not there', async () => {
      const missing = await testSource(rig, kind, { ...place, database: 'no_such' }, { password });
      assert.deepEqual([missing.ok, missing.reason], [false, 'database_missing']);
      assert.match(missing.message, /no_such/);
      const away = await testSource(rig, kind, { ...place, port: await findClosedPort(), database: 'shop' }, { password });
      assert.deepEqual([away.ok, away.reason], [false, 'database_unreachable']);
      assert.match(away.message, /Check that the database server is up/);
    });

    await t.test('discovers every database but those of the system, whatever they are called', async () => {
      const found = (await discover(rig, kind, { ...place, database: 'shop' }, { password })).map(({ name }) => name);
      for (const name of names) assert.ok(found.includes(name), name);
      for (const name of system) assert.equal(found.includes(name), false, name);
      for (const name of found) {
        const answer = await testSource(rig, kind, { ...place, database: name }, { password });
        assert.equal(answer.ok, true, `${name}: ${answer.message}`);
      }
    });

    await t.test('discovers what was made since it was asked last', async () => {
      const list = async () => (await discover(rig, kind, { ...place, database: 'shop' }, { password })).map(({ name }) => name);
      const before = await list();
      await server.query('CREATE DATABASE made_later');
      assert.deepEqual((await list()).sort(), [...before, 'made_later'].sort());
    });

    await t.test('starts the tool with the same arguments whatever the values are, and no secret among them', async () => {
      tools.take();
      await testSource(rig, kind, { ...place, database: 'shop' }, { password });
      const [plain] = tools.take();
      assert.ok(plain);
      for (const text of HOSTILE) {
        await testSource(rig, kind, { ...place, user: text, database: text }, { password: SECRET });
        const calls = tools.take();
        assert.deepEqual(
          calls.map(({ tool, args }) => ({ tool, args })),
          [{ tool: plain.tool, args: plain.args }],
          text,
        );
        const said = JSON.stringify(calls);
        assert.equal(said.includes('canary'), false, 'neither arguments nor environment hold the password');
      }
    });

    await t.test('is refused before any tool starts when a value does not fit', async () => {
      const wrong: AdapterDraft['config'][] = [
        { ...place, database: 'x', host: 'a b' },
        { ...place, database: 'x', port: 0 },
        { ...place, database: 'two\nlines' },
        { ...place },
        { ...place, database: 'x', shell: '/bin/sh' },
        { ...place, database: 'x', ...Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`unknown field ${i}`, 'x'])) },
      ];
      for (const config of wrong) {
        assert.equal((await catchRefusal(testSource(rig, kind, config, { password }))).code, 'invalid');
        assert.equal((await catchRefusal(discover(rig, kind, config, { password }))).code, 'invalid');
      }
      assert.deepEqual(tools.take(), []);
    });
  });
}

test('A question about files names what is missing and never follows a name into a command', async (t) => {
  const tools = recordTools(t, GENERATIONS[1]?.binary ?? '');
  const rig = await openRunRig(t, { restic: tools.restic });
  tools.take();
  const folder = join(rig.dir, '--help\n$(id)');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a'), 'x');
  const good = await testSource(rig, 'files', { paths: [folder] });
  assert.deepEqual([good.ok, good.message], [true, 'everything is there and readable']);
  const gone = await testSource(rig, 'files', { paths: [folder, join(rig.dir, 'gone')] });
  assert.deepEqual([gone.ok, gone.reason], [false, 'source_missing']);
  assert.match(gone.message, /gone is not there/);
  const long = await testSource(rig, 'files', { paths: [`/${'x'.repeat(TEXT.pathChars - 1)}`] });
  assert.equal(long.ok, false);
  assert.ok(long.message.length <= TEXT.errorChars);
  assert.equal((await catchRefusal(testSource(rig, 'files', { paths: ['relative'] }))).code, 'invalid');
  assert.equal((await catchRefusal(discover(rig, 'files', { paths: ['/'] }))).code, 'unsupported');
  assert.deepEqual(tools.take(), []);
});

test('A question on a host without the tool says which package brings it', async (t) => {
  const rig = await openRunRig(t);
  const answer = await testSource(rig, 'mariadb', { user: 'x', database: 'x' }, { password: SECRET });
  assert.deepEqual([answer.ok, answer.reason], [false, 'tool_missing']);
  assert.match(answer.message, /mariadb is not installed on this host\. Install the Debian package mariadb-client/);
  const refused = await catchRefusal(discover(rig, 'mariadb', { user: 'x', database: 'x' }));
  assert.equal(refused.details['reason'], 'tool_missing');
});

test('A question is refused when it comes too late, for an unknown kind, or with secrets sealed for another question', async (t) => {
  const rig = await openRunRig(t);
  const ask = rig.handlers['source.test'];
  const id = rig.workbench.createId('frame');
  const draft = sealDraft(rig, 'req_a', 'postgres', { user: 'x', database: 'x' }, { password: SECRET });
  const refuse = (body: Parameters<typeof ask>[0]) => catchRefusal((async () => ask(body, id))());
  assert.equal((await refuse({ ref: 'req_a', draft, notAfter: systemClock.now() - 1 })).details['reason'], 'expired');
  assert.equal((await refuse({ ref: 'req_b', draft, notAfter: inAMinute() })).details['reason'], 'secrets_unreadable');
  assert.equal((await refuse({ ref: 'req_a', draft: { ...draft, kind: 'oracle' }, notAfter: inAMinute() })).code, 'invalid');
});

test('A tool that talks without end is answered within the limits of a frame', async (t) => {
  const rig = await openRunRig(t, { restic: join(writeChatter(t), 'restic') });
  const answer = await testSource(rig, 'mariadb', { user: 'x', database: 'x' }, { password: SECRET });
  assert.equal(answer.ok, false);
  assert.match(answer.message, /ERROR of the tool/);
  assert.equal(/[\u0000-\u0009\u000b-\u001f]/.test(answer.message), false);
  assert.equal(answer.message.includes('canary'), false);
});

/** A folder whose `mariadb` fails with a megabyte of coloured text that repeats the password it was given. */
function writeChatter(t: TestContext): string {
  const { folder } = recordTools(t, GENERATIONS[1]?.binary ?? '');
  const script = `#!/bin/sh
[ "$1" = --version ] && exec /usr/bin/mariadb --version
i=0; said=$(grep password "$(printf %s "$1" | cut -d= -f2-)")
while [ $i -lt 20000 ]; do i=$((i + 1)); printf 'ERROR of the tool \\033[31m%s\\007\\n' "$said"; done >&2
exit 1
`;
  writeFileSync(join(folder, 'mariadb'), script);
  chmodSync(join(folder, 'mariadb'), 0o755);
  return folder;
}
