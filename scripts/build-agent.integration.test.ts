import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { buildAgent, NODE_FLAGS } from './build-agent.ts';

const ROOT = dirname(import.meta.dirname);

const folder = mkdtempSync(join(tmpdir(), 'holdfast-build-'));
after(() => rmSync(folder, { recursive: true }));

/** Uses every package that the agent stands on, the way the agent does; tells which switches it runs with, and whether undici was loaded. */
const PROBE = `
  import { createCrypto } from '${ROOT}/shared/src/crypto/crypto.ts';
  import { DatabaseSync } from 'node:sqlite';
  import { Command } from 'commander';
  import { Cron } from 'croner';
  import { execFileSync } from 'node:child_process';
  import { pino } from 'pino';
  import WebSocket, { WebSocketServer } from 'ws';
  import * as z from 'zod';

  async function main() {
  const hub = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((done) => hub.once('listening', done));
  const socket = new WebSocket('ws://127.0.0.1:' + hub.address().port);
  await new Promise((done) => socket.once('open', done));
  socket.terminate();
  hub.close();
  pino({ level: 'info' }, pino.destination(2)).info('probe');
  const command = new Command().argument('<word>').action(() => {}).parse();
  const crypto = await createCrypto((size) => globalThis.crypto.getRandomValues(new Uint8Array(size)));
  const keys = crypto.makeSealingKeys();
  console.log(JSON.stringify({
    sqlite: new DatabaseSync(':memory:').prepare('SELECT 6 * 7 AS answer').get().answer,
    opened: Buffer.from(crypto.unseal(keys, crypto.seal(keys.publicKey, Buffer.from('secret')))).toString(),
    fires: new Cron('0 2 * * *', { mode: '5-part' }).nextRun() instanceof Date,
    tool: execFileSync('echo', ['from a tool'], { encoding: 'utf8' }).trim(),
    parsed: z.object({ a: z.number() }).parse({ a: 1 }).a,
    word: command.args[0],
    flags: process.execArgv,
    second: process.moduleLoadList.some((name) => name.includes('undici')),
  }));
  }
  void main();
`;

describe('The executable of the agent', () => {
  it('carries every package the agent uses, and runs without Node, packages or environment', async () => {
    const main = join(folder, 'probe.ts');
    const out = join(folder, 'probe');
    writeFileSync(main, PROBE);
    await buildAgent({ main, out });
    rmSync(`${out}.cjs`);
    const stdout = execFileSync(out, ['hello'], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.deepEqual(JSON.parse(stdout), {
      sqlite: 42,
      opened: 'secret',
      fires: true,
      tool: 'from a tool',
      parsed: 1,
      word: 'hello',
      flags: [...NODE_FLAGS],
      second: false,
    });
  });

  it('is not left behind half-made when the sources do not bundle', async () => {
    const main = join(folder, 'broken.ts');
    const out = join(folder, 'broken');
    writeFileSync(main, "import './gone.ts';");
    writeFileSync(out, 'an older executable');
    await assert.rejects(buildAgent({ main, out }), /gone\.ts/);
    assert.equal(existsSync(out), false);
  });
});
