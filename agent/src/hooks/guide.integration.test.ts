import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { createExec } from '../exec/exec.ts';
import { createHooks } from './hooks.ts';

const GUIDE = readFileSync(join(import.meta.dirname, '../../../docs/guide/hooks.md'), 'utf8');

it('The commands of the guide install hooks that run, whatever the umask of who types them', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'hooks-guide-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const block = [...GUIDE.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, text]) => text).join('');
  assert.match(block, /\/etc\/holdfast\/hooks\.d/);
  const typed = `umask 002\n${block.replaceAll('/etc/holdfast', join(home, 'holdfast'))}`;
  const installed = spawnSync('sh', ['-e'], { input: typed, encoding: 'utf8' });
  assert.equal(installed.status, 0, installed.stderr);

  // Stands for the host's init system: it notes what it was asked for.
  mkdirSync(join(home, 'bin'));
  mkdirSync(join(home, 'work'));
  writeFileSync(join(home, 'bin', 'systemctl'), `#!/bin/sh\necho "$*" >> ${join(home, 'asked')}\n`, { mode: 0o755 });
  const exec = createExec({
    environment: { path: `${join(home, 'bin')}:/usr/bin:/bin`, home, tmpDir: home },
    setpriv: '/usr/bin/setpriv',
    cancelGraceMs: 500,
  });
  const workDirs = {
    create: () => mkdtempSync(join(home, 'work', 'run-')),
    remove: (path: string) => rmSync(path, { recursive: true, force: true }),
  };
  const hooks = createHooks({ directory: join(home, 'holdfast', 'hooks.d'), workDirs });
  assert.deepEqual(hooks.list().hooks, [{ name: 'shop-start' }, { name: 'shop-stop' }, { name: 'tell-monitor' }]);
  const facts = { run: 'run_1' as RunId, plan: 'nightly', host: 'shop-1', sources: ['shop'] };
  const before = await hooks.run({ name: 'shop-stop', moment: { phase: 'before' }, facts, exec, onLine: () => undefined });
  const moment = { phase: 'after', state: 'failed' } as const;
  const after = await hooks.run({ name: 'shop-start', moment, facts, exec, onLine: () => undefined });
  assert.deepEqual([before.ending, after.ending], ['succeeded', 'succeeded'], `${before.message} ${after.message}`);
  assert.equal(readFileSync(join(home, 'asked'), 'utf8'), 'stop shop.service\nstart shop.service\n');

  // Stands for curl: it notes its arguments and what it reads, and does not reach anybody.
  writeFileSync(join(home, 'bin', 'curl'), `#!/bin/sh\n{ echo "$*"; cat; } >> ${join(home, 'pinged')}\nexit 7\n`, {
    mode: 0o755,
  });
  for (const state of ['succeeded', 'failed'] as const) {
    const told = await hooks.run({
      name: 'tell-monitor',
      moment: { phase: 'after', state },
      facts,
      exec,
      onLine: () => undefined,
    });
    assert.equal(told.ending, 'succeeded', told.message);
  }
  const pinged = readFileSync(join(home, 'pinged'), 'utf8').split('\n');
  assert.deepEqual(
    pinged.filter((line) => line.startsWith('url')),
    ['', '/fail'].map((end) => `url = "https://monitor.example.com/ping/5ab7d2f0-0000-4000-8000-000000000000${end}"`),
  );
  assert.ok(
    pinged.every((line) => line.startsWith('url') || !line.includes('monitor.example.com')),
    'no argument has the address',
  );
});

it('The guide names each variable that a hook gets', () => {
  const source = readFileSync(join(import.meta.dirname, 'facts.ts'), 'utf8');
  const names = new Set([...source.matchAll(/HOLDFAST_([A-Z_]+)/g)].map(([, name = '']) => name));
  assert.ok(names.size >= 7);
  for (const name of names) assert.ok(GUIDE.includes(`\`${name}\``), `the guide does not name ${name}`);
});
