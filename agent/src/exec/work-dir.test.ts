import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openWorkDirs } from './work-dir.ts';

const TMPFS = '/dev/shm';
/** Kept across restarts, hence never a tmpfs; the temporary folder may be one. */
const DISK = '/var/tmp';
const isRoot = process.getuid?.() === 0;
/** A process that has ended: numbers end at 4,194,304. */
const GONE = { pid: 4_999_999, startTime: 1 };

interface Places {
  stateDir: string;
  /** A folder on tmpfs that stands for `/dev/shm`. */
  shared: string;
}

function makePlaces(t: TestContext): Places {
  const stateDir = mkdtempSync(join(DISK, 'work-dir-'));
  const shared = mkdtempSync(join(TMPFS, 'work-dir-'));
  t.after(() => {
    for (const path of [stateDir, shared]) rmSync(path, { recursive: true, force: true });
  });
  return { stateDir, shared };
}

/** Where the private directories of this state directory would be below `shared`. */
function findRoot({ stateDir, shared }: Places): string {
  const { root } = openWorkDirs(stateDir, [shared]);
  assert.ok(root.startsWith(`${shared}/holdfast-agent-`), root);
  rmSync(root, { recursive: true });
  return root;
}

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

describe('Private directories of runs', () => {
  it('lie elsewhere when a place has room for a file of any name but theirs', (t) => {
    const { stateDir, shared } = makePlaces(t);
    // A path has at most 4,095 bytes.
    let deep = shared;
    while (deep.length < 4070) deep = join(deep, 'x'.repeat(Math.min(200, Math.max(1, 4070 - deep.length - 1))));
    mkdirSync(deep, { recursive: true });
    const dirs = openWorkDirs(stateDir, [deep]);
    assert.deepEqual([dirs.onTmpfs, dirs.root], [false, join(stateDir, 'work')]);
    assert.deepEqual(readdirSync(deep), []);
  });

  it('lie on tmpfs, closed to everybody else, each a fresh one', (t) => {
    const { stateDir, shared } = makePlaces(t);
    const dirs = openWorkDirs(stateDir, [shared]);
    assert.equal(dirs.onTmpfs, true);
    assert.equal(modeOf(dirs.root), '700');
    const [one, other] = [dirs.create(), dirs.create()];
    assert.notEqual(one, other);
    for (const path of [one, other]) {
      assert.equal(modeOf(path), '700');
      assert.match(basename(path), /^run-[A-Za-z0-9]+$/);
    }
    writeFileSync(join(one, 'secret'), 'x');
    dirs.remove(one);
    dirs.remove(one);
    assert.deepEqual(readdirSync(dirs.root), [basename(other)]);
  });

  it('are apart for each state directory, and at the same place for the same one', (t) => {
    const { stateDir, shared } = makePlaces(t);
    const [one, again, other] = [stateDir, stateDir, join(stateDir, 'second')].map((path) => openWorkDirs(path, [shared]).root);
    assert.equal(one, again);
    assert.notEqual(one, other);
  });

  it('are in the first candidate that is a tmpfs one may write to', (t) => {
    const places = makePlaces(t);
    const onDisk = join(places.stateDir, 'candidate');
    mkdirSync(onDisk);
    const dirs = openWorkDirs(places.stateDir, [join(places.shared, 'missing'), onDisk, '/proc', places.shared]);
    assert.equal(dirs.root.startsWith(`${places.shared}/`), true);
    assert.deepEqual(readdirSync(onDisk), []);
  });

  it('are below the state directory where no candidate is a tmpfs, and closed there too', (t) => {
    const { stateDir } = makePlaces(t);
    const dirs = openWorkDirs(stateDir, [stateDir, '/proc', '/nonexistent']);
    assert.deepEqual([dirs.onTmpfs, dirs.root], [false, join(stateDir, 'work')]);
    assert.equal(modeOf(dirs.root), '700');
    assert.equal(dirs.create().startsWith(join(stateDir, 'work/run-')), true);
  });

  it('take over a root of an earlier life and close it where it stood open', (t) => {
    const places = makePlaces(t);
    const root = findRoot(places);
    mkdirSync(join(root, 'run-left'), { recursive: true });
    chmodSync(root, 0o777);
    const dirs = openWorkDirs(places.stateDir, [places.shared]);
    assert.equal(dirs.root, root);
    assert.equal(modeOf(root), '700');
  });

  for (const [what, place] of [
    ['a symbolic link to a folder of ours', (root: string, stateDir: string) => symlinkSync(stateDir, root)],
    ['a symbolic link that leads nowhere', (root: string) => symlinkSync('/nonexistent', root)],
    ['a file', (root: string) => writeFileSync(root, '')],
    ['a FIFO', (root: string) => execFileSync('mkfifo', [root])],
  ] as const) {
    it(`leave ${what} alone that somebody placed where they would be`, (t) => {
      const places = makePlaces(t);
      const root = findRoot(places);
      place(root, places.stateDir);
      const dirs = openWorkDirs(places.stateDir, [places.shared]);
      assert.deepEqual([dirs.onTmpfs, dirs.root], [false, join(places.stateDir, 'work')]);
      assert.deepEqual(readdirSync(places.shared), [basename(root)]);
      dirs.sweep();
      dirs.close();
      assert.deepEqual(readdirSync(places.shared), [basename(root)]);
    });
  }

  it('leave a folder of another user alone that lies where they would be', (t) => {
    const places = makePlaces(t);
    const root = findRoot(places);
    mkdirSync(join(root, 'bait'), { recursive: true, mode: 0o777 });
    if (isRoot) chownSync(root, 65534, 65534);
    const isStrange = statSync(root).uid !== process.geteuid?.();
    const dirs = openWorkDirs(places.stateDir, [places.shared]);
    dirs.sweep();
    // Only root can give a folder away; whoever is not takes over what is their own.
    assert.equal(dirs.onTmpfs, !isStrange);
    assert.deepEqual(readdirSync(root), isStrange ? ['bait'] : []);
  });

  it('are swept with all that is in them, once, and nothing beside them', (t) => {
    const { stateDir, shared } = makePlaces(t);
    writeFileSync(join(shared, 'of somebody else'), '');
    const outside = join(stateDir, 'outside');
    writeFileSync(outside, 'stays');
    const earlier = openWorkDirs(stateDir, [shared], GONE);
    const left = earlier.create();
    writeFileSync(join(left, 'password'), 'x', { mode: 0o400 });
    execFileSync('mkfifo', [join(left, 'gate')]);
    symlinkSync(outside, join(left, 'link'));
    mkdirSync(join(earlier.create(), 'deep/er'), { recursive: true });
    const dirs = openWorkDirs(stateDir, [shared]);
    assert.equal(dirs.sweep(), 2);
    assert.equal(dirs.sweep(), 0);
    assert.deepEqual(readdirSync(dirs.root), []);
    assert.equal(existsSync(outside), true);
    assert.equal(existsSync(join(shared, 'of somebody else')), true);
  });

  it('are left where the process that made them lives, and swept where another has its number now', (t) => {
    const { stateDir, shared } = makePlaces(t);
    const byHand = openWorkDirs(stateDir, [shared]).create();
    const reused = openWorkDirs(stateDir, [shared], { pid: process.pid, startTime: 1 }).create();
    const dirs = openWorkDirs(stateDir, [shared]);
    const other = join(dirs.root, 'of no process');
    mkdirSync(other);
    assert.equal(dirs.sweep(), 2);
    assert.deepEqual([byHand, reused, other].map(existsSync), [true, false, false]);
  });

  it('take their root away at the end only when nothing is in it, and bring it back when one is needed', (t) => {
    const { stateDir, shared } = makePlaces(t);
    const dirs = openWorkDirs(stateDir, [shared]);
    const one = dirs.create();
    dirs.close();
    assert.equal(existsSync(one), true);
    dirs.remove(one);
    dirs.close();
    dirs.close();
    assert.equal(existsSync(dirs.root), false);
    assert.equal(dirs.sweep(), 0);
    assert.equal(modeOf(dirs.create()), '700');
    assert.equal(modeOf(dirs.root), '700');
  });

  it('know their own paths by name, under every candidate, also when they are gone', (t) => {
    const { stateDir, shared } = makePlaces(t);
    const dirs = openWorkDirs(stateDir, ['/run', shared]);
    const name = basename(dirs.root);
    for (const path of [
      join(stateDir, 'tmp'),
      `${stateDir}/./work/run-x`,
      join(shared, name, 'scratch'),
      join('/run', name, 'run-gone'),
    ])
      assert.equal(dirs.owns(path), true, path);
    for (const path of [
      stateDir,
      `${stateDir}-other/tmp`,
      `${stateDir}/../tmp`,
      join(shared, `${name}-other`, 'x'),
      '/tmp',
      '',
      'tmp',
    ])
      assert.equal(dirs.owns(path), false, path);
  });
});
