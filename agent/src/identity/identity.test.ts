import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { findIdentity, getIdentity, loadOrCreateIdentity } from './identity.ts';

const crypto = createCrypto(systemRandomBytes);
let parent: string;
let stateDir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'holdfast-identity-'));
  stateDir = join(parent, 'state');
});
afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

const identityPath = () => join(stateDir, 'identity.json');
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('the first start', () => {
  it('makes an identity of mode 0600 in a directory of mode 0700, and leaves nothing else', async () => {
    await loadOrCreateIdentity(stateDir, crypto);
    assert.equal(await modeOf(identityPath()), 0o600);
    assert.equal(await modeOf(stateDir), 0o700);
    assert.deepEqual(await readdir(stateDir), ['identity.json']);
  });

  it('is followed by starts with the same keys and the same fingerprint', async () => {
    const first = await loadOrCreateIdentity(stateDir, crypto);
    assert.deepEqual(await loadOrCreateIdentity(stateDir, crypto), first);
    assert.deepEqual(await getIdentity(stateDir, crypto), first);
    assert.equal(first.fingerprint.words.length, 6);
  });

  it('ends with one identity when several agents start at once', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => loadOrCreateIdentity(stateDir, crypto)));
    assert.equal(new Set(made.map((identity) => identity.fingerprint.text)).size, 1);
    assert.deepEqual(await readdir(stateDir), ['identity.json']);
  });

  it('gives another host another identity', async () => {
    const here = await loadOrCreateIdentity(stateDir, crypto);
    const there = await loadOrCreateIdentity(join(parent, 'other'), crypto);
    assert.notEqual(here.fingerprint.text, there.fingerprint.text);
  });

  it('closes a directory of our own that others could look into', async () => {
    await mkdir(stateDir, { mode: 0o755 });
    await chmod(stateDir, 0o755);
    await loadOrCreateIdentity(stateDir, crypto);
    assert.equal(await modeOf(stateDir), 0o700);
  });
});

it('a host without an identity has none to show, and looking makes none', async () => {
  assert.equal(await findIdentity(stateDir, crypto), undefined);
  await assert.rejects(getIdentity(stateDir, crypto), { code: 'not_found' });
  assert.deepEqual(await readdir(parent), []);
});

describe('an identity is refused', () => {
  it('when its file is open to others in any way, and the message says what to run', async () => {
    await loadOrCreateIdentity(stateDir, crypto);
    for (const mode of [0o640, 0o604, 0o620, 0o666]) {
      await chmod(identityPath(), mode);
      await assert.rejects(loadOrCreateIdentity(stateDir, crypto), (thrown) => {
        assert.ok(thrown instanceof AppError);
        assert.equal(thrown.code, 'precondition');
        assert.match(thrown.message, /chmod 600 .*identity\.json/);
        return true;
      });
    }
  });

  it('when others may write to its directory', async () => {
    await loadOrCreateIdentity(stateDir, crypto);
    await chmod(stateDir, 0o770);
    await assert.rejects(loadOrCreateIdentity(stateDir, crypto), { code: 'precondition', message: /chmod 700/ });
  });

  it('when its file is damaged, without being replaced and without quoting a key', async () => {
    await loadOrCreateIdentity(stateDir, crypto);
    const good = await readFile(identityPath(), 'utf8');
    const content = JSON.parse(good);
    const other = crypto.makeSigningKeys();
    const otherSealing = crypto.makeSealingKeys();
    const damaged = [
      '',
      '{',
      good.slice(0, good.length / 2),
      JSON.stringify({ ...content, version: 2 }),
      JSON.stringify({ ...content, signing: { ...content.signing, publicKey: other.publicKey } }),
      JSON.stringify({ ...content, signing: { ...content.signing, secretKey: crypto.toBase64Url(other.secretKey) } }),
      JSON.stringify({ ...content, sealing: { ...content.sealing, publicKey: otherSealing.publicKey } }),
      JSON.stringify({ ...content, sealing: { ...content.sealing, secretKey: crypto.toBase64Url(otherSealing.secretKey) } }),
      'x'.repeat(5000),
    ];
    for (const text of damaged) {
      await writeFile(identityPath(), text);
      await assert.rejects(loadOrCreateIdentity(stateDir, crypto), (thrown) => {
        assert.ok(thrown instanceof AppError);
        assert.equal(thrown.code, 'integrity');
        assert.match(thrown.message, /identity\.json/);
        assert.equal(String(thrown.stack).includes(content.signing.secretKey.slice(0, 20)), false);
        assert.equal(thrown.cause, undefined);
        return true;
      });
      assert.equal(await readFile(identityPath(), 'utf8'), text);
    }
  });

  it('when the state directory is a file, with advice', async () => {
    await writeFile(stateDir, '');
    await assert.rejects(loadOrCreateIdentity(stateDir, crypto), { code: 'invalid', message: /^HOLDFAST_STATE_DIR .*EEXIST/ });
  });
});

it('a dangling link in place of the identity is not followed to make a file elsewhere', async () => {
  await mkdir(stateDir, { mode: 0o700 });
  await symlink(join(parent, 'elsewhere'), identityPath());
  await assert.rejects(loadOrCreateIdentity(stateDir, crypto), AppError);
  assert.deepEqual((await readdir(parent)).sort(), ['state']);
});
