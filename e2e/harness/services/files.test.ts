import assert from 'node:assert/strict';
import { chmod, lstat, mkdtemp, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { hashTree, makeFileTree } from './files.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-files-'));
  await makeFileTree(join(folder, 'one'), { seed: 'a', files: 10, megabytes: 1 });
});
after(() => rm(folder, { recursive: true }));

test('the same seed makes the same tree, times included, and another seed does not', async () => {
  await makeFileTree(join(folder, 'two'), { seed: 'a', files: 10, megabytes: 1 });
  await makeFileTree(join(folder, 'three'), { seed: 'b', files: 10, megabytes: 1 });
  const one = await hashTree(join(folder, 'one'));
  assert.deepEqual(await hashTree(join(folder, 'two')), one);
  assert.notDeepEqual(await hashTree(join(folder, 'three')), one);
});

test('the tree holds setuid files, links, sparse files and names that are not UTF-8', async () => {
  const tree = await hashTree(join(folder, 'one'));
  assert.equal(tree['odd kinds/mode 4755']?.mode, '4755');
  assert.equal(tree['odd kinds/linked again']?.links, 'odd kinds/linked');
  assert.equal(tree['odd kinds/dangling']?.target, '/nowhere/at all%0a');
  assert.equal(tree['odd names/not utf-8 %ff%fe%e9']?.size, '5');
  assert.equal(tree['odd names/line%0abreak']?.kind, 'file');
  const sparse = await stat(join(folder, 'one/odd kinds/sparse'));
  assert.ok(sparse.blocks * 512 < sparse.size / 8, 'the sparse file has holes');
});

test('the digest notices a changed byte, mode, time, and a link that became a copy', async () => {
  const root = join(folder, 'changing');
  await makeFileTree(root, { seed: 'a', files: 3, megabytes: 1 });
  const file = join(root, 'folder 0/deep 0/file-0.bin');
  const changes: (() => Promise<unknown>)[] = [
    () => chmod(file, 0o604),
    async () => {
      const { mode } = await lstat(file);
      await writeFile(file, 'other');
      await chmod(file, mode & 0o7777);
    },
    async () => {
      const linked = join(root, 'odd kinds/linked again');
      await unlink(linked);
      await writeFile(linked, 'shared content');
    },
  ];
  let previous = await hashTree(root);
  for (const change of changes) {
    await change();
    const now = await hashTree(root);
    assert.notDeepEqual(now, previous);
    previous = now;
  }
});
