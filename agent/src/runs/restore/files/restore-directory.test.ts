import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { placeStaged } from './restore-directory.ts';
import { type NotedEntry, nameStaging, removeNoted } from './restore-staging.ts';

const NAMES = ['etc', 'srv', 'var'];

/** A target whose private directory holds three restored trees. */
function makeTarget(t: TestContext): { target: string; staging: string } {
  const target = mkdtempSync(join(tmpdir(), 'holdfast-place-'));
  t.after(() => rmSync(target, { recursive: true }));
  const staging = join(target, nameStaging('run_1'));
  for (const name of NAMES) {
    mkdirSync(join(staging, name), { recursive: true });
    writeFileSync(join(staging, name, 'file'), `restored ${name}`);
  }
  return { target, staging };
}

describe('What was restored', () => {
  it('takes its place entry by entry, and each is told', async (t) => {
    const { target, staging } = makeTarget(t);
    const placed: NotedEntry[] = [];
    await placeStaged(staging, target, (entry) => placed.push(entry));
    assert.deepEqual(readdirSync(target).sort(), NAMES);
    assert.deepEqual(
      placed.map(({ path }) => path.toString()).sort(),
      NAMES.map((name) => join(target, name)),
    );
  });

  it('is not moved at all where a name is taken before the first move', async (t) => {
    const { target, staging } = makeTarget(t);
    writeFileSync(join(target, 'var'), 'precious');
    const placed: NotedEntry[] = [];
    await assert.rejects(
      placeStaged(staging, target, (entry) => placed.push(entry)),
      /var exists/,
    );
    assert.deepEqual(placed, []);
    assert.deepEqual(readdirSync(staging).sort(), NAMES);
    assert.equal(readFileSync(join(target, 'var'), 'utf8'), 'precious');
  });

  it('is taken back where a name is taken between two moves; what bears that name stays', async (t) => {
    const { target, staging } = makeTarget(t);
    const placed: NotedEntry[] = [];
    const take = () => {
      const [free = ''] = readdirSync(staging);
      writeFileSync(join(target, free), 'precious');
      return free;
    };
    let taken = '';
    await assert.rejects(
      placeStaged(staging, target, (entry) => {
        placed.push(entry);
        taken = take();
      }),
      { details: { reason: 'target_not_empty' } },
    );
    assert.equal(placed.length, 1);
    assert.deepEqual(await removeNoted(placed), []);
    assert.deepEqual(readdirSync(target).sort(), [nameStaging('run_1'), taken].sort());
    assert.equal(readFileSync(join(target, taken), 'utf8'), 'precious');
  });

  it('that somebody has replaced since is not taken for what was placed', async (t) => {
    const { target, staging } = makeTarget(t);
    const placed: NotedEntry[] = [];
    await placeStaged(staging, target, (entry) => placed.push(entry));
    rmSync(join(target, 'etc'), { recursive: true });
    mkdirSync(join(target, 'etc'));
    writeFileSync(join(target, 'etc/mine'), 'precious');
    renameSync(join(target, 'srv'), join(target, 'kept'));
    assert.deepEqual(await removeNoted(placed), []);
    assert.deepEqual(readdirSync(target).sort(), ['etc', 'kept']);
    assert.equal(readFileSync(join(target, 'etc/mine'), 'utf8'), 'precious');
    assert.equal(readFileSync(join(target, 'kept/file'), 'utf8'), 'restored srv');
  });
});
