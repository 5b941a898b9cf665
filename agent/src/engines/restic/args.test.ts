import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import {
  planBackupStdin,
  planBackupTree,
  planCatConfig,
  planCatLock,
  planDump,
  planInit,
  planList,
  planListIndexes,
  planListLocks,
  planRestore,
  planSnapshots,
  planStats,
  planUnlock,
  type ResticPlace,
} from './args.ts';

const place: ResticPlace = {
  access: {
    env: { RESTIC_REPOSITORY_FILE: '/run/w/repository', RESTIC_PASSWORD_FILE: '/run/w/password' },
    files: [
      { path: '/run/w/repository', content: '/srv/repo' },
      { path: '/run/w/password', content: 'top secret' },
    ],
    args: ['--cacert', '/run/w/ca'],
    redact: ['top secret'],
  },
  cacheDir: '/var/lib/agent/cache',
};
const marks = { tags: ['run:run_1', 'role:data'], host: 'host_1' };
const id = 'a'.repeat(64);

describe('planned restic commands', () => {
  it('store a stream under a plain name, marked, in the given cache', () => {
    const command = planBackupStdin(place, { ...marks, fileName: 'dump.pgc' });
    assert.deepEqual(command.args, [
      '--cacert',
      '/run/w/ca',
      '--json',
      '--quiet',
      'backup',
      '--stdin',
      '--stdin-filename=dump.pgc',
      '--force',
      '--host=host_1',
      '--tag=run:run_1',
      '--tag=role:data',
    ]);
    assert.equal(command.env['RESTIC_CACHE_DIR'], '/var/lib/agent/cache');
    assert.equal(command.env['RESTIC_PASSWORD_FILE'], '/run/w/password');
  });

  it('keep to the line that the run may take, each way for itself', () => {
    const limited = planCatConfig({ ...place, line: { uploadKiBps: 512, downloadKiBps: 64 } });
    assert.deepEqual(limited.args.slice(-4), ['--limit-upload=512', '--limit-download=64', 'cat', 'config']);
    assert.ok(planInit({ ...place, line: { uploadKiBps: 1 } }).args.includes('--limit-upload=1'));
    assert.ok(!planInit({ ...place, line: {} }).args.some((arg) => arg.startsWith('--limit')));
  });

  it('date a snapshot in UTC', () => {
    const command = planBackupStdin(place, { ...marks, fileName: 'd', timeMs: Date.UTC(2026, 10, 1, 22, 8, 41) });
    assert.ok(command.args.includes('--time=2026-11-01 22:08:41'));
  });

  it('carry paths with newlines and dashes in a NUL-separated file, never in argv', () => {
    const paths = ['/srv/--help', '/srv/new\nline', '/srv/ü "q" $(x)'];
    const command = planBackupTree(place, {
      ...marks,
      workDir: '/run/w',
      paths,
      excludes: ['*.tmp', '--delete'],
      oneFileSystem: true,
    });
    assert.equal(
      command.files.find((file) => file.path === '/run/w/restic-paths')?.content,
      '/srv/--help\0/srv/new\nline\0/srv/ü "q" $(x)\0',
    );
    assert.equal(command.files.find((file) => file.path === '/run/w/restic-excludes')?.content, '*.tmp\n--delete\n');
    assert.ok(command.args.includes('--one-file-system'));
    assert.ok(!command.args.some((arg) => arg.includes('--help') || arg.includes('--delete')));
  });

  it('escape what a pattern would read in a path to restore', () => {
    const command = planRestore(place, { snapshotId: id, target: '/restore/x', includes: ['/srv/a*[b]?\\c'], verify: true });
    assert.ok(command.args.includes('--include=/srv/a\\*\\[b\\]\\?\\\\c'));
    assert.deepEqual(command.args.slice(-2), ['--', id]);
  });

  it('read without a lock and write with one', () => {
    const readers = [
      planSnapshots(place, { tags: ['run:x'] }),
      planList(place, id),
      planDump(place, { snapshotId: id, fileName: 'd' }),
      planRestore(place, { snapshotId: id, target: '/t', verify: false }),
      planCatConfig(place),
      planStats(place, id),
      planListIndexes(place),
      planListLocks(place),
      planCatLock(place, id),
    ];
    for (const command of readers) assert.ok(command.args.includes('--no-lock'), command.args.join(' '));
    const writers = [planBackupStdin(place, { ...marks, fileName: 'd' }), planInit(place), planUnlock(place)];
    for (const command of writers) assert.ok(!command.args.includes('--no-lock'), command.args.join(' '));
    for (const command of [...readers, ...writers]) assert.ok(command.args.includes('--json'));
  });

  it('keep the password out of argv and environment', () => {
    const command = planInit(place);
    assert.ok(!JSON.stringify([command.args, command.env]).includes('top secret'));
  });

  const refused: readonly (readonly [string, () => unknown])[] = [
    ['a tag with a comma, which restic would split', () => planBackupStdin(place, { ...marks, tags: ['a,b'], fileName: 'd' })],
    ['a file name with a directory', () => planBackupStdin(place, { ...marks, fileName: 'a/b' })],
    ['a file name that looks like an option', () => planBackupStdin(place, { ...marks, fileName: '-x' })],
    ['a host name with a blank', () => planBackupStdin(place, { ...marks, host: 'a b', fileName: 'd' })],
    [
      'a relative path',
      () => planBackupTree(place, { ...marks, workDir: '/w', paths: ['x'], excludes: [], oneFileSystem: false }),
    ],
    [
      'a path with NUL',
      () => planBackupTree(place, { ...marks, workDir: '/w', paths: ['/x\0/y'], excludes: [], oneFileSystem: false }),
    ],
    ['no path at all', () => planBackupTree(place, { ...marks, workDir: '/w', paths: [], excludes: [], oneFileSystem: false })],
    [
      'a pattern of two lines',
      () => planBackupTree(place, { ...marks, workDir: '/w', paths: ['/x'], excludes: ['a\n!b'], oneFileSystem: false }),
    ],
    ['"latest" as a snapshot', () => planList(place, 'latest')],
    ['a relative target', () => planRestore(place, { snapshotId: id, target: 'x', verify: false })],
    ['a lock id that is a path', () => planCatLock(place, '../config')],
  ];
  for (const [what, attempt] of refused) {
    it(`refuse ${what}`, () => assert.throws(attempt, (error) => error instanceof AppError && error.code === 'invalid'));
  }

  it('have the same shape whatever a person typed', () => {
    const shape = planRestore(place, { snapshotId: id, target: '/t', includes: ['/a'], verify: false }).args.length;
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER, maxLength: 200 }), (text) => {
        fc.pre(!text.includes('\0'));
        const restore = planRestore(place, { snapshotId: id, target: `/${text}`, includes: [`/${text}`], verify: false });
        assert.equal(restore.args.length, shape);
        assert.ok(
          restore.args
            .filter((arg) => arg.includes(text) && text.length > 12)
            .every((arg) => /^--(?:target|include)=\//.test(arg)),
        );
        const tree = planBackupTree(place, { ...marks, workDir: '/w', paths: [`/${text}`], excludes: [], oneFileSystem: false });
        assert.equal(tree.args.length, 8);
      }),
    );
  });
});
