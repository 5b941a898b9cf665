import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import type { Exec } from '../exec/contract.ts';
import { createExec } from '../exec/exec.ts';
import { findStartTime, isGroupAlive, listGroup } from '../exec/proc.ts';
import type { HookFacts } from './facts.ts';
import { createHooks, type HookInput } from './hooks.ts';

const FACTS: HookFacts = { run: 'run_1' as RunId, plan: 'nightly; rm -rf /', host: '$(id)', sources: ['shop db', 'files'] };
const isRoot = process.getuid?.() === 0;

let home: string;
let directory: string;
let exec: Exec;
const groups: number[] = [];

before(() => {
  exec = createExec({
    environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: tmpdir() },
    setpriv: '/usr/bin/setpriv',
    cancelGraceMs: 500,
    onStarted: ({ pid }) => groups.push(pid),
  });
});
after(() => {
  for (const pid of groups) assert.equal(isGroupAlive(pid), false, `process group ${pid} is left`);
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hooks-'));
  chmodSync(home, 0o755);
  directory = join(home, 'hooks.d');
  mkdirSync(directory, { mode: 0o755 });
  mkdirSync(join(home, 'work'));
});
afterEach(() => {
  assert.deepEqual(readdirSync(join(home, 'work')), [], 'a private directory is left');
  rmSync(home, { recursive: true, force: true });
});

const workDirs = {
  create: () => mkdtempSync(join(home, 'work', 'run-')),
  remove: (path: string) => rmSync(path, { recursive: true, force: true }),
};

function install(name: string, script: string, mode = 0o755): string {
  const path = join(directory, name);
  writeFileSync(path, script);
  chmodSync(path, mode);
  return path;
}

async function run(name: string, more: Partial<HookInput> = {}) {
  const lines: string[] = [];
  const input: HookInput = { name, moment: { phase: 'before' }, facts: FACTS, exec, onLine: (line) => lines.push(line), ...more };
  return { ...(await createHooks({ directory, workDirs }).run(input)), lines };
}

describe('A hook', () => {
  it('runs by its name, and its lines arrive from both streams', async () => {
    install('quiesce', '#!/bin/sh\necho to the log\necho a warning >&2\n');
    const outcome = await run('quiesce');
    assert.equal(outcome.ending, 'succeeded');
    assert.equal(outcome.exitCode, 0);
    assert.deepEqual(outcome.lines.toSorted(), ['a warning', 'to the log']);
  });

  it('is told the run by its environment alone, with names as plain text', async () => {
    install('show', '#!/bin/sh\necho "$# arguments"\nenv\npwd\ncat\n');
    process.env['HOLDFAST_CANARY'] = 'leak';
    const early = (await run('show')).lines;
    const late = (await run('show', { moment: { phase: 'after', state: 'partial' } })).lines;
    delete process.env['HOLDFAST_CANARY'];
    for (const line of [
      '0 arguments',
      'HOLDFAST_RUN=run_1',
      'HOLDFAST_PLAN=nightly; rm -rf /',
      'HOLDFAST_HOST=$(id)',
      'HOLDFAST_PHASE=before',
      'HOLDFAST_SOURCES=shop db',
      'files',
      'HOLDFAST_SOURCE_COUNT=2',
      'PATH=/usr/bin:/bin',
      'HOME=/nonexistent',
    ])
      assert.ok(early.includes(line), `${line} is missing`);
    assert.ok(!early.some((line) => line.startsWith('HOLDFAST_STATE') || line.includes('leak')));
    assert.ok(late.includes('HOLDFAST_PHASE=after') && late.includes('HOLDFAST_STATE=partial'));
    const names = early.flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []).filter((name) => !name.startsWith('HOLDFAST_'));
    assert.deepEqual(names.toSorted(), ['HOME', 'LANG', 'LC_ALL', 'PATH', 'PWD', 'TMPDIR', 'TZ']);
    assert.ok(early.at(-1)?.startsWith(join(home, 'work')), 'it stands in an empty directory of its own');
  });

  it('fails with its exit code and last words', async () => {
    install('fails', '#!/bin/sh\necho one >&2\necho cannot stop the shop >&2\nexit 3\n');
    const outcome = await run('fails');
    assert.equal(outcome.ending, 'failed');
    assert.equal(outcome.exitCode, 3);
    assert.equal(outcome.message, 'The hook fails ended with exit code 3: cannot stop the shop');
    install('dies', '#!/bin/sh\nkill -9 $$\n');
    assert.equal((await run('dies')).message, 'The hook dies was ended by SIGKILL.');
  });

  it('may be a program, a script of any interpreter, or one without a first line', async () => {
    copyFileSync('/usr/bin/true', join(directory, 'program'));
    assert.equal((await run('program')).ending, 'succeeded');
    install('by-node', `#!${process.execPath}\nconsole.log(process.argv.length);\n`);
    assert.deepEqual((await run('by-node')).lines, ['2']);
    install('bare', 'echo plain\n');
    assert.deepEqual((await run('bare')).lines, ['plain']);
    install('foreign', '#!/nonexistent/interpreter\n');
    assert.match((await run('foreign')).message, /could not be started\. Is the program named in its first line installed\?$/);
  });

  it('takes all that it forked with it', async () => {
    install('forks', '#!/bin/sh\nsleep 60 &\nsleep 60 &\necho done\n');
    const outcome = await run('forks');
    assert.equal(outcome.ending, 'succeeded');
    assert.deepEqual(outcome.lines, ['done']);
  });

  it('is not waited for when what it started left its group and holds its output open', async () => {
    const left = join(home, 'left');
    install(
      'daemon',
      `#!/bin/sh\nsetsid -f sh -c 'echo $$ > ${left}; exec sleep 60'\nuntil [ -s ${left} ]; do :; done\necho started\n`,
    );
    const outcome = await run('daemon');
    const pid = Number(readFileSync(left, 'latin1'));
    assert.notEqual(findStartTime(pid), undefined, 'it asked to live on, and does');
    process.kill(pid, 'SIGKILL');
    assert.equal(outcome.ending, 'succeeded');
    assert.deepEqual(outcome.lines, ['started']);
    assert.ok(outcome.durationMs < 10_000);
  });

  it('may print ten megabytes: the first and last lines reach the log', async () => {
    install('talks', '#!/bin/sh\nseq 1 1400000\n');
    const outcome = await run('talks');
    assert.equal(outcome.ending, 'succeeded');
    assert.equal(outcome.lines[0], '1');
    assert.equal(outcome.lines.at(-1), '1400000');
    assert.ok(outcome.lines.some((line) => /^… \(\d+ lines left out\)$/.test(line)));
    assert.ok(outcome.lines.length < 3000, `${outcome.lines.length} lines`);
    install('one-line', `#!/bin/sh\nhead -c 10000000 /dev/zero | tr '\\0' x\n`);
    const [line = ''] = (await run('one-line')).lines;
    assert.ok(line.length < 5000 && /left out\)$/.test(line));
  });

  it('that never ends is stopped at its time limit, also when it is deaf', async () => {
    install('endless', '#!/bin/sh\nsleep 600\n');
    const outcome = await run('endless', { timeoutMs: 1000 });
    assert.equal(outcome.ending, 'timed_out');
    assert.match(outcome.message, /^The hook endless did not end within 1 s and was stopped/);
    install('deaf', `#!/bin/sh\ntrap '' INT TERM\nwhile :; do sleep 1; done\n`);
    assert.equal((await run('deaf', { timeoutMs: 300 })).ending, 'timed_out');
  });

  it('is stopped when it is cancelled, and not begun when that came first', async () => {
    const marker = join(home, 'marker');
    install('slow', `#!/bin/sh\ntouch ${marker}\necho up\nexec sleep 600\n`);
    const cancel = new AbortController();
    const outcome = await run('slow', { signal: cancel.signal, onLine: () => cancel.abort() });
    assert.equal(outcome.ending, 'cancelled');
    rmSync(marker);
    assert.equal((await run('slow', { signal: cancel.signal })).ending, 'cancelled');
    assert.equal(existsSync(marker), false);
  });
});

describe('A hook under an agent that is killed', () => {
  it('dies with it', async () => {
    install('slow', '#!/bin/sh\nsleep 600\n');
    const source = `
      import { mkdtempSync, rmSync } from 'node:fs';
      import { createExec } from ${JSON.stringify(join(import.meta.dirname, '../exec/exec.ts'))};
      import { createHooks } from ${JSON.stringify(join(import.meta.dirname, 'hooks.ts'))};
      const exec = createExec({
        environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: '/tmp' },
        setpriv: '/usr/bin/setpriv', cancelGraceMs: 1000, onStarted: ({ pid }) => console.log(pid),
      });
      const workDirs = { create: () => mkdtempSync(${JSON.stringify(join(home, 'agent-'))}), remove: (path) => rmSync(path, { recursive: true }) };
      const hooks = createHooks({ directory: ${JSON.stringify(directory)}, workDirs });
      await hooks.run({ name: 'slow', moment: { phase: 'before' }, facts: ${JSON.stringify(FACTS)}, exec, onLine() {} });`;
    const agent = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) => agent.stdout.once('data', (chunk) => resolve(Number(String(chunk)))));
    // The interpreter has the script: setpriv has become what it started.
    await waitUntil('the interpreter', () => readFileSync(`/proc/${pid}/cmdline`, 'latin1') === '/bin/sh\0/proc/self/fd/3\0');
    await waitUntil('what the script starts', () => listGroup(pid).length === 2);
    const members = listGroup(pid);
    agent.kill('SIGKILL');
    await waitUntil('its end', () => findStartTime(pid) === undefined);
    // What the script had started is left, and found by what is known of the run; see the exec room's leftovers.
    for (const { pid: member, startTime } of members) if (findStartTime(member) === startTime) process.kill(member, 'SIGKILL');
  });
});

describe('A hook is refused, and nothing is started', () => {
  /** Its side effect would show that it was. */
  const script = () => `#!/bin/sh\ntouch ${join(home, 'ran')}\n`;
  const assertRefused = async (name: string, words: RegExp) => {
    const outcome = await run(name);
    assert.equal(outcome.ending, 'refused', outcome.message);
    assert.match(outcome.message, words);
    assert.equal(existsSync(join(home, 'ran')), false);
  };

  for (const name of [
    '../hooks.d/good',
    '/bin/sh',
    '.good',
    '..',
    '',
    'good arg',
    'good\n',
    'good\0',
    '-rf',
    'GOOD',
    'good;id',
    '$(id)',
    'a/b',
    'x'.repeat(65),
  ]) {
    it(`under the name ${JSON.stringify(name.slice(0, 20))}`, async () => {
      install('good', script());
      await assertRefused(name, /is not the plain name of a script/);
    });
  }

  it('when there is none of that name, or no directory', async () => {
    await assertRefused('absent', /hooks\.d\/absent does not exist\. Install the script there: install -m 0755 absent \//);
    rmSync(directory, { recursive: true });
    await assertRefused('absent', /hooks\.d does not exist\. Make it: install -d/);
  });

  it('when it is a link, a directory or a FIFO', async () => {
    install('good', script());
    symlinkSync(join(directory, 'good'), join(directory, 'link'));
    mkdirSync(join(directory, 'folder'));
    assert.equal(spawnSync('mkfifo', [join(directory, 'fifo')]).status, 0);
    await assertRefused('link', /is a symbolic link\. Put the script itself there/);
    await assertRefused('folder', /is not a regular file/);
    await assertRefused('fifo', /is not a regular file/);
  });

  it('when group or others can write it, its directory or a directory above', async () => {
    install('good', script(), 0o775);
    await assertRefused('good', /good can be changed by others\. Take that away: chmod go-w \//);
    install('good', script());
    chmodSync(directory, 0o757);
    await assertRefused('good', /hooks\.d can be changed by others/);
    chmodSync(directory, 0o755);
    chmodSync(home, 0o777);
    await assertRefused('good', /can be changed by others/);
    chmodSync(home, 0o755);
    assert.equal((await run('good')).ending, 'succeeded');
  });

  it('when it cannot be executed, or takes another identity', async () => {
    install('good', script(), 0o644);
    await assertRefused('good', /cannot be executed by the agent: chmod 0755/);
    install('good', script(), 0o4755);
    await assertRefused('good', /outlive a killed agent: chmod ug-s/);
  });

  it('when the directory is reached through a link', async () => {
    install('good', script());
    const real = directory;
    directory = join(home, 'elsewhere');
    symlinkSync(real, directory);
    await assertRefused('good', /leads through a symbolic link\. Set HOLDFAST_HOOKS_DIR to \//);
  });

  if (isRoot) {
    it('when it or a directory belongs to somebody else', async () => {
      const path = install('good', script());
      chownSync(path, 65534, 65534);
      await assertRefused('good', /belongs to user id 65534.*chown root/);
      chownSync(path, 0, 0);
      chownSync(directory, 65534, 65534);
      await assertRefused('good', /hooks\.d belongs to user id 65534/);
      chownSync(directory, 0, 0);
      chownSync(home, 65534, 65534);
      await assertRefused('good', /belongs to user id 65534/);
      chownSync(home, 0, 0);
    });
  }
});

describe('Between the look at a hook and its start', () => {
  /** The private directory is made after the look and before the start: what is done there comes in between. */
  const runWith = (meanwhile: () => void) => {
    const lines: string[] = [];
    const sly = {
      ...workDirs,
      create() {
        meanwhile();
        return workDirs.create();
      },
    };
    const input: HookInput = {
      name: 'good',
      moment: { phase: 'before' },
      facts: FACTS,
      exec,
      onLine: (line) => lines.push(line),
    };
    return createHooks({ directory, workDirs: sly })
      .run(input)
      .then((outcome) => ({ ...outcome, lines }));
  };

  it('a link in its place changes nothing: the judged script runs', async () => {
    const path = install('good', '#!/bin/sh\necho judged\n');
    const evil = join(home, 'evil');
    writeFileSync(evil, '#!/bin/sh\necho evil\n', { mode: 0o755 });
    const outcome = await runWith(() => {
      rmSync(path);
      symlinkSync(evil, path);
    });
    assert.equal(outcome.ending, 'succeeded');
    assert.deepEqual(outcome.lines, ['judged']);
  });

  it('neither does another directory in the place of the first', async () => {
    install('good', '#!/bin/sh\necho judged\n');
    const outcome = await runWith(() => {
      renameSync(directory, join(home, 'moved'));
      mkdirSync(directory);
      install('good', '#!/bin/sh\necho evil\n');
    });
    assert.deepEqual(outcome.lines, ['judged']);
  });
});

describe('The list of hooks', () => {
  it('names each with what keeps it from being used', () => {
    install('quiesce', '#!/bin/sh\n');
    install('stale', '#!/bin/sh\n', 0o644);
    install('README', 'words');
    install('quiesce~', '#!/bin/sh\n');
    symlinkSync('/bin/sh', join(directory, 'shell'));
    const listing = createHooks({ directory, workDirs }).list();
    assert.equal(listing.exists, true);
    assert.equal(listing.problem, undefined);
    assert.equal(listing.omitted, 0);
    const problems = Object.fromEntries(listing.hooks.map(({ name, problem }) => [name, problem]));
    assert.deepEqual(Object.keys(problems), ['README', 'quiesce', 'quiesce~', 'shell', 'stale']);
    assert.equal(problems['quiesce'], undefined);
    assert.match(problems['README'] ?? '', /Not a name that a plan can give/);
    assert.match(problems['shell'] ?? '', /is a symbolic link/);
    assert.match(problems['stale'] ?? '', /chmod 0755/);
  });

  it('is empty without complaint where hooks were never installed, and says why none can be used', () => {
    chmodSync(directory, 0o777);
    assert.match(createHooks({ directory, workDirs }).list().problem ?? '', /can be changed by others/);
    rmSync(directory, { recursive: true });
    assert.deepEqual(createHooks({ directory, workDirs }).list(), { directory, exists: false, hooks: [], omitted: 0 });
  });

  it('ends somewhere', () => {
    for (let index = 0; index < 205; index += 1) install(`hook-${index}`, '');
    const listing = createHooks({ directory, workDirs }).list();
    assert.equal(listing.hooks.length, 200);
    assert.equal(listing.omitted, 5);
  });
});
