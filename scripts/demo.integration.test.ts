import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findProcesses } from '../e2e/harness/services/processes.ts';

/** A quiet machine needs 40 s. */
const TIMEOUT_MS = 300_000;

const started: ChildProcess[] = [];

type RunningDemo = {
  readonly child: ChildProcess;
  output(): string;
  awaitOutput(pattern: RegExp): Promise<void>;
  awaitExit(): Promise<number>;
};

function startDemo(stateDir: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningDemo {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'demo.ts'), '--state-dir', stateDir, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  const looks = new Set<() => void>();
  const take = (chunk: string) => {
    output += chunk;
    for (const look of looks) look();
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const closed = once(child, 'close');
  return {
    child,
    output: () => output,
    awaitOutput: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(output)) resolve();
        };
        looks.add(look);
        look();
        void closed.then(() => reject(new Error(`the demo ended without printing ${pattern}:\n${output}`)));
      }),
    async awaitExit() {
      const [code] = await closed;
      return Number(code);
    },
  };
}

const readFingerprint = (output: string) => /fingerprint (\S+)/.exec(output)?.[1];

describe('The demo', { timeout: TIMEOUT_MS }, () => {
  let root: string;
  let first = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-demo-test-'));
  });
  after(async () => {
    for (const child of started) child.kill('SIGKILL');
    await rm(root, { recursive: true, force: true });
  });

  it('backs up, restores and compares, exits 0 when asked to run once, and leaves nothing running', async () => {
    const demo = startDemo(root, [], { ONCE: '1' });
    const code = await demo.awaitExit();
    first = demo.output();
    assert.equal(code, 0, first);
    for (const name of ['Shop orders', 'Warehouse', 'Office documents'])
      assert.match(first, new RegExp(`${name} identical \\(\\d+ parts\\)`));
    assert.match(first, /compared and approved/);
    assert.deepEqual(findProcesses({ directory: root }), []);
    for (const secret of ['admin-password', 'api-key', 'repository-password'])
      assert.equal((await stat(join(root, secret))).mode & 0o777, 0o600, secret);
    assert.ok(!first.includes((await readFile(join(root, 'api-key'), 'utf8')).trim()));
  });

  it('goes on with what is there at another port, refuses a second start beside itself, and ends at Ctrl-C without a trace', async (t) => {
    const port = (await readFile(join(root, 'port'), 'utf8')).trim();
    const squatter = createServer().listen(Number(port), '127.0.0.1');
    t.after(() => squatter.close());
    await once(squatter, 'listening');
    const demo = startDemo(root, []);
    await demo.awaitOutput(/Stop with Ctrl-C/);
    const output = demo.output();
    assert.match(output, new RegExp(`http://127\\.0\\.0\\.1:\\d+, because port ${port} is taken`));
    assert.match(output, /admin, as before/);
    assert.match(output, /opened again/);
    assert.equal(readFingerprint(output), readFingerprint(first));
    assert.doesNotMatch(output, /compared and approved/);
    assert.ok(output.includes((await readFile(join(root, 'admin-password'), 'utf8')).trim()));

    const beside = startDemo(root, ['--once']);
    assert.equal(await beside.awaitExit(), 1);
    assert.match(
      beside.output(),
      /^demo: a demo is running already at http:\S+; stop it with Ctrl-C there or with "kill \d+"\.\n$/,
    );

    demo.child.kill('SIGINT');
    assert.equal(await demo.awaitExit(), 0, demo.output());
    assert.deepEqual(findProcesses({ directory: root }), []);
  });

  it('says in one line which step failed and why, and stops what it had started', async (t) => {
    const squatter = createServer().listen(0, '127.0.0.1');
    t.after(() => squatter.close());
    await once(squatter, 'listening');
    const address = squatter.address();
    assert.ok(typeof address === 'object' && address !== null);
    const demo = startDemo(root, ['--once'], { HOLDFAST_LISTEN: `127.0.0.1:${address.port}` });
    const code = await demo.awaitExit();
    assert.equal(code, 1);
    assert.match(
      demo.output(),
      new RegExp(`^demo failed in step 2 \\(Server\\): .*${address.port} is taken\\. Logs: ${root}/logs$`, 'm'),
    );
    assert.deepEqual(findProcesses({ directory: root }), []);
  });

  it('refuses a wrong use with exit code 2', async () => {
    for (const [args, env] of [
      [['--twice'], {}],
      [[], { HOLDFAST_LISTEN: 'everywhere' }],
    ] as const) {
      const demo = startDemo(root, args, env);
      assert.equal(await demo.awaitExit(), 2);
      assert.match(demo.output(), /^demo: .+\n$/);
    }
  });
});
