import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, RepositoryId, RunId } from '@holdfast/shared/domain/ids.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { factsOf } from '../core/fixtures/core-rig.ts';
import { type Line, startHubRig } from './fixtures/hub-rig.ts';

const notice = (text: string): DurableEvent => ({ type: 'host.notice', at: 1, level: 'info', text });

async function openWelcomed(t: Parameters<typeof startHubRig>[0]) {
  const rig = await startHubRig(t);
  const agent = await rig.enrol('db-1');
  const line = rig.dial(agent);
  await line.greet();
  return { rig, agent, line };
}

/** The line is still good: an event comes through. */
async function assertAlive(line: Line, seq: number): Promise<void> {
  line.sendEvents(seq, [notice('still here')]);
  assert.equal((await line.take('ack')).body.through, seq);
}

/** Sends an event as one frame of so many fragments. */
function sendInPieces(line: Line, seq: number, pieces: number): void {
  const body = { epoch: 'epoch-of-db-1', events: [{ seq, event: notice('x'.repeat(pieces)) }] };
  const text = JSON.stringify({ v: 1, id: `f_${pieces}`, at: 1, type: 'events', body });
  for (let piece = 1; piece < pieces; piece += 1) line.socket.send(text.slice(piece - 1, piece), { fin: false });
  line.socket.send(text.slice(pieces - 1), { fin: true });
}

describe('What no agent may send', () => {
  const cases: readonly { what: string; frame: string | Buffer; code: number }[] = [
    { what: 'a frame above the limit', frame: 'x'.repeat(WIRE.frameBytes + 1), code: 1009 },
    { what: 'a binary frame', frame: Buffer.from('{}'), code: 1003 },
    { what: 'text that is not JSON', frame: '{"v":1,', code: 1007 },
    { what: 'an empty frame', frame: '', code: 1007 },
    { what: 'a frame nested too deep', frame: `{"v":1,"x":${'['.repeat(20)}${']'.repeat(20)}}`, code: 1008 },
    { what: 'a frame with a bad head', frame: '{"v":1,"type":"heartbeat","body":{}}', code: 1008 },
    { what: 'a frame with a bad body', frame: '{"v":1,"id":"f","at":1,"type":"heartbeat","body":{"loopLagMs":-1}}', code: 1008 },
  ];
  for (const { what, frame, code } of cases) {
    it(`ends the connection with ${code}: ${what}; the server and other hosts go on`, async (t) => {
      const { rig, line } = await openWelcomed(t);
      const other = rig.dial(await rig.enrol('db-2'));
      await other.greet();
      line.socket.send(frame);
      assert.equal((await line.closed).code, code);
      await assertAlive(other, 1);
    });
  }

  it('cannot make the refusal itself break the server', async (t) => {
    const { rig, line } = await openWelcomed(t);
    const other = rig.dial(await rig.enrol('db-2'));
    await other.greet();
    const details = { ['\u0001'.repeat(40_000)]: {} };
    line.socket.send(
      JSON.stringify({ v: 1, id: 'f', at: 1, type: 'error', body: { code: 'internal', message: '', retry: 'later', details } }),
    );
    const goodbye = await line.take('goodbye');
    assert.equal(goodbye.body.error.code, 'invalid');
    assert.equal((await line.closed).code, 1008);
    await assertAlive(other, 1);
  });

  it('is a frame in more pieces than the limit; one in just as many is taken', async (t) => {
    const { line } = await openWelcomed(t);
    sendInPieces(line, 1, WIRE.fragmentsPerFrame);
    assert.equal((await line.take('ack')).body.through, 1);
    sendInPieces(line, 2, WIRE.fragmentsPerFrame + 1);
    assert.equal((await line.closed).code, 1008);
  });

  it('is a frame above the limit, which ends the connection before the rest of it is read', async (t) => {
    const { line } = await openWelcomed(t);
    line.socket.send('x'.repeat(WIRE.frameBytes + 1), { fin: false });
    assert.equal((await line.closed).code, 1009);
  });

  it('is a compressed frame, however much it offers that', async (t) => {
    const { line } = await openWelcomed(t);
    assert.equal(line.socket.extensions, '');
  });

  it('is invalid UTF-8 in a text frame, which the socket itself refuses', async (t) => {
    const { line } = await openWelcomed(t);
    line.socket.send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { binary: false });
    assert.equal((await line.closed).code, 1007);
  });
});

describe('What a newer agent may send', () => {
  it('is a type nobody knows here: refused by name, and the connection goes on', async (t) => {
    const { line } = await openWelcomed(t);
    line.socket.send(JSON.stringify({ v: 1, id: 'f_new', at: 1, type: 'telemetry', body: { a: 1 } }));
    const error = await line.take('error');
    assert.deepEqual([error.re, error.body.code, error.body.details?.['type']], ['f_new', 'unsupported', 'telemetry']);
    await assertAlive(line, 1);
  });

  it('are fields nobody knows here', async (t) => {
    const { line } = await openWelcomed(t);
    const event = { ...notice('x'), mood: 'good' };
    line.socket.send(
      JSON.stringify({
        v: 1,
        id: 'f',
        at: 1,
        type: 'events',
        hop: 2,
        body: { epoch: 'epoch-of-db-1', events: [{ seq: 1, event }] },
      }),
    );
    assert.equal((await line.take('ack')).body.through, 1);
  });
});

describe('Durable events', () => {
  it('are acknowledged cumulatively, repeats included', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    const id = line.sendEvents(1, [notice('a'), notice('b')]);
    const ack = await line.take('ack');
    assert.deepEqual([ack.re, ack.body.epoch, ack.body.through], [id, agent.epoch, 2]);
    line.sendEvents(1, [notice('a'), notice('b'), notice('c')]);
    assert.equal((await line.take('ack')).body.through, 3);
    line.sendEvents(2, [notice('b')]);
    assert.equal((await line.take('ack')).body.through, 3);
    const happenings = await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 20);
    const texts = happenings.map((one) => one.text).filter((text) => /^[abc]$/.test(text));
    assert.deepEqual(texts.sort(), ['a', 'b', 'c'], 'each counts once');
  });

  it('with a gap are answered with the number that is due, and nothing of them counts', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    line.sendEvents(1, [notice('a')]);
    await line.take('ack');
    const id = line.sendEvents(3, [notice('c')]);
    const error = await line.take('error');
    assert.deepEqual([error.re, error.body.code, error.body.details?.['expected']], [id, 'conflict', 2]);
    assert.equal((await rig.context.store.hosts.getEventPosition(agent.id, agent.epoch)).seq, 1);
    line.sendEvents(2, [notice('b'), notice('c')]);
    assert.equal((await line.take('ack')).body.through, 3);
  });

  it('are told in the next welcome, by epoch', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    line.sendEvents(1, [notice('a'), notice('b')]);
    await line.take('ack');
    line.socket.close();
    assert.equal((await rig.dial(agent).greet()).body.acknowledged, 2);
    agent.epoch = 'another-epoch';
    assert.equal((await rig.dial(agent).greet()).body.acknowledged, 0);
  });

  it('about a run of another host change nothing and stop nothing', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    const other = await rig.enrol('db-2');
    const otherLine = rig.dial(other);
    await otherLine.greet();
    const run = 'run_of_another_host' as RunId;
    const created: DurableEvent = {
      type: 'run.created',
      run,
      at: 1,
      kind: 'backup',
      trigger: 'schedule',
      repository: 'repo_1' as RepositoryId,
      sources: [],
    };
    otherLine.sendEvents(1, [created, { type: 'run.started', run, at: 2 }]);
    await otherLine.take('ack');
    line.sendEvents(1, [
      created,
      { type: 'run.log', run, at: 3, lines: [{ n: 1, at: 3, level: 'error', text: 'forged' }] },
      { type: 'run.finished', run, at: 3, state: 'succeeded', evidence: [], bytes: 1, logLines: 0, durationMs: 1 },
      notice('after'),
    ]);
    assert.equal((await line.take('ack')).body.through, 4);
    const found = await rig.context.store.runs.findRun(rig.admin.tenant, run);
    assert.deepEqual([found?.host, found?.state, found?.logLines], [other.id, 'running', 0]);
    assert.ok(
      rig.logged.some((entry) => entry.includes(agent.id) && entry.includes('another host')),
      'it is noted',
    );
  });
});

describe('Progress', () => {
  it('of another host’s run is not shown to anybody', async (t) => {
    const { rig, line } = await openWelcomed(t);
    const other = rig.dial(await rig.enrol('db-2'));
    await other.greet();
    const run = 'run_of_db_2' as RunId;
    other.sendEvents(1, [
      { type: 'run.created', run, at: 1, kind: 'backup', trigger: 'schedule', repository: 'repo_1' as RepositoryId, sources: [] },
    ]);
    await other.take('ack');
    const shown: number[] = [];
    rig.context.bus.subscribe(rig.admin.tenant, (event) => {
      if (event.kind === 'progress') shown.push(event.progress.bytes);
    });
    line.send('progress', { run, bytes: 666, bytesPerSecond: 1, stage: 'dump' });
    await assertAlive(line, 1);
    other.send('progress', { run, bytes: 7, bytesPerSecond: 1, stage: 'dump' });
    await assertAlive(other, 2);
    assert.deepEqual(shown, [7]);
  });
});

describe('The newest progress of a run', () => {
  const run = 'run_that_moves' as RunId;
  const created: DurableEvent = {
    type: 'run.created',
    run,
    at: 1,
    kind: 'backup',
    trigger: 'schedule',
    repository: 'repo_1' as RepositoryId,
    sources: [],
  };

  it('is kept while the run goes on, for pages that are opened meanwhile, and dropped when it ends', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    line.sendEvents(1, [created, { type: 'run.started', run, at: 2 }]);
    await line.take('ack');
    const find = () => rig.context.directory.findProgress({ id: run, host: agent.id })?.bytes;
    line.send('progress', { run, bytes: 7, totalBytes: 10, bytesPerSecond: 1, stage: 'dump' });
    line.send('progress', { run, bytes: 8, totalBytes: 10, bytesPerSecond: 1, stage: 'dump' });
    await rig.until('the second one is kept', () => find() === 8);
    assert.equal(rig.context.directory.findProgress({ id: run, host: 'host_other' as HostId }), undefined);
    line.sendEvents(3, [
      { type: 'run.finished', run, at: 3, state: 'failed', evidence: [], bytes: 8, logLines: 0, durationMs: 1 },
    ]);
    await line.take('ack');
    assert.equal(find(), undefined);
  });

  it('is forgotten with the connection that told it', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    line.sendEvents(1, [created, { type: 'run.started', run, at: 2 }]);
    await line.take('ack');
    const find = () => rig.context.directory.findProgress({ id: run, host: agent.id })?.bytes;
    line.send('progress', { run, bytes: 7, bytesPerSecond: 1, stage: 'dump' });
    await rig.until('it is kept', () => find() === 7);
    line.socket.close();
    await line.closed;
    await rig.until('it is forgotten', () => find() === undefined);
  });
});

describe('A host that floods', () => {
  it('is not read while too many of its frames wait, and read again when they are handled', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    const other = rig.dial(await rig.enrol('db-2'));
    await other.greet();
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { hosts } = rig.context.store;
    const record = hosts.recordContact.bind(hosts);
    t.mock.method(hosts, 'recordContact', async (...contact: Parameters<typeof record>) => {
      if (contact[0] === agent.id) await gate;
      return await record(...contact);
    });
    let pongs = 0;
    line.socket.on('pong', () => {
      pongs += 1;
    });
    const inventory = { facts: factsOf('db-1'), tools: [] };
    for (let waiting = 1; waiting < WIRE.waitingFrames; waiting += 1) line.send('inventory', inventory);
    // When the other host is answered, the server has come by here as well.
    await assertAlive(other, 1);
    line.socket.ping();
    await rig.until('the server reads on below the limit', () => pongs === 1);
    line.send('inventory', inventory);
    await assertAlive(other, 2);
    line.socket.ping();
    for (let seq = 3; seq <= 10; seq += 1) await assertAlive(other, seq);
    assert.equal(pongs, 1, 'nothing more is read');
    release();
    await rig.until('the server reads on', () => pongs === 2);
  });

  it('leaves every other host its turn between two frames that came together', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    const other = rig.dial(await rig.enrol('db-2'));
    await other.greet();
    // Less than the burst that is free, so that nothing but the turns is between the frames.
    const frames = WIRE.framesPerSecond;
    line.together(() => {
      for (let n = 1; n <= frames; n += 1) line.sendEvents(n, [notice(`burst ${n}`)]);
    });
    await assertAlive(other, 1);
    const { seq } = await rig.context.store.hosts.getEventPosition(agent.id, agent.epoch);
    assert.ok(seq < frames / 2, `${seq} of ${frames} frames were handled before the other host`);
    const isThrough = async () => (await rig.context.store.hosts.getEventPosition(agent.id, agent.epoch)).seq === frames;
    await rig.until('the burst is through', isThrough);
  });

  it('is slowed down and loses nothing, while another host is answered at once', async (t) => {
    const { rig, agent, line } = await openWelcomed(t);
    const other = rig.dial(await rig.enrol('db-2'));
    await other.greet();
    const frames = WIRE.framesPerSecond * 4;
    const startedAt = performance.now();
    for (let n = 1; n <= frames; n += 1) line.sendEvents(n, [notice(`flood ${n}`)]);
    const latencies: number[] = [];
    for (let n = 1; n <= 20; n += 1) {
      const askedAt = performance.now();
      await assertAlive(other, n);
      latencies.push(performance.now() - askedAt);
    }
    latencies.sort((a, b) => a - b);
    assert.ok((latencies[10] ?? 0) < 100, `median answer to the quiet host: ${latencies[10]} ms`);
    await rig.until(
      'the flood is through',
      async () => (await rig.context.store.hosts.getEventPosition(agent.id, agent.epoch)).seq === frames,
    );
    const seconds = (performance.now() - startedAt) / 1000;
    // A burst of two seconds is free; the other two seconds' worth is paid for by waiting.
    assert.ok(seconds > 1, `the flood went through in ${seconds} s`);
    assert.ok(seconds < 8, `the flood took ${seconds} s`);
  });
});
