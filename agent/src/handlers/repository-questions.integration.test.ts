import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { REQUESTS, type RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { toFrameError } from '@holdfast/shared/protocol/wire-error.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { openRunRig, PASSWORD, type RunRig, writeFolder } from '../runs/fixtures/run-rig.ts';
import { recordTools } from './fixtures/recorded-tools.ts';
import { readEnd, sealDraft } from './fixtures/restore-orders.ts';

const from = { clock: systemClock, randomBytes: systemRandomBytes };
const WRONG = 'canary-7f3a \'"\\$(id)';
const HOSTILE_PATHS = ['--help', 's3:http:x', 'rest:http:', 'a b\'"`$(id)', '注文 %s *', 'rclone:evil:'];

interface Question {
  path: string;
  password?: string;
  pinnedId?: string;
}

function buildBody(rig: RunRig, { path, password = PASSWORD }: Question) {
  const ref = createId('request', from);
  return { ref, draft: sealDraft(rig, ref, 'local', { path }, { password }), notAfter: systemClock.now() + 60_000 };
}

async function testRepository(rig: RunRig, question: Question): Promise<RequestResult<'repository.test'>> {
  const { pinnedId } = question;
  const body = { ...buildBody(rig, question), ...(pinnedId === undefined ? {} : { pinnedId }) };
  return REQUESTS['repository.test'].result.parse(await rig.handlers['repository.test'](body, createId('frame', from)));
}

async function initRepository(rig: RunRig, question: Question): Promise<string> {
  const made = await rig.handlers['repository.init'](buildBody(rig, question), createId('frame', from));
  return REQUESTS['repository.init'].result.parse(made).engineId;
}

async function catchRefusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof AppError, `${String(error)} is a refusal`);
  REQUESTS['repository.test'].result.shape.message.parse(toFrameError(error, 'ref').message);
  assert.equal(error.message.includes('canary'), false);
  return error;
}

/** Every file below `root` with its size, time and, where it is small, content. */
function describeFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, lstatSync(path).mtimeMs, readFileSync(path).toString('base64').slice(0, 400)].join(' '))
    .sort();
}

for (const { version, binary } of GENERATIONS) {
  test(`A question about a repository with restic ${version}`, async (t) => {
    const tools = recordTools(t, binary);
    const rig = await openRunRig(t, { restic: tools.restic });
    const path = join(rig.dir, 'repository');

    await t.test('that is not there says so, and makes none', async () => {
      const answer = await testRepository(rig, { path });
      assert.deepEqual([answer.state, answer.reason], ['missing', 'repository_missing']);
      assert.match(answer.message, /never made silently/);
      assert.equal(existsSync(path), false);
      const folder = writeFolder(join(rig.dir, 'photos'), { 'a.jpg': 'x' });
      assert.equal((await testRepository(rig, { path: folder })).state, 'missing');
      assert.deepEqual(readdirSync(folder), ['a.jpg']);
    });

    const engineId = await rig.initRepository();

    await t.test('that opens tells its id and how many snapshots it holds, and changes nothing', async () => {
      const before = describeFiles(path);
      const empty = await testRepository(rig, { path });
      assert.deepEqual([empty.state, empty.engineId, empty.snapshots], ['ready', engineId, 0], empty.message);
      assert.deepEqual(describeFiles(path), before);
      rig.addFiles('letters', [writeFolder(join(rig.dir, 'letters'), { a: 'x' })]);
      assert.equal(readEnd(await rig.runPlan()).state, 'succeeded');
      assert.equal((await testRepository(rig, { path })).snapshots, 1);
      assert.equal((await testRepository(rig, { path, pinnedId: engineId })).state, 'ready');
    });

    await t.test('about its size tells what its data takes, without a lock, and only of the pinned one', async () => {
      const measure = async (question: Question) => {
        const { pinnedId } = question;
        const body = { ...buildBody(rig, question), ...(pinnedId === undefined ? {} : { pinnedId }) };
        return rig.handlers['repository.measure'](body, createId('frame', from));
      };
      const lock = join(path, 'locks', 'a'.repeat(64));
      writeFileSync(lock, 'held by another host');
      const size = REQUESTS['repository.measure'].result.parse(await measure({ path, pinnedId: engineId }));
      rmSync(lock);
      assert.equal(size.snapshots, 1);
      assert.ok(size.sizeBytes > 0);
      const refused = await catchRefusal(measure({ path, pinnedId: 'f'.repeat(64) }));
      assert.equal(refused.details['reason'], 'repository_replaced');
      assert.equal((await catchRefusal(measure({ path, password: WRONG }))).message.includes('canary'), false);
    });

    await t.test('with a wrong password is answered in restic’s own words, with advice, without the password', async () => {
      const answer = await testRepository(rig, { path, password: WRONG });
      assert.deepEqual([answer.state, answer.reason], ['failed', 'repository_password']);
      assert.match(answer.message, /wrong password or no key found/);
      assert.match(answer.message, /Correct the repository’s password/);
      assert.equal(JSON.stringify(answer).includes('canary'), false);
    });

    await t.test('other than the pinned one is not believed', async () => {
      const answer = await testRepository(rig, { path, pinnedId: 'f'.repeat(64) });
      assert.equal(answer.state, 'failed');
      assert.match(answer.message, new RegExp(`another repository \\(${engineId.slice(0, 8)}\\) than the one that was pinned`));
    });

    await t.test('that somebody has locked is answered all the same, and the lock stays', async () => {
      const lock = join(path, 'locks', 'b'.repeat(64));
      writeFileSync(lock, 'held by another host');
      const answer = await testRepository(rig, { path });
      assert.deepEqual([answer.state, answer.snapshots], ['ready', 1], answer.message);
      assert.deepEqual(readdirSync(join(path, 'locks')), ['b'.repeat(64)]);
      rmSync(lock);
    });

    await t.test('to make one is refused where one is, whatever the password, and leaves every byte', async () => {
      const before = describeFiles(path);
      for (const password of [PASSWORD, WRONG]) {
        const refused = await catchRefusal(initRepository(rig, { path, password }));
        assert.deepEqual([refused.code, refused.details['reason']], ['conflict', 'repository_exists']);
        assert.match(refused.message, /use it with its own password/);
      }
      assert.deepEqual(describeFiles(path), before);
    });

    await t.test('starts restic with the same arguments whatever path and password are, and neither among them', async () => {
      tools.take();
      await testRepository(rig, { path: join(rig.dir, 'plain') });
      const plain = tools.take().map(({ args }) => args);
      assert.equal(plain.length, 1);
      for (const name of HOSTILE_PATHS) {
        const hostile = join(rig.dir, name);
        assert.equal((await testRepository(rig, { path: hostile, password: WRONG })).state, 'missing', name);
        const asked = tools.take();
        assert.deepEqual(
          asked.map(({ args }) => args),
          plain,
          name,
        );
        assert.equal(JSON.stringify(asked).includes('canary'), false, 'neither arguments nor environment hold the password');
      }
    });

    await t.test(
      'to make one makes it exactly there, however the place is called, to be opened by its password alone',
      async () => {
        const hostile = join(rig.dir, HOSTILE_PATHS[0] ?? '', HOSTILE_PATHS[3] ?? '');
        const made = await initRepository(rig, { path: hostile, password: WRONG });
        assert.equal(existsSync(join(hostile, 'config')), true);
        assert.equal((await testRepository(rig, { path: hostile, password: WRONG })).engineId, made);
        assert.equal((await testRepository(rig, { path: hostile })).reason, 'repository_password');
      },
    );

    await t.test('that cannot be made says why', async () => {
      writeFileSync(join(rig.dir, 'file'), 'x');
      const refused = await catchRefusal(initRepository(rig, { path: join(rig.dir, 'file/repository'), password: WRONG }));
      assert.match(refused.message, /not a directory/);
      assert.equal(readFileSync(join(rig.dir, 'file'), 'utf8'), 'x');
      assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
    });
  });
}

test('A question about a repository is refused late, on a host without restic, and for what does not fit', async (t) => {
  const rig = await openRunRig(t);
  const ask = (body: Parameters<RunRig['handlers']['repository.test']>[0]) =>
    catchRefusal((async () => rig.handlers['repository.test'](body, createId('frame', from)))());
  const good = buildBody(rig, { path: '/x' });
  assert.equal((await ask({ ...good, notAfter: systemClock.now() - 1 })).details['reason'], 'expired');
  assert.equal((await ask({ ...good, ref: 'req_other' })).details['reason'], 'secrets_unreadable');
  assert.equal((await ask({ ...good, draft: { ...good.draft, kind: 'floppy' } })).code, 'invalid');
  assert.equal((await ask(buildBody(rig, { path: 'relative' }))).code, 'invalid');
  assert.equal((await ask(buildBody(rig, { path: '/two\nlines' }))).code, 'invalid');
  const missing = await ask(good);
  assert.equal(missing.details['reason'], 'tool_missing');
  assert.match(missing.message, /Install the Debian package restic/);
  const late = { ...buildBody(rig, { path: '/x' }), notAfter: systemClock.now() - 1 };
  const refused = await catchRefusal((async () => rig.handlers['repository.init'](late, createId('frame', from)))());
  assert.equal(refused.details['reason'], 'expired');
});
