import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemRandomBytes } from '../clock.ts';
import { AppError } from '../errors.ts';
import { createCrypto } from './crypto.ts';
import { openSealed, SEALED, type SealBinding, sealedSecretsSchema, sealFor } from './sealed.ts';

const crypto = createCrypto(systemRandomBytes);
const server = crypto.makeSigningKeys();
const host = crypto.makeSealingKeys();
const binding: SealBinding = { host: 'host_1', purpose: 'repository', ref: 'repo_1', version: 3 };
const values = { password: 'pass word\n"quoted" ünï', accessKey: '' };

function seal(bound: SealBinding = binding) {
  return sealFor(crypto, host.publicKey, server, bound, values);
}

function open(sealed: ReturnType<typeof seal>, expected: SealBinding = binding) {
  return openSealed(crypto, host, server.publicKey, expected, sealed);
}

function isIntegrity(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === 'integrity';
}

it('sealed secrets open at the host they were made for, with their version', () => {
  assert.deepEqual(open(seal()), { values, version: 3 });
});

it('what is sealed passes the schema of the wire and shows no secret', () => {
  const sealed = seal();
  assert.deepEqual(sealedSecretsSchema.parse(sealed), sealed);
  assert.equal(Buffer.from(sealed.box, 'base64url').includes('pass word'), false);
});

it('a newer version than expected opens, an older one is refused', () => {
  assert.equal(open(seal({ ...binding, version: 4 })).version, 4);
  assert.throws(() => open(seal({ ...binding, version: 2 })), isIntegrity);
});

describe('sealed secrets are refused', () => {
  const moved: Partial<SealBinding>[] = [{ host: 'host_2' }, { purpose: 'source' }, { purpose: 'request' }, { ref: 'repo_2' }];
  for (const change of moved) {
    it(`when they were bound to ${JSON.stringify(change)} instead`, () => {
      assert.throws(() => open(seal({ ...binding, ...change })), isIntegrity);
    });
  }

  it('when another server signed them', () => {
    const foreign = sealFor(crypto, host.publicKey, crypto.makeSigningKeys(), binding, values);
    assert.throws(() => open(foreign), isIntegrity);
  });

  it('when anybody else sealed a box and put a genuine signature beside it', () => {
    const own = sealFor(crypto, host.publicKey, crypto.makeSigningKeys(), binding, { password: 'attacker' });
    assert.throws(() => open({ box: own.box, signature: seal().signature }), isIntegrity);
  });

  it('when the server signed the box for another use of its key', () => {
    const sealed = seal();
    const signature = crypto.sign(server.secretKey, 'spec', crypto.fromBase64Url(sealed.box));
    assert.throws(() => open({ box: sealed.box, signature }), isIntegrity);
  });

  it('when the box is written in another way than the canonical one', () => {
    const sealed = seal();
    for (const box of ['', '*', `${sealed.box}=`, `${sealed.box}A`, ` ${sealed.box}`]) {
      assert.throws(() => open({ ...sealed, box }), isIntegrity);
    }
  });

  it('at another host', () => {
    assert.throws(() => openSealed(crypto, crypto.makeSealingKeys(), server.publicKey, binding, seal()), isIntegrity);
  });

  it('after any bit of the box is flipped', () => {
    const sealed = seal();
    const box = crypto.fromBase64Url(sealed.box);
    fc.assert(
      fc.property(fc.nat(box.length * 8 - 1), (bit) => {
        const changed = Uint8Array.from(box);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.throws(() => open({ ...sealed, box: crypto.toBase64Url(changed) }), isIntegrity);
      }),
    );
  });

  it('when a signed box holds something else than secrets, without quoting it', () => {
    const box = crypto.seal(host.publicKey, new TextEncoder().encode('{"values":"canary-secret"}'));
    const forged = { box: crypto.toBase64Url(box), signature: crypto.sign(server.secretKey, 'secrets', box) };
    assert.throws(
      () => open(forged),
      (thrown) => isIntegrity(thrown) && !String((thrown as Error).stack).includes('canary'),
    );
  });
});

describe('the limits of sealed secrets', () => {
  const sealValues = (some: Record<string, string>) => sealFor(crypto, host.publicKey, server, binding, some);

  it('hold the largest allowed set within the characters of the wire', () => {
    const overhead = JSON.stringify({ ...binding, values: { a: '', b: '', c: '' } }).length;
    const size = Math.floor((SEALED.plaintextBytes - overhead) / 3);
    const largest = { a: 'x'.repeat(size), b: 'x'.repeat(size), c: 'x'.repeat(SEALED.plaintextBytes - overhead - 2 * size) };
    const sealed = sealValues(largest);
    assert.deepEqual(sealedSecretsSchema.parse(sealed), sealed);
    assert.deepEqual(open(sealed).values, largest);
    assert.throws(() => sealValues({ ...largest, a: `${largest.a}x` }), { code: 'limit' });
  });

  it('refuse too many values, too long values and names that are no field names, without quoting a value', () => {
    const many = Object.fromEntries(Array.from({ length: SEALED.values + 1 }, (_, index) => [`n${index}`, 'v']));
    assert.throws(() => sealValues(many), { code: 'limit' });
    for (const bad of [{ a: 'canary'.repeat(SEALED.valueChars) }, { __proto__x: 'canary' }, { 'a b': 'canary' }]) {
      assert.throws(
        () => sealValues(bad),
        (thrown) => thrown instanceof AppError && thrown.code === 'invalid' && !thrown.message.includes('canary'),
      );
    }
  });
});
