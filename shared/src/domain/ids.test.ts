import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemRandomBytes } from '../clock.ts';
import { createId, DEFAULT_TENANT, deriveId, encodeBase32, type IdKind, idSchema } from './ids.ts';

const KINDS: Readonly<Record<IdKind, string>> = {
  tenant: 'ten',
  user: 'user',
  session: 'sess',
  apiKey: 'key',
  host: 'host',
  announcement: 'ann',
  enrolmentToken: 'enr',
  source: 'src',
  repository: 'repo',
  plan: 'plan',
  policy: 'pol',
  schedule: 'sched',
  run: 'run',
  snapshot: 'snap',
  audit: 'aud',
  alert: 'alert',
  channel: 'chan',
  delivery: 'msg',
  finding: 'find',
  request: 'req',
  frame: 'f',
};
const kinds = Object.keys(KINDS) as IdKind[];
const at = (now: number) => ({ clock: { now: () => now }, randomBytes: systemRandomBytes });
const instants = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe('A fresh id', () => {
  it('has the prefix of its kind and only letters that are safe everywhere', () => {
    for (const kind of kinds) {
      const id = createId(kind, at(1_792_490_400_000));
      assert.match(id, new RegExp(`^${KINDS[kind]}_[0-9a-z]{26}$`));
      assert.equal(idSchema(kind).parse(id), id);
    }
  });

  it('sorts by age as text, over the whole range of times', () => {
    fc.assert(
      fc.property(instants, instants, (a, b) => {
        const [older, newer] = [Math.min(a, b), Math.max(a, b)];
        return older === newer || createId('run', at(older)) < createId('run', at(newer));
      }),
    );
  });

  it('is not the same twice, even in one millisecond', () => {
    const made = new Set(Array.from({ length: 10_000 }, () => createId('run', at(5))));
    assert.equal(made.size, 10_000);
  });

  it('takes 80 bits of chance from the given source', () => {
    const asked: number[] = [];
    const randomBytes = (size: number) => {
      asked.push(size);
      return new Uint8Array(size).fill(255);
    };
    assert.equal(createId('run', { clock: { now: () => 0 }, randomBytes }), `run_${'0'.repeat(10)}${'z'.repeat(16)}`);
    assert.deepEqual(asked, [10]);
  });
});

describe('A derived id', () => {
  const digest = (fill: number) => new Uint8Array(16).fill(fill);

  it('is the same for the same digest and time, and another for another', () => {
    assert.equal(deriveId('run', 7, digest(1)), deriveId('run', 7, digest(1)));
    assert.notEqual(deriveId('run', 7, digest(1)), deriveId('run', 7, digest(2)));
    assert.notEqual(deriveId('run', 7, digest(1)), deriveId('run', 8, digest(1)));
  });

  it('sorts among fresh ones by its time', () => {
    assert.ok(createId('run', at(1000)) < deriveId('run', 1001, digest(0)));
    assert.ok(deriveId('run', 1001, digest(255)) < createId('run', at(1002)));
  });

  it('needs enough of a digest', () => {
    assert.throws(() => deriveId('run', 7, new Uint8Array(9)), RangeError);
    assert.equal(idSchema('run').safeParse(deriveId('run', 7, new Uint8Array(10))).success, true);
  });
});

describe('The schema of an id', () => {
  it('refuses every other kind', () => {
    for (const made of kinds) {
      const id = createId(made, at(1));
      const accepting = kinds.filter((kind) => idSchema(kind).safeParse(id).success);
      assert.deepEqual(accepting, [made]);
    }
  });

  it('refuses what could leave a path, a tag or a line', () => {
    for (const bad of [
      '',
      'run',
      'run_',
      'run_a/b',
      'run_..',
      'run_a b',
      'run_a\n',
      'run_ä',
      `run_${'a'.repeat(61)}`,
      'RUN_a',
      7,
      null,
    ])
      assert.equal(idSchema('run').safeParse(bad).success, false, String(bad));
  });

  it('knows the default tenant', () => assert.equal(idSchema('tenant').parse(DEFAULT_TENANT), DEFAULT_TENANT));
});

describe('Base 32', () => {
  it('writes five bits a letter, zero-padded at the end', () => {
    assert.equal(encodeBase32(new Uint8Array([])), '');
    assert.equal(encodeBase32(new Uint8Array([0])), '00');
    assert.equal(encodeBase32(new Uint8Array([255])), 'zw');
    assert.equal(encodeBase32(new Uint8Array([0b00001_000, 0b10_00011_0, 0b0100_0010, 0b1_00110_00, 0b111_01000])), '12345678');
  });

  it('gives different text for different bytes of one length, in the same order', () => {
    const bytes = fc.uint8Array({ minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const order = Math.sign(Buffer.compare(a, b));
        const [x, y] = [encodeBase32(a), encodeBase32(b)];
        return order === (x === y ? 0 : x < y ? -1 : 1);
      }),
    );
  });
});
