import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { createPrivateDirectory } from '../../../harness/services/private-directory.ts';
import { runTool } from '../../../harness/services/tool-run.ts';
import { getRestic } from '../../../harness/services/tools.ts';
import { wrapCheaply } from './cheap-key.ts';

for (const generation of ['old', 'new'] as const)
  it(`the ${generation} restic works with a key that was wrapped again, and a wrong password opens nothing`, async (t) => {
    const home = await createPrivateDirectory('cheap-key');
    t.after(() => home.remove());
    const { path } = await getRestic(generation);
    const run = (...args: string[]) => {
      const env = { HOME: home.path, RESTIC_REPOSITORY: join(home.path, 'repository'), RESTIC_PASSWORD: 'fern' };
      return runTool(path, ['--quiet', ...args], { env, input: 'some text' });
    };
    await run('init');
    const keys = join(home.path, 'repository/keys');
    const [name = ''] = await readdir(keys);
    const first = await readFile(join(keys, name), 'utf8');
    assert.throws(() => wrapCheaply(first, 'another'), /does not open/);
    const cheap = wrapCheaply(first, 'fern');
    await writeFile(join(keys, cheap.name), cheap.content);
    await rm(join(keys, name));
    await run('backup', '--stdin', '--stdin-filename=text');
    assert.equal((await run('dump', 'latest', 'text')).stdout, 'some text');
    await run('check', '--read-data');
    assert.throws(() => wrapCheaply(cheap.content, 'another'), /does not open/);
  });
