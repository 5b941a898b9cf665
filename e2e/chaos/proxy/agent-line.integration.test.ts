import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '../../harness/services/wait-for.ts';
import { startStack } from '../../harness/stack.ts';
import { createSeed } from '../seed.ts';
import type { ProxyConnection } from './connection.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { Injection } from './faults.ts';

const DEADLINE_MS = 20_000;
/** A connection is greeted once: the server ends one on which a second hello comes. */
const HELLO_MESSAGES = 1;
/** More than the head of the upgrade: hello has gone. */
const SPOKEN_BYTES = 1_000;

describe('A real agent behind the proxy', () => {
  it('is online, has its line cut, and is back over frames that come twice, in pieces and late', async (t) => {
    const stack = await startStack();
    t.after(() => stack.stop());
    const injections: Injection[] = [];
    const proxy = await startFaultProxy({
      target: { port: Number(new URL(stack.server.url).port) },
      seed: createSeed(t.name),
      record: (injection) => injections.push(injection),
    });
    t.after(() => proxy.close());
    const { host } = await stack.enrolHost('agent', { serverUrl: `http://127.0.0.1:${proxy.port}` });
    const findLine = (least: number): ProxyConnection | undefined =>
      proxy.connections.findLast(({ id, forwardedBytes }) => id > least && forwardedBytes('up') > SPOKEN_BYTES);
    const first = await waitFor('the agent to be on the line', async () => findLine(0), { deadlineMs: DEADLINE_MS });

    proxy.set({
      delay: { ms: [1, 30] },
      messages: { direction: 'up', after: HELLO_MESSAGES, split: { chance: 1 }, duplicate: { chance: 1 } },
    });
    first.cut('reset');
    const second = await waitFor('the agent to dial again', async () => findLine(first.id), { deadlineMs: DEADLINE_MS });
    const isDoubled = ({ connection, fault }: Injection): boolean => connection === second.id && fault === 'duplicate';
    const look = async (): Promise<true | undefined> => injections.some(isDoubled) || undefined;
    await waitFor('a message of the agent to be doubled', look, { deadlineMs: DEADLINE_MS });
    await stack.api.waitForHost(host.id, 'online', DEADLINE_MS);
    assert.ok(
      proxy.connections.some(({ id }) => id === second.id),
      'the second line did not last',
    );
    assert.deepEqual(
      injections.filter(({ fault }) => fault === 'cut').map(({ connection }) => connection),
      [first.id],
    );
  });
});
