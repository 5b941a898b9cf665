import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { isAgeRecipient, makeAgeKey, sealAgeFile } from './age-file.ts';
import { decodeBech32, encodeBech32 } from './bech32.ts';

/** Of the test vectors of age. */
const KNOWN = {
  secret: Uint8Array.from({ length: 32 }, () => 0x42),
  identity: 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX',
  recipient: 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj',
};

describe('A key of age', () => {
  it('is written as age writes it', () => {
    assert.deepEqual(
      makeAgeKey(() => Uint8Array.from(KNOWN.secret)),
      { identity: KNOWN.identity, recipient: KNOWN.recipient },
    );
  });

  it('is known for a recipient, and nothing else is', () => {
    assert.equal(isAgeRecipient(KNOWN.recipient), true);
    const others = [
      KNOWN.identity,
      KNOWN.recipient.toUpperCase(),
      `${KNOWN.recipient.slice(0, -1)}q`,
      KNOWN.recipient.replace('age1z', 'age1y'),
      `${KNOWN.recipient} `,
      encodeBech32('age', KNOWN.secret.subarray(1)),
      encodeBech32('other', KNOWN.secret),
      'ssh-ed25519 AAAA',
      'age1',
      '',
    ];
    for (const text of others) assert.equal(isAgeRecipient(text), false, text);
  });

  it('of small order is no recipient, because everybody could open what is sealed to it', () => {
    const zero = encodeBech32('age', new Uint8Array(32));
    assert.equal(isAgeRecipient(zero), false);
    const refused = (error: unknown) => error instanceof AppError && error.code === 'invalid';
    assert.throws(() => sealAgeFile(systemRandomBytes, zero, 'text'), refused);
  });

  it('comes back from its text byte for byte, whatever its length', () => {
    for (let size = 0; size < 40; size += 1) {
      const bytes = systemRandomBytes(size);
      assert.deepEqual(decodeBech32('age', encodeBech32('age', bytes)), bytes);
    }
  });
});

describe('A file for age', () => {
  it('is armored in lines of 64, says its version and its one recipient, and never the text', () => {
    const text = 'the password of the repository '.repeat(20);
    const sealed = sealAgeFile(systemRandomBytes, KNOWN.recipient, text);
    const lines = sealed.split('\n');
    assert.equal(lines[0], '-----BEGIN AGE ENCRYPTED FILE-----');
    assert.deepEqual(lines.slice(-2), ['-----END AGE ENCRYPTED FILE-----', '']);
    const body = lines.slice(1, -2);
    assert.ok(body.slice(0, -1).every((line) => line.length === 64));
    const file = Buffer.from(body.join(''), 'base64').toString('latin1');
    assert.match(file, /^age-encryption\.org\/v1\n-> X25519 [A-Za-z0-9+/]{43}\n[A-Za-z0-9+/]{43}\n--- [A-Za-z0-9+/]{43}\n/);
    assert.ok(!file.includes('password'));
  });

  it('is another one each time', () => {
    const seal = () => sealAgeFile(systemRandomBytes, KNOWN.recipient, 'the same');
    assert.notEqual(seal(), seal());
  });
});
