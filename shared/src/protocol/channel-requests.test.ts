import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFixedClock } from '../clock.ts';
import type { HostId, PlanId, RunId } from '../domain/ids.ts';
import { AppError } from '../errors.ts';
import { createRequests } from './channel.ts';
import type { RequestBody } from './messages.ts';

const run = 'run_1' as RunId;
const cancel: RequestBody<'run.cancel'> = { run, requestedBy: 'ada', notAfter: 1 };

function setUp(pendingRequests = 4) {
  const clock = createFixedClock(1000);
  const sent: { type: string; id: string; body: unknown }[] = [];
  const line = { broken: false };
  const requests = createRequests({
    clock,
    pendingRequests,
    keptRequests: 2,
    send(type, id, body) {
      if (line.broken) throw new AppError('unavailable', 'the host is not connected');
      sent.push({ type, id, body });
    },
  });
  return { clock, sent, requests, line };
}

const rejectsWith = (promise: Promise<unknown>, code: string, message?: RegExp) =>
  assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, code);
    if (message) assert.match(error.message, message);
    return true;
  });

describe('A request', () => {
  it('is sent under its id and resolves with the validated result of that id', async () => {
    const { requests, sent } = setUp();
    const first = requests.request('run.cancel', cancel, 'req_1', 1000);
    const second = requests.request('run.cancel', cancel, 'req_2', 1000);
    assert.deepEqual(
      sent.map(({ type, id }) => [type, id]),
      [
        ['run.cancel', 'req_1'],
        ['run.cancel', 'req_2'],
      ],
    );
    assert.equal(requests.settle('req_2', { result: { known: false, extra: 1 } }), true);
    assert.equal(requests.settle('req_1', { result: { known: true } }), true);
    assert.deepEqual(await second, { known: false }, 'unknown fields are ignored');
    assert.deepEqual(await first, { known: true });
    assert.equal(requests.waiting, 0);
  });

  it('rejects with the typed error of the other side', async () => {
    const { requests } = setUp();
    const asked = requests.request(
      'run.start',
      { run, plan: 'plan_1' as PlanId, trigger: 'manual', requestedBy: 'ada', notAfter: 1 },
      'req_1',
      1000,
    );
    requests.settle('req_1', { error: new AppError('not_found', 'no such plan', { details: { plan: 'plan_1' } }) });
    await rejectsWith(asked, 'not_found', /no such plan/);
  });

  it('rejects a result of the wrong shape as invalid and never to be retried', async () => {
    for (const result of [undefined, null, 'yes', {}, { known: 'true' }, [], { run }]) {
      const { requests } = setUp();
      const asked = requests.request('run.cancel', cancel, 'req_1', 1000);
      assert.equal(requests.settle('req_1', { result }), true);
      await assert.rejects(asked, { code: 'invalid', retry: 'never' });
    }
  });

  it('ignores a reply that comes a second time, to nobody, or after its time', async () => {
    const { requests, clock } = setUp();
    const asked = requests.request('run.cancel', cancel, 'req_1', 1000);
    assert.equal(requests.settle('req_0', { result: { known: true } }), false);
    requests.settle('req_1', { result: { known: true } });
    assert.equal(requests.settle('req_1', { result: { known: false } }), false);
    assert.deepEqual(await asked, { known: true });

    const late = requests.request('run.cancel', cancel, 'req_2', 1000);
    clock.advance(1000);
    requests.expire();
    await rejectsWith(late, 'unavailable', /did not answer run\.cancel in time/);
    assert.equal(requests.settle('req_2', { result: { known: true } }), false);
  });

  it('expires exactly at its deadline, each at its own, by a clock that never jumps', async () => {
    const { requests, clock } = setUp();
    const short = requests.request('run.cancel', cancel, 'req_1', 1000);
    const long = requests.request('run.cancel', cancel, 'req_2', 1001);
    clock.set(10 ** 12);
    requests.expire();
    assert.equal(requests.waiting, 2, 'a wall clock that jumps expires nothing');
    clock.advance(999);
    requests.expire();
    assert.equal(requests.waiting, 2);
    clock.advance(1);
    requests.expire();
    await rejectsWith(short, 'unavailable');
    assert.equal(requests.waiting, 1);
    requests.settle('req_2', { result: { known: true } });
    assert.deepEqual(await long, { known: true });
  });

  it('is refused above the limit and accepted again when one was answered', async () => {
    const { requests, sent } = setUp(2);
    const first = requests.request('run.cancel', cancel, 'req_1', 1000);
    const second = requests.request('run.cancel', cancel, 'req_2', 1000);
    await rejectsWith(requests.request('run.cancel', cancel, 'req_3', 1000), 'limit');
    assert.equal(sent.length, 2, 'what is refused is not sent');
    requests.settle('req_1', { result: { known: true } });
    await first;
    const third = requests.request('run.cancel', cancel, 'req_3', 1000);
    requests.close('gone');
    await rejectsWith(second, 'unavailable');
    await rejectsWith(third, 'unavailable');
  });

  it('that is a question leaves the last places to what has to come through', async () => {
    const { requests } = setUp(4);
    const asked = [1, 2].map((nth) => requests.ask('run.cancel', cancel, `req_${nth}`, 1000));
    await rejectsWith(requests.ask('run.cancel', cancel, 'req_3', 1000), 'limit');
    const ordered = [3, 4].map((nth) => requests.request('run.cancel', cancel, `req_${nth}`, 1000));
    await rejectsWith(requests.request('run.cancel', cancel, 'req_5', 1000), 'limit');
    for (const nth of [1, 2, 3, 4]) requests.settle(`req_${nth}`, { result: { known: true } });
    assert.equal((await Promise.all([...asked, ...ordered])).length, 4);
  });

  it('cannot use an id that still waits', async () => {
    const { requests, sent } = setUp();
    const first = requests.request('run.cancel', cancel, 'req_1', 1000);
    await rejectsWith(requests.request('run.cancel', cancel, 'req_1', 1000), 'conflict');
    assert.equal(sent.length, 1);
    requests.settle('req_1', { result: { known: true } });
    assert.deepEqual(await first, { known: true }, 'the one that waits is not disturbed');
  });

  it('that cannot be sent rejects and waits for nothing', async () => {
    const { requests, line } = setUp();
    line.broken = true;
    await rejectsWith(requests.request('run.cancel', cancel, 'req_1', 1000), 'unavailable', /not connected/);
    assert.equal(requests.waiting, 0);
  });

  it('rejects when the line is lost, with the reason', async () => {
    const { requests } = setUp();
    const asked = [1, 2, 3].map((n) => requests.request('run.cancel', cancel, `req_${n}`, 1000));
    requests.close('the host lost its connection');
    for (const one of asked) await rejectsWith(one, 'unavailable', /lost its connection/);
    assert.equal(requests.waiting, 0);
    assert.equal(requests.settle('req_1', { result: { known: true } }), false);
  });
});

describe('A spec that was put', () => {
  it('is answered with a version, and nothing less', async () => {
    const { requests } = setUp();
    const host = 'host_1' as HostId;
    const asked = requests.request('spec.put', { document: host, signature: 's', version: 2 }, 'req_1', 1000);
    requests.settle('req_1', { result: { version: 0 } });
    await rejectsWith(asked, 'invalid');
  });
});
