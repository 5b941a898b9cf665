import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type Enrolment, findCredentials, openHostCredentials } from './host-credentials.ts';

const crypto = createCrypto(systemRandomBytes);
let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'holdfast-credentials-'));
});
afterEach(async () => {
  await rm(stateDir, { recursive: true, force: true });
});

const path = () => join(stateDir, 'credentials.json');
const newToken = () => crypto.randomToken('hfa');

function makeEnrolment(): Enrolment {
  return {
    hostId: 'host_1' as HostId,
    token: newToken(),
    serverKey: crypto.makeSigningKeys().publicKey,
    serverUrl: 'https://backup.example.test/holdfast',
  };
}

describe('credentials', () => {
  it('are absent before enrolment, and asking for them says what to do', async () => {
    const store = await openHostCredentials(stateDir);
    assert.equal(store.find(), undefined);
    assert.throws(() => store.get(), { code: 'precondition', message: /approve it on the server/ });
    await assert.rejects(store.nextCounter(), { code: 'precondition' });
    await assert.rejects(store.rotateToken(newToken()), { code: 'precondition' });
    assert.deepEqual(await readdir(stateDir), []);
  });

  it('are the same after a restart, in a file of mode 0600, with nothing else beside it', async () => {
    const enrolment = makeEnrolment();
    await (await openHostCredentials(stateDir)).save(enrolment);
    assert.deepEqual((await openHostCredentials(stateDir)).get(), { ...enrolment, counter: 0 });
    assert.deepEqual(await findCredentials(stateDir), { ...enrolment, counter: 0 });
    assert.equal((await stat(path())).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(stateDir), ['credentials.json']);
  });

  it('are gone after forgetting, also for the next start, and forgetting twice is fine', async () => {
    const store = await openHostCredentials(stateDir);
    await store.save(makeEnrolment());
    await store.forget();
    await store.forget();
    assert.equal(store.find(), undefined);
    assert.equal((await openHostCredentials(stateDir)).find(), undefined);
  });

  it('that are not valid are refused by name, without quoting them, and leave the old ones in place', async () => {
    const store = await openHostCredentials(stateDir);
    const enrolment = makeEnrolment();
    await store.save(enrolment);
    await assert.rejects(store.save({ ...enrolment, token: 'canary-token' }), (thrown) => {
      assert.ok(thrown instanceof AppError);
      assert.equal(thrown.code, 'invalid');
      assert.match(thrown.message, /token/);
      assert.equal(thrown.message.includes('canary'), false);
      return true;
    });
    await assert.rejects(store.save({ ...enrolment, serverUrl: 'file:///etc/passwd' }), { code: 'invalid' });
    assert.deepEqual(store.get(), { ...enrolment, counter: 0 });
    assert.deepEqual(await findCredentials(stateDir), { ...enrolment, counter: 0 });
  });

  it('that are damaged or open to others stop the start, and the file stays', async () => {
    await (await openHostCredentials(stateDir)).save(makeEnrolment());
    const good = await readFile(path(), 'utf8');
    for (const text of ['', '{', good.slice(0, -20), good.replace('"version": 1', '"version": 9'), 'x'.repeat(20_000)]) {
      await writeFile(path(), text);
      await assert.rejects(openHostCredentials(stateDir), (thrown) => {
        assert.ok(thrown instanceof AppError);
        assert.equal(thrown.code, 'integrity');
        assert.equal(thrown.message.includes('hfa_'), false);
        assert.equal(thrown.cause, undefined);
        return true;
      });
      assert.equal(await readFile(path(), 'utf8'), text);
    }
    await writeFile(path(), good);
    await chmod(path(), 0o644);
    await assert.rejects(openHostCredentials(stateDir), { code: 'precondition', message: /chmod 600/ });
  });
});

it('a link planted where the new text is prepared is not followed', async () => {
  const store = await openHostCredentials(stateDir);
  const elsewhere = join(stateDir, 'elsewhere');
  await symlink(elsewhere, `${path()}.new`);
  await assert.rejects(store.save(makeEnrolment()), { code: 'precondition' });
  assert.equal(store.find(), undefined);
  assert.equal(existsSync(elsewhere), false);
});

describe('the connection counter', () => {
  it('rises by one, and is on disk before it is handed out', async () => {
    const store = await openHostCredentials(stateDir);
    await store.save(makeEnrolment());
    for (const expected of [1, 2, 3]) {
      assert.equal(await store.nextCounter(), expected);
      assert.equal((await findCredentials(stateDir))?.counter, expected);
    }
  });

  it('never gives the same number twice to callers at the same time', async () => {
    const store = await openHostCredentials(stateDir);
    await store.save(makeEnrolment());
    const numbers = await Promise.all(Array.from({ length: 20 }, () => store.nextCounter()));
    assert.equal(new Set(numbers).size, 20);
    assert.equal((await findCredentials(stateDir))?.counter, 20);
  });

  it('goes on when the same host is enrolled again, and starts anew as another host', async () => {
    const store = await openHostCredentials(stateDir);
    const enrolment = makeEnrolment();
    await store.save(enrolment);
    await store.nextCounter();
    await store.save({ ...enrolment, token: newToken() });
    assert.equal(await store.nextCounter(), 2);
    await store.save({ ...enrolment, hostId: 'host_2' as HostId });
    assert.equal(await store.nextCounter(), 1);
  });

  it('is not handed out when it cannot be written', async () => {
    const store = await openHostCredentials(stateDir);
    await store.save(makeEnrolment());
    await rm(stateDir, { recursive: true });
    await assert.rejects(store.nextCounter(), { code: 'precondition' });
    assert.equal(store.get().counter, 0);
  });
});

describe('token rotation', () => {
  it('keeps the old token until the server has accepted the new one', async () => {
    const store = await openHostCredentials(stateDir);
    const enrolment = makeEnrolment();
    await store.save(enrolment);
    const next = newToken();
    await store.rotateToken(next);
    assert.deepEqual(store.listTokens(), [next, enrolment.token]);
    assert.deepEqual((await openHostCredentials(stateDir)).listTokens(), [next, enrolment.token]);
    await store.confirmToken(next);
    assert.deepEqual(store.listTokens(), [next, enrolment.token], 'the replaced one is the last resort');
    await store.confirmToken(next);
    assert.deepEqual((await openHostCredentials(stateDir)).listTokens(), [next, enrolment.token]);
  });

  it('keeps one replaced token and no more', async () => {
    const store = await openHostCredentials(stateDir);
    const enrolment = makeEnrolment();
    await store.save(enrolment);
    const [second, third] = [newToken(), newToken()];
    for (const token of [second, third]) {
      await store.rotateToken(token);
      await store.confirmToken(token);
    }
    assert.deepEqual(store.listTokens(), [third, second]);
    assert.equal((await readFile(path(), 'utf8')).includes(enrolment.token), false);
  });

  it('goes back to the replaced token when a restored server knows only that one, and on from there', async () => {
    const store = await openHostCredentials(stateDir);
    const enrolment = makeEnrolment();
    await store.save(enrolment);
    const second = newToken();
    await store.rotateToken(second);
    await store.confirmToken(second);
    await store.confirmToken(enrolment.token);
    assert.deepEqual(store.listTokens(), [enrolment.token, second]);
    const third = newToken();
    await store.rotateToken(third);
    assert.deepEqual(store.listTokens(), [third, enrolment.token, second]);
    await store.confirmToken(third);
    assert.deepEqual(store.listTokens(), [third, enrolment.token]);
  });

  it('falls back to the old token when that is the one the server knows', async () => {
    const store = await openHostCredentials(stateDir);
    const enrolment = makeEnrolment();
    await store.save(enrolment);
    const next = newToken();
    await store.rotateToken(next);
    await store.confirmToken(enrolment.token);
    assert.deepEqual(store.listTokens(), [enrolment.token, next]);
  });

  it('keeps the accepted token, not the unconfirmed one, when a third arrives in between', async () => {
    const store = await openHostCredentials(stateDir);
    const enrolment = makeEnrolment();
    await store.save(enrolment);
    await store.rotateToken(newToken());
    const third = newToken();
    await store.rotateToken(third);
    await store.rotateToken(third);
    assert.deepEqual(store.listTokens(), [third, enrolment.token]);
  });

  it('refuses a confirmation of a token it does not hold', async () => {
    const store = await openHostCredentials(stateDir);
    await store.save(makeEnrolment());
    await assert.rejects(store.confirmToken(newToken()), { code: 'conflict' });
  });
});

/** Counts and rotates without end, telling each number once it may be used and each rotation once it was confirmed. */
const RESTLESS_AGENT = `
  const { openHostCredentials } = await import(process.env.MODULE);
  const store = await openHostCredentials(process.env.STATE_DIR);
  for (let round = Number(process.env.FIRST_ROUND); ; round += 1) {
    console.log('counter ' + (await store.nextCounter()));
    const token = 'hfa_' + String(round).padStart(43, '0');
    await store.rotateToken(token);
    console.log('holds ' + token);
    await store.confirmToken(token);
  }
`;

it('an agent killed at any instant keeps readable credentials, a counter above every used one, and a usable token', async () => {
  await (await openHostCredentials(stateDir)).save(makeEnrolment());
  const module = new URL('./host-credentials.ts', import.meta.url).href;
  let used = 0;
  for (let kill = 0; kill < 6; kill += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', RESTLESS_AGENT], {
      env: { MODULE: module, STATE_DIR: stateDir, FIRST_ROUND: String(1 + kill * 100_000) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    let seen = 0;
    let held = '';
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, value = ''] = line.split(' ');
      if (what === 'counter') {
        assert.ok(Number(value) > used, `counter ${value} was used before`);
        used = Number(value);
      } else held = value;
      seen += 1;
      if (seen === 3 + kill * 2) child.kill('SIGKILL');
    }
    await exited;
    const after = await openHostCredentials(stateDir);
    assert.ok(after.get().counter >= used);
    // Either still the last one told, or a later one that has replaced it.
    const rounds = after.listTokens().map((token) => Number(token.slice(4)) || 0);
    assert.ok(Math.max(...rounds) >= Number(held.slice(4)), `${held} is lost: ${rounds}`);
  }
  const store = await openHostCredentials(stateDir);
  assert.ok((await store.nextCounter()) > used);
  assert.deepEqual(await readdir(stateDir), ['credentials.json']);
});
