import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { createRecoveryKeeper, listRecoveryCopies, writeRecoveryCopies } from './recovery-copies.ts';

const AGE = '-----BEGIN AGE ENCRYPTED FILE-----\nQUJD\n-----END AGE ENCRYPTED FILE-----\n';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'holdfast-copies-'));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const folder = () => join(stateDir, 'recovery');
const specOf = (copies: Readonly<Record<string, string | undefined>>): Pick<Spec, 'repositories'> => ({
  repositories: Object.entries(copies).map(([id, recoveryCopy]) => ({
    ...{ id: id as RepositoryId, name: `name of ${id}`, kind: 'local', config: {}, version: 1 },
    ...(recoveryCopy === undefined ? {} : { recoveryCopy }),
  })),
});

describe('Sealed copies on a host', () => {
  it('are files for their owner alone, which follow the spec: changed, removed, and left untouched where nothing changed', async () => {
    await writeRecoveryCopies(stateDir, specOf({ repo_a: undefined }));
    assert.deepEqual(await readdir(stateDir), [], 'nothing is made where there is nothing to keep');
    await writeRecoveryCopies(stateDir, specOf({ repo_a: AGE, repo_b: AGE }));
    const path = join(folder(), 'repo_a.age');
    const before = await stat(path);
    assert.deepEqual([before.mode & 0o777, (await stat(folder())).mode & 0o777], [0o600, 0o700]);
    const other = AGE.replace('QUJD', 'REVG');
    await writeRecoveryCopies(stateDir, specOf({ repo_a: AGE, repo_b: other }));
    assert.equal((await stat(path)).ino, before.ino);
    assert.equal(await readFile(join(folder(), 'repo_b.age'), 'utf8'), other);
    await writeFile(join(folder(), 'repo_gone.age.new'), 'left by a crash');
    await chmod(path, 0o644);
    await writeRecoveryCopies(stateDir, specOf({ repo_a: AGE }));
    assert.deepEqual(await readdir(folder()), ['repo_a.age']);
    assert.equal((await stat(path)).mode & 0o777, 0o600, 'one that others could read is written anew');
    await writeRecoveryCopies(stateDir, specOf({}));
    assert.deepEqual(await readdir(folder()), []);
  });

  it('are none where a spec brings something else than a file of age', () => {
    const brought = { repo_a: 'plain text', repo_b: `${AGE}\u001b[2J`, repo_c: ` ${AGE}`, repo_d: AGE };
    assert.deepEqual(
      listRecoveryCopies(specOf(brought)).map(({ id }) => id),
      ['repo_d'],
    );
  });

  it('are those of the newest spec, and a failure to write them is logged and stops nothing', async () => {
    const errors: string[] = [];
    const keeper = createRecoveryKeeper(stateDir, { error: (_fields, message) => void errors.push(message) });
    for (const copies of [{ repo_a: AGE }, { repo_b: AGE }, { repo_c: AGE }]) keeper.adopt(specOf(copies) as Spec);
    await keeper.settle();
    assert.deepEqual(await readdir(folder()), ['repo_c.age']);
    await rm(folder(), { recursive: true });
    await writeFile(folder(), 'a file in the way');
    keeper.adopt(specOf({ repo_a: AGE }) as Spec);
    await keeper.settle();
    assert.equal(errors.length, 1);
    await rm(folder());
    keeper.adopt(specOf({ repo_a: AGE }) as Spec);
    await keeper.settle();
    assert.deepEqual(await readdir(folder()), ['repo_a.age']);
  });
});
