import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { createLaboratory, GENERATIONS, LABORATORY_PASSWORD } from './fixtures/laboratory.ts';
import { makeQuickRepository } from './fixtures/quick-repository.ts';
import { watchLastWords } from './last-words.ts';

/** restic 0.18 as it was seen after its sftp connection was lost: it says so, and never goes. */
function openHangingLaboratory(t: TestContext) {
  const real = GENERATIONS.find(({ version }) => version.startsWith('0.18'));
  assert.ok(real);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-hang-'));
  const binary = join(folder, 'restic');
  const script = `#!/bin/sh
case " $* " in *" backup "*)
  cat > /dev/null
  echo 'subprocess ssh: client_loop: send disconnect: Broken pipe' >&2
  echo 'Save(<data/7e9d32a159>) failed: ssh command exited: exit status 255' >&2
  while :; do sleep 0.05; done
esac
exec ${real.binary} "$@"
`;
  writeFileSync(binary, script);
  chmodSync(binary, 0o755);
  const lab = createLaboratory({ version: real.version, binary });
  t.after(() => {
    lab.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  return lab;
}

const tags = ['tenant:t', 'host:h', 'plan:p', 'source:s', 'run:run_1', 'role:data'];

it('a restic that hangs after a save has failed for good is ended, and the repository was unreachable', {
  timeout: 60_000,
}, async (t) => {
  const lab = openHangingLaboratory(t);
  const common = { tags, host: 'host_1', stallMs: 300_000 };
  const workDir = lab.workDir();
  const access = lab.access({ workDir });
  makeQuickRepository(join(lab.dir, 'repo'), LABORATORY_PASSWORD);
  const stream = await lab.engine.backupStream({
    ...common,
    access,
    workDir,
    producer: lab.shell('echo text'),
    fileName: 'dump.pgc',
  });
  assert.equal(stream.failure?.reason, 'repository_unreachable', JSON.stringify(stream.failure));
  const tree = { ...common, access, workDir, paths: [lab.dir], excludes: [], oneFileSystem: false };
  assert.equal((await lab.engine.backupTree(tree)).failure?.reason, 'repository_unreachable');
});

it('a lock that could not be saved, a retry and a process that is gone are no last words', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let hangs = 0;
  const watch = watchLastWords(() => {
    hangs += 1;
  });
  watch.onStderrLine('Save(<lock/4b46982763>) failed: ssh command exited: exit status 255');
  watch.onStderrLine('Save(<data/7e9d32a159>) returned error, retrying after 749ms: connection lost');
  t.mock.timers.tick(60_000);
  watch.onStderrLine('Save(<index/7e9d32a159>) failed: connection lost');
  t.mock.timers.tick(4999);
  watch.stop();
  t.mock.timers.tick(60_000);
  assert.equal(hangs, 0);
  const other = watchLastWords(() => {
    hangs += 1;
  });
  other.onStderrLine('Save(<snapshot/7e9d32a159>) failed: connection lost');
  t.mock.timers.tick(5000);
  assert.equal(hangs, 1);
});
