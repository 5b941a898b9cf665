import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signDocument } from '@holdfast/shared/crypto/envelope.ts';
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { HOST } from './fixtures/agent-rig.ts';
import { type ServerLine, startSessionRig } from './fixtures/server-rig.ts';

const notice = (text: string): DurableEvent => ({ type: 'host.notice', at: 1, level: 'info', text });
const notices = (count: number, from = 1) => Array.from({ length: count }, (_, index) => notice(`event ${from + index}`));

async function takeSeqs(line: ServerLine): Promise<{ epoch: string; seqs: number[] }> {
  const { body } = await line.take('events');
  return { epoch: body.epoch, seqs: body.events.map(({ seq }) => seq) };
}

/** The line still works: a question is answered. */
async function assertAlive(line: ServerLine): Promise<void> {
  const id = line.ask('run.cancel', { run: 'run_nobody_knows' as RunId, requestedBy: 'ada', notAfter: 2 ** 45 });
  const reply = await line.take('reply');
  assert.deepEqual([reply.re, reply.body.result], [id, { known: false }]);
}

describe('Durable events', () => {
  it('leave as soon as they are written, and are gone from the outbox once acknowledged', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    const hello = await line.welcome();
    rig.journal.outbox.appendAll(notices(3));
    const { epoch, seqs } = await takeSeqs(line);
    assert.deepEqual([epoch, seqs], [hello.body.outbox.epoch, [1, 2, 3]]);
    line.send('ack', { epoch, through: 3 });
    await assertAlive(line);
    assert.equal(rig.journal.outbox.acknowledgedSeq(), 3);
    assert.equal(rig.journal.outbox.size().waitingEvents, 0);
  });

  it('that were not acknowledged are sent again on the next connection, from where the server says', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => void journal.outbox.appendAll(notices(5)));
    const first = await rig.accept();
    await first.welcome();
    assert.deepEqual((await takeSeqs(first)).seqs, [1, 2, 3, 4, 5]);
    first.socket.terminate();
    const second = await rig.accept();
    await second.welcome(2);
    assert.deepEqual((await takeSeqs(second)).seqs, [3, 4, 5]);
    assert.equal(rig.journal.outbox.acknowledgedSeq(), 2);
  });

  it('are all sent again in a new epoch to a server that has forgotten some', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => void journal.outbox.appendAll(notices(4)));
    const first = await rig.accept();
    await first.welcome();
    const { epoch } = await takeSeqs(first);
    first.send('ack', { epoch, through: 4 });
    await assertAlive(first);
    first.socket.terminate();
    const second = await rig.accept();
    await second.welcome(1);
    const replayed = await takeSeqs(second);
    assert.notEqual(replayed.epoch, epoch);
    assert.deepEqual(replayed.seqs, [1, 2, 3, 4]);
  });

  it('are named in hello by the last one promised, also when the epoch changed since', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => {
      journal.outbox.appendAll(notices(4));
      journal.outbox.acknowledge(3);
    });
    const { epoch } = rig.journal.outbox;
    rig.journal.outbox.startNewEpoch();
    const hello = await (await rig.accept()).welcome();
    assert.deepEqual(hello.body.outbox.promised, { epoch, seq: 3 });
  });

  for (const [what, welcome] of [
    ['asks for them', { serverEpoch: 1, replay: true }],
    ['has another epoch than last time', { serverEpoch: 2 }],
  ] as const) {
    it(`are all sent again to a server that ${what}, once`, async (t) => {
      const rig = await startSessionRig(t, ({ journal }) => {
        journal.outbox.appendAll(notices(4));
        journal.outbox.acknowledge(4);
        journal.outbox.startNewEpoch();
      });
      const first = await rig.accept();
      await first.welcome();
      await assertAlive(first);
      assert.ok(!first.listWaiting().includes('events'), 'the first server that is met owes nothing');
      first.socket.terminate();
      const second = await rig.accept();
      await second.take('hello');
      second.send('welcome', { version: 1, serverTime: 1, hostName: 'x', acknowledged: 0, ...welcome });
      const sent = await takeSeqs(second);
      assert.deepEqual(sent.seqs, [1, 2, 3, 4]);
      second.send('ack', { epoch: sent.epoch, through: 4 });
      await assertAlive(second);
      second.socket.terminate();
      const third = await rig.accept();
      const hello = await third.take('hello');
      assert.deepEqual(hello.body.outbox.promised, { epoch: sent.epoch, seq: 4 });
      assert.equal(hello.body.serverEpoch, welcome.serverEpoch);
      third.send('welcome', { version: 1, serverTime: 1, hostName: 'x', acknowledged: 4, serverEpoch: welcome.serverEpoch });
      await assertAlive(third);
      assert.ok(!third.listWaiting().includes('events'), 'nothing is owed any more');
    });
  }

  it('get numbers of a new epoch when the server has seen more than this journal ever wrote', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => void journal.outbox.appendAll(notices(2)));
    const line = await rig.accept();
    const hello = await line.welcome(9);
    const sent = await takeSeqs(line);
    assert.notEqual(sent.epoch, hello.body.outbox.epoch);
    assert.deepEqual(sent.seqs, [1, 2]);
  });

  it('are sent again from the number the server expects', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => void journal.outbox.appendAll(notices(4)));
    const line = await rig.accept();
    await line.welcome();
    await takeSeqs(line);
    const refusal = { code: 'conflict' as const, message: 'event 1 arrived where 3 was due', retry: 'after_change' as const };
    line.send('error', { ...refusal, details: { expected: 3 } });
    assert.deepEqual((await takeSeqs(line)).seqs, [3, 4]);
  });

  it('are not sent again for a refusal that comes late: of what is settled, or of a frame from before another refusal', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => void journal.outbox.appendAll(notices(4)));
    const line = await rig.accept();
    await line.welcome();
    const first = await line.take('events');
    const { epoch } = first.body;
    const refuse = (expected: number, re: string) =>
      line.send('error', { code: 'conflict', message: 'a gap', retry: 'after_change', details: { expected } }, re);
    refuse(3, first.id);
    const second = await line.take('events');
    assert.deepEqual(
      second.body.events.map(({ seq }) => seq),
      [3, 4],
    );
    refuse(3, first.id);
    await assertAlive(line);
    assert.ok(!line.listWaiting().includes('events'), 'a second refusal of the same window');
    line.send('ack', { epoch, through: 3 });
    refuse(3, second.id);
    const third = await line.take('events');
    assert.deepEqual(
      third.body.events.map(({ seq }) => seq),
      [4],
      'the frame was refused before what it lacked came and was acknowledged',
    );
    line.send('ack', { epoch, through: 4 });
    refuse(4, third.id);
    refuse(9, third.id);
    await assertAlive(line);
    assert.ok(!line.listWaiting().includes('events'), 'a refusal of what was acknowledged since, or of what was never sent');
    assert.equal(rig.journal.outbox.epoch, epoch);
  });

  it('are not sent again for a welcome that comes twice', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => void journal.outbox.appendAll(notices(2)));
    const line = await rig.accept();
    await line.welcome();
    const { epoch } = await takeSeqs(line);
    line.send('ack', { epoch, through: 2 });
    line.send('welcome', { version: 1, serverEpoch: 1, serverTime: 1, hostName: 'db-1', acknowledged: 0 });
    await assertAlive(line);
    assert.ok(!line.listWaiting().includes('events'));
    assert.equal(rig.journal.outbox.epoch, epoch);
  });

  it('are not believed to be delivered by an acknowledgement of another epoch or of what was never sent', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => void journal.outbox.appendAll(notices(2)));
    const line = await rig.accept();
    await line.welcome();
    const { epoch } = await takeSeqs(line);
    line.send('ack', { epoch: 'another-epoch', through: 2 });
    line.send('ack', { epoch, through: 7 });
    await assertAlive(line);
    assert.equal(rig.journal.outbox.acknowledgedSeq(), 0);
  });

  it('keep a window: no more frames than may be unacknowledged', async (t) => {
    const rig = await startSessionRig(t, ({ journal }) => {
      for (let n = 0; n < 20; n += 1) journal.outbox.appendAll(notices(100, n * 100));
    });
    const line = await rig.accept();
    await line.welcome();
    const frames = [];
    for (let n = 0; n < 8; n += 1) frames.push(await takeSeqs(line));
    await assertAlive(line);
    assert.ok(!line.listWaiting().includes('events'));
    line.send('ack', { epoch: frames[0]?.epoch ?? '', through: frames[0]?.seqs.at(-1) ?? 0 });
    assert.equal((await takeSeqs(line)).seqs[0], (frames[7]?.seqs.at(-1) ?? 0) + 1);
  });
});

describe('A request', () => {
  it('of an unknown type is ignored, and the connection goes on', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    line.socket.send(JSON.stringify({ v: 1, id: 'req_new', at: 1, type: 'host.reboot', body: {} }));
    await assertAlive(line);
  });

  it('that is refused is answered with the typed error, clipped to what a frame may hold', async (t) => {
    const rig = await startSessionRig(t);
    rig.handlers['run.start'] = () => {
      throw Object.assign(new Error('no AppError: password=geheim'), {});
    };
    const line = await rig.accept();
    await line.welcome();
    const run = {
      run: 'run_1' as RunId,
      plan: 'plan_1' as PlanId,
      trigger: 'manual' as const,
      requestedBy: 'ada',
      notAfter: 2 ** 45,
    };
    const id = line.ask('run.start', run);
    const error = await line.take('error');
    assert.equal(error.re, id);
    assert.equal(error.body.code, 'internal');
    assert.doesNotMatch(error.body.message, /geheim/);
    const secondId = line.ask('source.test', {
      ref: 'r',
      draft: { kind: 'postgres', config: { ['x'.repeat(60)]: 1 } },
      notAfter: 2 ** 45,
    });
    const second = await line.take('error');
    assert.equal(second.re, secondId);
    await assertAlive(line);
  });

  it('that breaks the schema ends the connection, and the agent dials again', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    line.socket.send(JSON.stringify({ v: 1, id: 'req_1', at: 1, type: 'run.start', body: { run: 'no-run' } }));
    assert.equal(await line.closed, 1008);
    await (await rig.accept()).welcome();
  });

  it('for a spec is answered once the spec is on disk, and known in the next hello', async (t) => {
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    assert.equal((await line.welcome()).body.specVersion, 0);
    const spec = {
      tenant: 'ten_default',
      host: HOST,
      hostName: 'db-1',
      version: 4,
      issuedAt: 1,
      concurrency: 3,
      sources: [],
      repositories: [],
      plans: [],
    } as unknown as Spec;
    const id = line.ask('spec.put', { ...signDocument(rig.crypto, rig.serverKeys, 'spec', spec), version: 4 });
    const reply = await line.take('reply');
    assert.deepEqual([reply.re, reply.body.result], [id, { version: 4 }]);
    assert.equal(rig.specs.at(-1)?.version, 4);
    line.socket.terminate();
    const next = (await (await rig.accept()).welcome()).body;
    assert.deepEqual([next.specVersion, next.specSignature], [4, rig.journal.spec.load()?.signature]);
  });
});

describe('A line', () => {
  it('on which the server’s pings stop is cut, and the agent dials again', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    rig.clock.shift(30_000);
    line.socket.ping();
    await assertAlive(line);
    rig.clock.shift(30_000);
    t.mock.timers.tick(20_000);
    await line.take('heartbeat');
    rig.clock.shift(45_000);
    t.mock.timers.tick(20_000);
    assert.equal(await line.closed, 1006);
    await rig.accept();
  });

  it('that is silent is cut within a second of its limit, wherever that falls between two pings', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const rig = await startSessionRig(t);
    const line = await rig.accept();
    await line.welcome();
    await line.take('heartbeat');
    rig.clock.shift(WIRE.silenceMs - 1000);
    t.mock.timers.tick(1000);
    await assertAlive(line);
    rig.clock.shift(WIRE.silenceMs + 1);
    t.mock.timers.tick(1000);
    assert.equal(await line.closed, 1006);
  });

  it('carries volatile frames only while it is welcomed', async (t) => {
    const rig = await startSessionRig(t);
    const progress = { run: 'run_1' as RunId, bytes: 1, bytesPerSecond: 1, stage: 'dump' };
    const line = await rig.accept();
    await line.take('hello');
    rig.session.sendVolatile('progress', progress);
    line.send('welcome', { version: 1, serverEpoch: 1, serverTime: 1, hostName: 'x', acknowledged: 0 });
    await line.take('heartbeat');
    assert.ok(!line.listWaiting().includes('progress'));
    rig.session.sendVolatile('progress', progress);
    assert.deepEqual((await line.take('progress')).body, progress);
  });
});
