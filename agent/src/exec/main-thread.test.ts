import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { Worker } from 'node:worker_threads';

const AGENT = join(import.meta.dirname, '..');

/** Starts a sleeper that asks to die with the thread that started it, and tells its pid. */
const STARTER = `
const { spawn } = require('node:child_process');
const { parentPort } = require('node:worker_threads');
const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'sleep', '60'], { stdio: 'ignore' });
child.on('spawn', () => parentPort.postMessage(child.pid));
child.unref();
parentPort.once('message', () => process.exit());`;

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0] !== 'Z';
  } catch {
    return false;
  }
}

it('a child that dies with its parent dies with the thread that started it, so tools are only started by the main one', {
  timeout: 30_000,
}, async () => {
  const worker = new Worker(STARTER, { eval: true });
  const pid = await new Promise<number>((resolve) => worker.once('message', resolve));
  // setpriv asks the kernel first and becomes the sleeper then.
  const isAsleep = () => readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === 'sleep';
  for (const until = performance.now() + 10_000; !isAsleep() && performance.now() < until; )
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(isAsleep(), true);
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage('end');
  await ended;
  for (const until = performance.now() + 10_000; isAlive(pid) && performance.now() < until; )
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(isAlive(pid), false, 'the kernel sends the signal when the thread ends, although the process lives');
});

it('the agent has no threads of its own', () => {
  const files = globSync('**/*.ts', { cwd: AGENT }).filter((file) => !file.endsWith('.test.ts'));
  assert.ok(files.length > 50);
  const threaded = files.filter((file) => /worker_threads|\bcluster\b.*from/.test(readFileSync(join(AGENT, file), 'utf8')));
  assert.deepEqual(threaded, []);
});
