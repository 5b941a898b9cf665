import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { WIRE } from '@holdfast/shared/limits.ts';
import { factsOf } from '../core/fixtures/core-rig.ts';
import { getHost, updateHost } from '../core/hosts/hosts.ts';
import { startHubRig } from './fixtures/hub-rig.ts';

const BEAT = {
  loopLagMs: 1,
  outboxEvents: 0,
  outboxBytes: 0,
  activeRuns: 0,
  queuedRuns: 0,
  cpuRatio: 0,
  memoryUsedBytes: 1,
  memoryTotalBytes: 2,
  stateDiskFreeBytes: 9 * 1024 ** 3,
};
const facts = { ...factsOf('played.example.com'), pdeathsig: true };

async function openWelcomed(t: TestContext) {
  const rig = await startHubRig(t);
  const agent = await rig.enrol('db-1');
  const line = rig.dial(agent);
  await line.greet({ facts });
  const read = () => getHost(rig.context, rig.admin, agent.id);
  const become = (condition: string, about: readonly string[] = []) =>
    rig.until(`it is ${condition}: ${about.join()}`, async () => {
      const host = await read();
      return host.condition === condition && (host.ailments ?? []).map((one) => one.about).join() === about.join();
    });
  return { rig, agent, line, read, become };
}

describe('The condition of a connected host', () => {
  it('is unknown until its first heartbeat, and unknown again when its line is gone', async (t) => {
    const { rig, agent, line, read, become } = await openWelcomed(t);
    assert.equal((await read()).condition, 'unknown');
    line.send('heartbeat', BEAT);
    await become('good');
    line.socket.close();
    await line.closed;
    await rig.until('it is offline', () => !rig.directory.isOnline(agent.id));
    assert.equal((await read()).condition, 'unknown');
  });

  it('follows its disk, its journal, its tools and its clock, and gets well again', async (t) => {
    const { line, become } = await openWelcomed(t);
    line.send('heartbeat', { ...BEAT, stateDiskFreeBytes: 0 });
    await become('degraded', ['room']);
    line.send('heartbeat', { ...BEAT, stateDiskFreeBytes: 0, journalTakesWrites: false });
    await become('degraded', ['room', 'journal']);
    line.send('heartbeat', BEAT);
    await become('good');
    line.send('inventory', { facts: { ...facts, pdeathsig: false }, tools: [{ tool: 'restic', found: false }] });
    await become('degraded', ['tools', 'children']);
    line.send('inventory', { facts, tools: [{ tool: 'restic', found: true, path: '/usr/bin/restic', version: '0.18.0' }] });
    await become('good');
  });

  it('is degraded while its clock is far off', async (t) => {
    const { rig, line, become } = await openWelcomed(t);
    line.send('heartbeat', BEAT);
    await become('good');
    rig.clock.shift(WIRE.skewAlertMs + 5000);
    for (let beats = 0; beats < 3; beats += 1) line.send('heartbeat', BEAT);
    await become('degraded', ['clock']);
  });

  it('is degraded while it does not take its settings, whatever code it refuses them with, and good when it took them', async (t) => {
    const { rig, agent, line, read, become } = await openWelcomed(t);
    line.send('heartbeat', BEAT);
    for (const code of ['invalid', 'unavailable'] as const) {
      const put = await line.take('spec.put');
      line.send('error', { code, message: `it says ${code}`, retry: 'later' }, put.id);
      const why = `did not reach it: it says ${code}`;
      await rig.until(why, async () => (await read()).ailments?.[0]?.text.endsWith(why) === true);
      await become('degraded', ['settings']);
      await updateHost(rig.context, rig.admin, agent.id, { tags: [code] });
    }
    const put = await line.take('spec.put');
    line.send('reply', { result: { version: put.body.version } }, put.id);
    await become('good');
  });
});
