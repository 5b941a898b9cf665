import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { systemClock } from '@holdfast/shared/clock.ts';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD } from '../fixtures/laboratory.ts';
import { makeQuickRepository, wrapCheaply } from '../fixtures/quick-repository.ts';
import { createKeyRing } from './key-ring.ts';

for (const generation of GENERATIONS) {
  describe(`the machine key with restic ${generation.version}`, () => {
    const lab = createLaboratory(generation);
    after(() => lab.remove());

    /** A repository of its own, and an agent's engine over it that knows no key yet. */
    function open(name: string) {
      const path = join(lab.dir, name);
      makeQuickRepository(path, LABORATORY_PASSWORD);
      const workDir = lab.workDir();
      const access: RepositoryAccess = { ...lab.access({ repository: path, workDir }), store: { kind: 'directory', path } };
      const said: string[] = [];
      const start = () => {
        const keys = createKeyRing(systemClock);
        const engine = lab.engineWith(keys);
        const keep = (add = true, through = access) =>
          engine.keepKey({ access: through, workDir, add, onLog: (_, text) => said.push(text) });
        return { keys, engine, keep };
      };
      return { path, workDir, access, said, start, ...start() };
    }
    const listKeys = (path: string) => readdirSync(join(path, 'keys')).sort();

    it('is added once, whoever comes, and opens the repository; the password opens it as before', async () => {
      const { path, workDir, access, said, keys, engine, keep, start } = open('added');
      await keep();
      assert.match(said.join(), /^added key [0-9a-f]{8} to the repository/);
      const both = listKeys(path);
      assert.equal(both.length, 2);
      const held = keys.find(access);
      assert.ok(held && both.includes(held.id) && both.includes(held.openerId) && held.id !== held.openerId);
      assert.equal((await engine.findRepository({ access, workDir })).state, 'found');

      const other = start();
      await other.keep(false);
      assert.deepEqual(other.keys.find(access), held);
      assert.deepEqual(listKeys(path), both);
      const byHand = (password: string) =>
        execFileSync(generation.binary, ['-r', path, '--no-cache', 'cat', 'config'], {
          env: { RESTIC_PASSWORD: password, HOME: lab.dir },
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      assert.ok(byHand(LABORATORY_PASSWORD).length > 0);
      assert.ok(byHand(held.password).length > 0);
      assert.throws(() => byHand('another'));
    });

    it('is not added by who only reads', async () => {
      const { path, access, keys, keep } = open('read');
      await keep(false);
      assert.equal(keys.find(access), undefined);
      assert.equal(listKeys(path).length, 1);
    });

    it('is not put into another repository than the pinned one', async () => {
      const { path, workDir, access, engine, keys } = open('stranger');
      await engine.keepKey({ access, workDir, add: true, pinnedId: 'f'.repeat(64) });
      assert.equal(listKeys(path).length, 1);
      const found = await engine.findRepository({ access, workDir });
      assert.ok(found.state === 'found');
      await engine.keepKey({ access, workDir, add: true, pinnedId: found.engineId });
      assert.ok(keys.find(access));
    });

    it('is forgotten as soon as the person wants the password alone', async () => {
      const { access, keys, keep } = open('alone');
      await keep();
      assert.ok(keys.find(access));
      await keep(true, { ...access, store: undefined });
      assert.equal(keys.find(access), undefined);
    });

    it('is read by whoever may read the keys beside it', async () => {
      const { path, access, keys, keep } = open('shared');
      const modeOf = (id = '') => statSync(join(path, 'keys', id)).mode & 0o777;
      chmodSync(join(path, 'config'), 0o440);
      await keep();
      assert.equal(modeOf(keys.find(access)?.id), 0o440);
      const own = open('unshared');
      chmodSync(join(own.path, 'config'), 0o400);
      await own.keep();
      assert.equal(statSync(join(own.path, 'keys', own.keys.find(own.access)?.id ?? '')).mode & 0o777, 0o400);
    });

    it('is not asked of another password, nor held for one that opens nothing', async () => {
      const { workDir, access, keys, engine, keep, path } = open('wrong');
      await keep();
      const wrong = { ...lab.access({ repository: path, workDir, password: 'another' }), store: access.store };
      assert.equal(keys.fit(wrong), wrong);
      const refused = await engine.findRepository({ access: wrong, workDir });
      assert.equal(refused.failure?.reason, 'repository_password');
      await keep(true, wrong);
      assert.equal(keys.find(wrong), undefined);
    });

    it('gives way when the key of the password has gone, so that nobody goes on with a password that opens nothing', async () => {
      const { path, workDir, access, keys, engine, keep } = open('gone');
      await keep();
      const held = keys.find(access);
      assert.ok(held);
      rmSync(join(path, 'keys', held.openerId), { force: true });
      await keep();
      assert.equal(keys.find(access), undefined);
      assert.equal((await engine.findRepository({ access, workDir })).failure?.reason, 'repository_password');
    });

    it('is done without when somebody removed it: the command at hand goes on by the password', async () => {
      const { path, workDir, access, keys, engine, keep } = open('removed');
      await keep();
      rmSync(join(path, 'keys', keys.find(access)?.id ?? ''), { force: true });
      assert.equal((await engine.findRepository({ access, workDir })).state, 'found');
      assert.equal(keys.find(access), undefined);
      await keep();
      assert.equal(listKeys(path).length, 2);
      assert.ok(keys.find(access));
    });

    it('is told from a third key, whose password is not the one at hand', async () => {
      const { path, access, keys, keep } = open('third');
      const [own = ''] = listKeys(path);
      const third = wrapCheaply(readFileSync(join(path, 'keys', own), 'utf8'), LABORATORY_PASSWORD, 'another');
      writeFileSync(join(path, 'keys', third.name), third.content);
      await keep();
      assert.equal(keys.find(access)?.openerId, own);
    });

    it('is left out where it cannot be written, and the password goes on opening', async () => {
      const { path, workDir, access, said, keys, engine, keep } = open('unwritable');
      const blocked = { ...access, store: { kind: 'directory', path: join(path, 'nowhere') } } as const;
      await keep(true, blocked);
      assert.match(said.join(), /a faster key could not be added \(ENOENT/);
      assert.equal(keys.find(access), undefined);
      assert.equal(keys.isRefused(access, true), true);
      assert.equal((await engine.findRepository({ access, workDir })).state, 'found');
    });

    it('serves a copy between two repositories, each by its own', async () => {
      const from = open('copy-from');
      const to = open('copy-to');
      const file = join(from.workDir, 'one.txt');
      writeFileSync(file, 'one\n');
      const env = { RESTIC_PASSWORD: LABORATORY_PASSWORD, HOME: lab.dir };
      execFileSync(generation.binary, ['-r', from.path, '--no-cache', 'backup', '--tag=kept', file], { env, stdio: 'ignore' });
      const keys = createKeyRing(systemClock);
      const engine = lab.engineWith(keys);
      const workDir = lab.workDir();
      const [there, here] = [from, to].map(({ path, access: { store } }) => {
        const own = join(workDir, basename(path));
        mkdirSync(own);
        return { ...lab.access({ repository: path, workDir: own }), store };
      });
      assert.ok(there && here);
      for (const access of [there, here]) await engine.keepKey({ access, workDir, add: true });
      const [stored] = (await engine.listSnapshots({ access: there, workDir })).snapshots ?? [];
      assert.ok(stored);
      const copied = await engine.copySnapshot({ from: there, access: here, workDir, engineId: stored.engineId, sizeBytes: 4 });
      assert.equal(copied.failure, undefined);
      assert.ok(copied.engineId);
      assert.ok(keys.find(there) && keys.find(here));
    });
  });
}
