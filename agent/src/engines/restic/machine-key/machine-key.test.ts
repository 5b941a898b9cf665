import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { unseal } from './fixtures/unseal.ts';
import { createMachineKey, masterKeySchema } from './machine-key.ts';
import { type Derivation, deriveSealKey, nameOf, seal } from './seal.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((raw) => Buffer.from(raw));
const masters = fc.tuple(bytes(16), bytes(16), bytes(32)).map(([k, r, encrypt]) => ({
  mac: { k: k.toString('base64'), r: r.toString('base64') },
  encrypt: encrypt.toString('base64'),
}));

test('a machine key holds the master key, under the name of its content, and is the same each time', () => {
  fc.assert(
    fc.property(masters, (master) => {
      const { id, password, content } = createMachineKey(masterKeySchema.parse(master));
      assert.equal(id, nameOf(content));
      const file = JSON.parse(content) as Derivation & { data: string };
      const opened = unseal(deriveSealKey(file, password), Buffer.from(file.data, 'base64'));
      assert.deepEqual(JSON.parse(opened.toString()), master);
      assert.deepEqual(createMachineKey(master), { id, password, content });
    }),
    { numRuns: 20 },
  );
});

test('another master key gives another password, salt and nonce', () => {
  const parts = (encrypt: string) => {
    const { id, password, content } = createMachineKey({ mac: { k: 'a2s=', r: 'cnI=' }, encrypt });
    const { salt, data } = JSON.parse(content) as { salt: string; data: string };
    return [id, password, salt, data.slice(0, 20)];
  };
  const [one, other] = [parts('b25l'), parts('dHdv')];
  for (const [index, part] of one.entries()) assert.notEqual(part, other[index]);
});

test('the password has 256 bits', () => {
  const { password } = createMachineKey({ mac: { k: 'a2s=', r: 'cnI=' }, encrypt: 'b25l' });
  assert.equal(Buffer.from(password, 'base64url').length, 32);
});

test('what was sealed opens again, and with one bit changed it does not', () => {
  fc.assert(
    fc.property(bytes(64), bytes(16), fc.uint8Array({ maxLength: 100 }), fc.nat(), (raw, nonce, plain, at) => {
      const key = { encryption: raw.subarray(0, 32), mask: raw.subarray(32, 48), r: raw.subarray(48) };
      const sealed = seal(key, nonce, Buffer.from(plain));
      assert.deepEqual(unseal(key, sealed), Buffer.from(plain));
      const bent = Buffer.from(sealed);
      const place = at % bent.length;
      bent[place] = (bent[place] ?? 0) ^ (1 << (at % 8));
      assert.throws(() => unseal(key, bent));
    }),
  );
});

test('a key by another function than scrypt is refused', () => {
  assert.throws(() => deriveSealKey({ kdf: 'argon', N: 2, r: 1, p: 1, salt: '' }, 'x'), /argon/);
});

test('what is no master key is not taken for one', () => {
  assert.equal(masterKeySchema.safeParse({ mac: { k: 'a2s=' }, encrypt: 'b25l' }).success, false);
  assert.equal(masterKeySchema.safeParse({ mac: { k: 'not base 64!', r: '' }, encrypt: 'b25l' }).success, false);
});
