import assert from 'node:assert/strict';
import { linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { showStoredText, toStoredText } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE } from '@holdfast/shared/limits.ts';
import type { TreeEntry } from '@holdfast/shared/protocol/browse.ts';
import type { KnownTrees } from './browse.ts';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';
import type { TreeNode } from './tree-parse.ts';

const HOSTILE = ['--delete', 'line\nbreak', '*?[x]', 'a\\b', '$HOME', ' blank ', '注文', '\u001b[31mred', 'tab\tand "quotes"'];
const LATIN = Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9])]);

function writeTree(root: string): void {
  const under = (name: Uint8Array) => Buffer.concat([Buffer.from(`${root}/`), name]);
  mkdirSync(join(root, 'deep/er'), { recursive: true });
  for (const name of HOSTILE) writeFileSync(join(root, name), `content of ${name}`);
  mkdirSync(under(LATIN));
  writeFileSync(Buffer.concat([under(LATIN), Buffer.from('/'), Buffer.from([0xff])]), 'in it');
  writeFileSync(join(root, 'deep/Report.TXT'), 'x'.repeat(40));
  linkSync(join(root, 'deep/Report.TXT'), join(root, 'deep/again'));
  symlinkSync('/etc/passwd', join(root, 'deep/outside'));
  writeFileSync(join(root, 'sparse'), '');
  truncateSync(join(root, 'sparse'), 3_000_000);
}

function createKnown(): KnownTrees & { starts: string[] } {
  const nodesAt = new Map<string, readonly TreeNode[]>();
  const starts: string[] = [];
  return {
    starts,
    findTreeId(path) {
      const [parent, name] = [path.slice(0, path.lastIndexOf('/')) || '/', path.slice(path.lastIndexOf('/') + 1)];
      return nodesAt.get(parent)?.find((node) => node.entry.name === name)?.treeId;
    },
    remember(path, nodes) {
      starts.push(path);
      nodesAt.set(path, nodes);
    },
  };
}

async function openStored(t: TestContext, generation: (typeof GENERATIONS)[number]) {
  const lab = createLaboratory(generation);
  t.after(() => lab.remove());
  makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
  const root = join(lab.dir, 'srv');
  writeTree(root);
  const store = async () => {
    const workDir = lab.workDir();
    const stored = await lab.engine.backupTree({
      access: lab.access({ workDir }),
      workDir,
      tags: [],
      host: 'lab',
      paths: [root],
      excludes: [],
      oneFileSystem: false,
      stallMs: 60_000,
    });
    assert.equal(stored.failure, undefined);
    const listed = await lab.engine.listSnapshots({ access: lab.access({ workDir }), workDir });
    return listed.snapshots?.at(-1)?.engineId ?? assert.fail('no snapshot');
  };
  const ask = (snapshotId: string) => {
    const workDir = lab.workDir();
    return { access: lab.access({ workDir }), workDir, snapshotId };
  };
  return { lab, root, store, ask };
}

const refusal = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

for (const generation of GENERATIONS) {
  test(`The inside of a snapshot, read by restic ${generation.version}`, async (t) => {
    const { lab, root, store, ask } = await openStored(t, generation);
    const first = await store();
    const list = async (path: string, known = createKnown()) =>
      (await lab.engine.readDirectory({ ...ask(first), path, known })).map(({ entry }) => entry);
    const byName = (entries: readonly TreeEntry[]) => new Map(entries.map((entry) => [entry.name, entry]));

    await t.test('is told directory by directory, hostile names and those that are no UTF-8 included', async () => {
      const entries = byName(await list(root));
      const names = [...HOSTILE, 'deep', 'sparse', toStoredText(LATIN)];
      assert.deepEqual([...entries.keys()].sort(), names.sort());
      assert.equal(entries.get('line\nbreak')?.sizeBytes, 'content of line\nbreak'.length);
      assert.equal(entries.get('deep')?.type, 'dir');
      assert.equal(entries.get('deep')?.mode, 0o755);
      assert.match(entries.get('sparse')?.owner ?? '', /^[^:]+:[^:]+$/);
    });

    await t.test('shows links of both kinds and holes', async () => {
      const deep = byName(await list(`${root}/deep`));
      assert.equal(deep.get('again')?.links, 2);
      assert.deepEqual([deep.get('outside')?.type, deep.get('outside')?.linkTarget], ['symlink', '/etc/passwd']);
      const sparse = byName(await list(root)).get('sparse');
      assert.ok((sparse?.holeBytes ?? 0) >= 2_000_000, `${sparse?.holeBytes}`);
    });

    await t.test('is entered where a name is no UTF-8', async () => {
      const known = createKnown();
      const latin = `${root}/${toStoredText(LATIN)}`;
      assert.deepEqual(
        (await list(latin, known)).map(({ name }) => showStoredText(name)),
        ['\\xff'],
      );
      const starts = known.starts.length;
      await list(latin, known);
      assert.equal(known.starts.length, starts + 1, 'what was read on the way is known');
    });

    await t.test('begins at the root, and says so where there is nothing', async () => {
      assert.deepEqual(
        (await list('/')).map(({ name }) => name),
        [root.split('/')[1]],
      );
      assert.deepEqual(await list(`${root}/deep/er`), []);
      await assert.rejects(list('/nowhere'), refusal('not_found'));
      await assert.rejects(list(`${root}/sparse`), refusal('not_found'));
      const missing = { ...ask('a'.repeat(64)), path: '/', known: createKnown() };
      await assert.rejects(lab.engine.readDirectory(missing), refusal('not_found'));
    });

    await t.test('is searched by a part of the name, whatever its case, and never by a pattern somebody hid in it', async () => {
      const find = async (name: string) => {
        const found = await lab.engine.findByName({ ...ask(first), name });
        assert.equal(found.truncated, false);
        return found.entries.map(({ path }) => path.slice(root.length + 1)).sort();
      };
      assert.deepEqual(await find('report'), ['deep/Report.TXT']);
      assert.deepEqual(await find('*.txt'), ['deep/Report.TXT']);
      assert.deepEqual(await find('[x]'), ['*?[x]']);
      assert.deepEqual(await find('--del'), ['--delete']);
      assert.deepEqual(await find('a\\b'), ['a\\b']);
      assert.deepEqual(await find('nothing of the kind'), []);
      const [latin] = (await lab.engine.findByName({ ...ask(first), name: 'caf' })).entries;
      assert.deepEqual([latin?.exact, latin?.type], [false, 'dir']);
      await assert.rejects(lab.engine.findByName({ ...ask('a'.repeat(64)), name: 'x' }), refusal('not_found'));
    });

    await t.test('is counted below what was chosen, and only there', async () => {
      const count = async (paths: string[]) => {
        const seen: string[] = [];
        await lab.engine.listBelow({ ...ask(first), paths, onNode: ({ path }) => seen.push(path) > 0 });
        return seen.map((path) => path.slice(root.length + 1)).sort();
      };
      assert.deepEqual(await count([`${root}/deep`, `${root}/--delete`]), [
        '--delete',
        ...['deep', 'deep/Report.TXT', 'deep/again', 'deep/er', 'deep/outside'],
      ]);
      assert.equal((await count([`${root}/${toStoredText(LATIN)}`])).length, 2);
      await assert.rejects(count([`${root}/deep`, `${root}/gone`]), refusal('not_found'));
      let calls = 0;
      await lab.engine.listBelow({ ...ask(first), paths: ['/'], onNode: () => ++calls < 3 });
      assert.equal(calls, 3);
    });

    await t.test('is compared with another one: added, removed and changed, with sizes', async () => {
      writeFileSync(join(root, 'deep/Report.TXT'), 'shorter');
      rmSync(join(root, '--delete'));
      mkdirSync(join(root, 'new'));
      writeFileSync(join(root, 'new/file'), 'four');
      rmSync(join(root, 'a\\b'));
      symlinkSync('x', join(root, 'a\\b'));
      const second = await store();
      const { changes, truncated, totals } = await lab.engine.diffSnapshots({ ...ask(second), olderId: first });
      const told = changes.map(({ path, change, beforeBytes, afterBytes, isDirectory }) =>
        [path.slice(root.length + 1), change, beforeBytes, afterBytes, isDirectory ? 'dir' : ''].join(' ').trimEnd(),
      );
      assert.deepEqual(told.sort(), [
        '--delete removed 19',
        'a\\b type 14',
        'deep/Report.TXT changed 40 7',
        'deep/again changed 40 7',
        'new added   dir',
        'new/file added  4',
      ]);
      assert.deepEqual([truncated, totals], [false, { added: 1, removed: 1, changed: 2 }]);
      const none = await lab.engine.diffSnapshots({ ...ask(second), olderId: second });
      assert.deepEqual(none.changes, []);
    });
  });
}

test('A search that finds too much ends early and says so', async (t) => {
  const [old] = GENERATIONS;
  const { lab, root, store, ask } = await openStored(t, old ?? assert.fail());
  for (let n = 0; n < BROWSE.found + 20; n += 1) writeFileSync(join(root, `many-${n}`), '');
  const found = await lab.engine.findByName({ ...ask(await store()), name: 'many' });
  assert.deepEqual([found.entries.length, found.truncated], [BROWSE.found, true]);
});
