import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { findStaging, nameStaging, removeStaging } from './restore-staging.ts';

const RUN = 'run_cut_off';

function makeRoot(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-staging-'));
  t.after(() => rmSync(root, { recursive: true }));
  return root;
}

describe('What a restore of files left when its agent ended', () => {
  it('is found by the run’s name and removed; everything else stays', async (t) => {
    const root = makeRoot(t);
    mkdirSync(join(root, 'srv/docs'), { recursive: true });
    const cases: [RestoreTarget, string][] = [
      [{ kind: 'directory', path: join(root, 'srv') }, join(root, 'srv')],
      [{ kind: 'in_place', paths: [join(root, 'srv/docs/a'), join(root, 'srv/docs/gone/b')] }, join(root, 'srv/docs')],
      [{ kind: 'in_place', paths: [join(root, 'srv/docs/a')] }, join(root, 'srv')],
      [{ kind: 'archive', path: join(root, 'srv/x.tar'), format: 'tar', from: '/' }, join(root, 'srv')],
    ];
    for (const [target, parent] of cases) {
      const own = join(parent, nameStaging(RUN));
      mkdirSync(join(own, 'half'), { recursive: true });
      writeFileSync(join(own, 'half/written'), 'x');
      const other = join(parent, nameStaging('run_another'));
      mkdirSync(other);
      assert.deepEqual(await removeStaging(findStaging(RUN, target)), [own]);
      assert.equal(existsSync(own), false);
      assert.ok(existsSync(other));
      rmSync(other, { recursive: true });
    }
    assert.deepEqual(readdirSync(join(root, 'srv')), ['docs']);
  });

  it('is never looked for behind a link of that name', async (t) => {
    const root = makeRoot(t);
    mkdirSync(join(root, 'precious'));
    writeFileSync(join(root, 'precious/file'), 'x');
    symlinkSync(join(root, 'precious'), join(root, nameStaging(RUN)));
    assert.deepEqual(findStaging(RUN, { kind: 'directory', path: root }), []);
    assert.ok(existsSync(join(root, 'precious/file')));
  });
});
