import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
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
    const look = createDirectoriesLook(systemClock, [{ path: root }, { path: join(root, 'not-there') }]);
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
    const { found } = await createDirectoriesLook(clock, [{ path: root }])({ atLeastBytes: MIB, notAfter: 1 });
    assert.ok(found.length <= 1);
    assert.ok(found.every(({ isWhole }) => !isWhole));
  });

  it('leaves out what is made again, marked as a cache, or a backup itself', async () => {
    const place = mkdtempSync(join(tmpdir(), 'holdfast-look-made-'));
    const put = (path: string, bytes: number) => {
      mkdirSync(join(place, path), { recursive: true });
      writeFileSync(join(place, path, 'file'), Buffer.alloc(bytes, 1));
    };
    for (const path of ['ada/.cache', 'ada/app/node_modules/x', 'lost+found', 'cache/marked', 'backups/repo/data'])
      put(path, 3 * MIB);
    writeFileSync(join(place, 'cache/CACHEDIR.TAG'), '');
    for (const name of ['index', 'keys', 'snapshots']) mkdirSync(join(place, 'backups/repo', name));
    writeFileSync(join(place, 'backups/repo/config'), '');
    put('half/data', 2 * MIB);
    mkdirSync(join(place, 'half/keys'));
    put('ada/letters', 2 * MIB);
    const { found } = await createDirectoriesLook(systemClock, [{ path: place }])({ atLeastBytes: MIB, notAfter: inTime() });
    assert.deepEqual(found.map(({ path }) => path).toSorted(), [join(place, 'ada'), join(place, 'half')]);
    assert.ok(found.every(({ sizeBytes }) => sizeBytes < 3 * MIB));
    rmSync(place, { recursive: true });
  });

  it('takes what lies where software is installed, and is as it came, for software', async () => {
    const place = mkdtempSync(join(tmpdir(), 'holdfast-look-still-'));
    const DAY_MS = 24 * 3_600_000;
    for (const name of ['tool', 'app']) {
      mkdirSync(join(place, name, 'lib'), { recursive: true });
      writeFileSync(join(place, name, 'lib', 'file'), Buffer.alloc(2 * MIB, 1));
      for (const path of ['lib/file', 'lib', '.'])
        utimesSync(join(place, name, path), new Date(), new Date(Date.now() - 40 * DAY_MS));
    }
    utimesSync(join(place, 'app/lib/file'), new Date(), new Date(Date.now() - 2 * DAY_MS));
    const look = async (isSoftware: boolean) => {
      const body = { atLeastBytes: MIB, notAfter: inTime() };
      return (await createDirectoriesLook(systemClock, [{ path: place, isSoftware }])(body)).found
        .map(({ path }) => path)
        .toSorted();
    };
    assert.deepEqual(await look(true), [join(place, 'app')]);
    assert.deepEqual(await look(false), [join(place, 'app'), join(place, 'tool')]);
    rmSync(place, { recursive: true });
  });

  it('is refused when nobody waits for it any more', async () => {
    const look = createDirectoriesLook(systemClock, [{ path: root }]);
    await assert.rejects(look({ atLeastBytes: 1, notAfter: systemClock.now() - 1 }), { name: 'AppError' });
  });
});
