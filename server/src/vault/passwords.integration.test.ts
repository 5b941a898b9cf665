import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { hash } from '@node-rs/argon2';
import { createPasswords, makeNobodysHash, PASSWORD_COST } from './passwords.ts';

const passwords = createPasswords(systemRandomBytes);
const password = 'a long enough phrase';
const stored = await passwords.hashPassword(password);

it('a password is kept as Argon2id with 64 MiB, three passes and one lane', () => {
  assert.match(stored, /^\$argon2id\$v=19\$m=65536,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(passwords.needsRehash(stored), false);
});

it('the right password is accepted and a wrong one is not', async () => {
  assert.equal(await passwords.verifyPassword(stored, password), true);
  assert.equal(await passwords.verifyPassword(stored, `${password} `), false);
  assert.equal(await passwords.verifyPassword(stored, ''), false);
});

it('the same letters in other code points are the same password', async () => {
  const composed = await passwords.hashPassword('caf\u00e9 au lait, bitte');
  assert.equal(await passwords.verifyPassword(composed, 'cafe\u0301 au lait, bitte'), true);
});

it('equal passwords have different hashes', async () => {
  assert.notEqual(await passwords.hashPassword(password), stored);
});

it('an unknown user is refused after the same work as a known one', async () => {
  assert.equal(passwords.needsRehash(makeNobodysHash(PASSWORD_COST)), false);
  const measure = async (hashed: string | undefined): Promise<number> => {
    const start = performance.now();
    assert.equal(await passwords.verifyPassword(hashed, 'a wrong password'), false);
    return performance.now() - start;
  };
  const known: number[] = [];
  const unknown: number[] = [];
  let ratio = Number.NaN;
  const isAlike = () => ratio > 0.5 && ratio < 2;
  // The fastest of each is free of what else the machine does; on a busy one it takes some rounds to come.
  for (let round = 0; round < 5 || (round < 30 && !isAlike()); round += 1) {
    known.push(await measure(stored));
    unknown.push(await measure(undefined));
    ratio = Math.min(...unknown) / Math.min(...known);
  }
  assert.ok(isAlike(), `the fastest unknown user took ${ratio} of the time of the fastest known one`);
});

it('a password above the limit of bytes is refused without hashing it', async () => {
  const closed = createPasswords(systemRandomBytes, { concurrent: 0, waiting: 0 });
  assert.equal(await closed.verifyPassword(stored, 'x'.repeat(1025)), false);
  await assert.rejects(closed.verifyPassword(stored, 'x'.repeat(1024)), { code: 'limit' });
});

it('a flood is turned away with a limit error while the first ones are answered', async () => {
  const small = createPasswords(systemRandomBytes, { concurrent: 1, waiting: 1 });
  const answers = await Promise.allSettled([1, 2, 3, 4].map(() => small.verifyPassword(stored, password)));
  assert.deepEqual(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.code)),
    [true, true, 'limit', 'limit'],
  );
});

it('a hash at another cost, of another variant, or no hash at all needs to be made again', async () => {
  const cheaper = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  assert.equal(passwords.needsRehash(cheaper), true);
  assert.equal(await passwords.verifyPassword(cheaper, password), true);
  assert.equal(passwords.needsRehash(stored.replace('argon2id', 'argon2i')), true);
  assert.equal(passwords.needsRehash('not a hash'), true);
});
