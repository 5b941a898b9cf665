import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { loadMasterKey, type MasterKeyRequest } from './master-key.ts';

const crypto = createCrypto(systemRandomBytes);
const secret = Buffer.from(crypto.randomBytes(32));
let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'holdfast-master-key-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

function load(request: Partial<MasterKeyRequest> = {}) {
  return loadMasterKey(crypto, { dataDir, hasEncryptedRows: false, ...request });
}

/** The failure of a start: an AppError of one line, without the key in it. */
async function failLoading(request: Partial<MasterKeyRequest>): Promise<AppError> {
  const thrown = await load(request).then(
    () => assert.fail('the key was accepted'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof AppError, String(thrown));
  assert.equal(thrown.message.includes('\n'), false);
  if (request.value) assert.equal(thrown.message.includes(request.value), false);
  return thrown;
}

describe('the first start', () => {
  it('makes a key of mode 0600 in the data directory, and leaves nothing else there', async () => {
    const made = await load();
    assert.equal(made.created, true);
    assert.equal(made.source, 'data_dir');
    assert.equal(made.path, join(dataDir, 'master.key'));
    assert.equal((await stat(join(dataDir, 'master.key'))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(dataDir), ['master.key']);
  });

  it('is followed by starts that find the same key', async () => {
    const made = await load();
    const again = await load({ hasEncryptedRows: true, checkValue: made.checkValue });
    assert.equal(again.created, false);
    assert.deepEqual(again.key, made.key);
    assert.equal(again.keyId, made.keyId);
  });

  it('makes the data directory, closed to others, when it is not there', async () => {
    const fresh = join(dataDir, 'deeper', 'still');
    await load({ dataDir: fresh });
    assert.equal((await stat(fresh)).mode & 0o777, 0o700);
  });

  it('ends with one key when several servers start at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => load()));
    assert.equal(new Set(keys.map((key) => key.keyId)).size, 1);
    assert.equal(keys.filter((key) => key.created).length, 1);
    assert.deepEqual(await readdir(dataDir), ['master.key']);
  });

  it('says so when the data directory cannot be written', async () => {
    const file = join(dataDir, 'file');
    await writeFile(file, '');
    await assert.rejects(load({ dataDir: file }), { code: 'precondition' });
  });
});

describe('a key from the environment', () => {
  it('is the same key in hex and in every writing of base64', async () => {
    const writings = [
      secret.toString('base64'),
      secret.toString('base64url'),
      secret.toString('hex'),
      secret.toString('hex').toUpperCase(),
    ];
    const keys = await Promise.all(writings.map((value) => load({ value: `${value}\n` })));
    assert.equal(new Set(keys.map((key) => key.keyId)).size, 1);
    assert.equal(keys[0]?.source, 'environment');
    assert.deepEqual(await readdir(dataDir), []);
  });

  it('may be longer than 32 bytes, and every byte counts', async () => {
    const long = Buffer.concat([secret, crypto.randomBytes(32)]);
    const ids = await Promise.all(
      [secret, long, long.subarray(0, 63)].map(async (key) => (await load({ value: key.toString('base64') })).keyId),
    );
    assert.equal(new Set(ids).size, 3);
  });

  const bad: [title: string, value: string, says: RegExp][] = [
    ['empty', '', /empty/],
    ['blank', ' \n', /empty/],
    ['one byte short in base64', secret.subarray(1).toString('base64'), /31 bytes.*openssl/],
    ['one byte short in hex', secret.subarray(1).toString('hex'), /31 bytes/],
    ['a typed sentence', 'this is my very secret master key, please', /neither base64 nor hex/],
    ['base64 with a letter too many', `${secret.toString('base64url')}AA`, /neither base64 nor hex/],
    ['all zero', Buffer.alloc(32).toString('base64'), /not random/],
    ['two bytes in turn', 'abab'.repeat(16), /not random/],
    ['far too long', 'A'.repeat(5000), /too long/],
  ];
  for (const [title, value, says] of bad) {
    it(`stops the start when it is ${title}`, async () => {
      const error = await failLoading({ value });
      assert.equal(error.code, 'invalid');
      assert.match(error.message, says);
      assert.match(error.message, /HOLDFAST_MASTER_KEY/);
      assert.deepEqual(await readdir(dataDir), []);
    });
  }

  it('stops the start when a file is named as well', async () => {
    const error = await failLoading({ value: secret.toString('base64'), file: join(dataDir, 'key') });
    assert.match(error.message, /both set/);
  });
});

describe('a key from a named file', () => {
  it('is read, and needs no key in the data directory', async () => {
    const file = join(dataDir, 'mounted');
    await writeFile(file, `${secret.toString('base64')}\n`, { mode: 0o600 });
    const found = await load({ file });
    assert.equal(found.source, 'file');
    assert.deepEqual(found.warnings, []);
    assert.equal(found.keyId, (await load({ value: secret.toString('hex') })).keyId);
  });

  it('gives a warning when others may read it, because a secret store may have fixed its mode', async () => {
    const file = join(dataDir, 'mounted');
    await writeFile(file, secret.toString('base64'));
    await chmod(file, 0o444);
    assert.match((await load({ file })).warnings.join(), /can be read by other users/);
  });

  it('stops the start when the file is missing, a directory, too long or empty', async () => {
    const file = join(dataDir, 'mounted');
    assert.match((await failLoading({ file })).message, /does not exist/);
    assert.match((await failLoading({ file: dataDir })).message, /cannot be read/);
    await writeFile(file, 'A'.repeat(5000));
    assert.match((await failLoading({ file })).message, /too long/);
    await writeFile(file, '');
    assert.match((await failLoading({ file })).message, /empty/);
    assert.deepEqual(await readdir(dataDir), ['mounted']);
  });
});

describe('the start stops', () => {
  it('when the key is lost although the database holds encrypted values, and makes no new one', async () => {
    const error = await failLoading({ hasEncryptedRows: true });
    assert.equal(error.code, 'precondition');
    assert.match(error.message, /lost.*put the key back/);
    assert.equal((await failLoading({ checkValue: 'x' })).code, 'precondition');
    assert.deepEqual(await readdir(dataDir), []);
  });

  it('when the key is another one than the database was encrypted with', async () => {
    const { checkValue } = await load({ value: secret.toString('base64') });
    const error = await failLoading({
      value: Buffer.from(crypto.randomBytes(32)).toString('base64'),
      checkValue,
      hasEncryptedRows: true,
    });
    assert.equal(error.code, 'precondition');
    assert.match(error.message, /not the one/);
  });

  it('when the key file in the data directory is open to others, and says what to run', async () => {
    await load();
    for (const mode of [0o640, 0o604, 0o660]) {
      await chmod(join(dataDir, 'master.key'), mode);
      assert.match((await failLoading({})).message, /chmod 600/);
    }
  });

  it('when the key file in the data directory was emptied, and does not replace it', async () => {
    await load();
    await writeFile(join(dataDir, 'master.key'), '');
    assert.match((await failLoading({})).message, /empty/);
    assert.equal(await readFile(join(dataDir, 'master.key'), 'utf8'), '');
  });
});

it('the check value is the same for the same key and is not the key', async () => {
  const one = await load({ value: secret.toString('base64') });
  assert.equal((await load({ value: secret.toString('hex') })).checkValue, one.checkValue);
  assert.notEqual(one.checkValue, crypto.toBase64Url(one.key));
});
