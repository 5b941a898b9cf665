import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '@holdfast/shared/clock.ts';
import { COVERAGE } from '@holdfast/shared/limits.ts';
import { COVERAGE_REQUESTS } from '@holdfast/shared/protocol/coverage.ts';
import { createDirectoriesLook } from './directories-look.ts';

const MIB = 1024 ** 2;
let root: string;
const inTime = () => systemClock.now() + 60_000;

before(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-look-'));
  const put = (path: string, bytes: number) => {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, 'file'), Buffer.alloc(bytes, 1));
  };
  put('shop/images/2026', 3 * MIB);
  put('shop/orders', 2 * MIB);
  put('small', 1000);
  put('two\nlines <b>', 4 * MIB);
  writeFileSync(join(root, 'a-file'), Buffer.alloc(6 * MIB, 1));
  symlinkSync(join(root, 'shop'), join(root, 'a-link'));
  mkdirSync(join(root, 'links'));
  symlinkSync(join(root, 'shop'), join(root, 'links/to-shop'));
  mkdirSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x6c, 0xe4])]));
  writeFileSync(
    Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x6c, 0xe4]), Buffer.from('/file')]),
    Buffer.alloc(4 * MIB, 1),
  );
});
after(() => rmSync(root, { recursive: true }));

describe('The look for big directories', () => {
  it('names those that are big enough, the biggest first, whatever they are called, and follows no link', async () => {
    const look = createDirectoriesLook(systemClock, [root, join(root, 'not-there')]);
    const answer = await look({ atLeastBytes: MIB, notAfter: inTime() });
    assert.deepEqual(
      answer.found.map(({ path, isWhole }) => [path, isWhole]),
      [
        [join(root, 'shop'), true],
        [join(root, 'two\nlines <b>'), true],
      ],
    );
    assert.ok((answer.found[0]?.sizeBytes ?? 0) >= 5 * MIB);
    assert.deepEqual(COVERAGE_REQUESTS['directories.look'].result.parse(answer), answer);
  });

  it('ends when its time is over, and says what it could not count', async () => {
    let at = 0;
    const clock = { now: () => 0, monotonicMs: () => (at += COVERAGE.lookMs / 2) };
    const { found } = await createDirectoriesLook(clock, [root])({ atLeastBytes: MIB, notAfter: 1 });
    assert.ok(found.length <= 1);
    assert.ok(found.every(({ isWhole }) => !isWhole));
  });

  it('is refused when nobody waits for it any more', async () => {
    const look = createDirectoriesLook(systemClock, [root]);
    await assert.rejects(look({ atLeastBytes: 1, notAfter: systemClock.now() - 1 }), { name: 'AppError' });
  });
});
