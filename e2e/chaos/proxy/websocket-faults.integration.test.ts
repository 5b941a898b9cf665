import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MessageFaults } from './faults.ts';
import { createBytes, until } from './fixtures/line-rig.ts';
import { foretell, openWebSocketRig, type Side } from './fixtures/websocket-rig.ts';
import { DIRECTION_BYTES_MAX, PROXY } from './limits.ts';

const KIB = 1024;

/** Numbered messages of many lengths, the number in front. */
function buildMessage(number: number): string {
  return `${number} ${'·'.repeat((number * 7919) % 400)}`;
}

function sendNumbered(side: Side, count: number): void {
  for (let number = 0; number < count; number += 1) side.socket.send(buildMessage(number));
}

function listNumbers(side: Side): number[] {
  return side.messages.map((text) => Number.parseInt(text, 10));
}

/** Sends in turns of the loop, as a live sender does, and closes behind the last message. */
async function sendAndClose(side: Side, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    side.socket.send(buildMessage(number));
    if (number % 50 === 49) await new Promise(setImmediate);
  }
  side.socket.close(1000);
}

describe('Duplicates and reordering', () => {
  const faults: MessageFaults = {
    duplicate: { chance: 0.2, later: [0, 10] },
    reorder: { chance: 0.2, by: [1, 50] },
  };

  it('of 10000 messages arrive exactly as recorded, and nothing is lost', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { ...faults, direction: 'up' } } });
    const { client, server } = await rig.open();
    await sendAndClose(client, 10_000);
    await until('the close', () => server.closeCode !== undefined && client.closeCode !== undefined);
    assert.deepEqual([server.closeCode, client.closeCode, server.errors], [1000, 1000, []]);
    const seen = listNumbers(server);
    assert.deepEqual(seen, foretell(rig.injections, 'up', 10_000));
    assert.equal(new Set(seen).size, 10_000);
    assert.ok(server.messages.every((text) => text === Buffer.from(buildMessage(Number.parseInt(text, 10))).toString('latin1')));
    const count = (fault: string): number => rig.injections.filter((injection) => injection.fault === fault).length;
    assert.equal(seen.length, 10_000 + count('duplicate'));
    assert.ok(Math.abs(count('duplicate') - 2_000) < 200, `${count('duplicate')} duplicates`);
    assert.ok(count('reorder') + count('hold') > 1_500, `${count('reorder')} reordered, ${count('hold')} only held`);
    assert.ok(seen.some((number, index) => number < (seen[index - 1] ?? 0)));
  });

  it('happen in both directions at once, each by its own record', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: faults } });
    const { client, server } = await rig.open();
    sendNumbered(client, 1_000);
    sendNumbered(server, 1_000);
    const isWhole = (side: Side): boolean => new Set(listNumbers(side)).size === 1_000;
    await until('all messages', () => isWhole(client) && isWhole(server));
    client.socket.close();
    await until('the close', () => server.closeCode !== undefined && client.closeCode !== undefined);
    assert.deepEqual(listNumbers(server), foretell(rig.injections, 'up', 1_000));
    assert.deepEqual(listNumbers(client), foretell(rig.injections, 'down', 1_000));
  });

  it('are the same again with the same seed, and others with another', async (t) => {
    const draw = async (seed: string): Promise<string> => {
      const rig = await openWebSocketRig(t, { faults: { messages: { ...faults, direction: 'up' } }, seed });
      const { client, server } = await rig.open();
      sendNumbered(client, 1_000);
      client.socket.close();
      await until('the close', () => server.closeCode !== undefined);
      return JSON.stringify(rig.injections.map(({ connection, fault, detail }) => [connection, fault, detail]));
    };
    const first = await draw('one');
    assert.equal(await draw('one'), first);
    assert.notEqual(await draw('two'), first);
  });

  it('of one kind do not move when another kind is switched on', async (t) => {
    const listDuplicated = async (messages: MessageFaults): Promise<unknown[]> => {
      const rig = await openWebSocketRig(t, { faults: { messages }, seed: 'kinds' });
      const { client, server } = await rig.open();
      sendNumbered(client, 500);
      client.socket.close();
      await until('the close', () => server.closeCode !== undefined);
      const messagesOf = rig.injections
        .filter(({ fault }) => fault === 'duplicate')
        .map(({ detail }) => Number(detail['message']));
      return messagesOf.sort((one, other) => one - other);
    };
    const alone = await listDuplicated({ direction: 'up', duplicate: { chance: 0.1 } });
    const others: MessageFaults = { reorder: { chance: 0.3, by: [1, 5] }, split: { chance: 0.1 } };
    assert.ok(alone.length > 20);
    assert.deepEqual(await listDuplicated({ direction: 'up', duplicate: { chance: 0.1 }, ...others }), alone);
  });

  it('leave the first messages of a connection alone when told to', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { after: 3, duplicate: { chance: 1 } } } });
    const { client, server } = await rig.open();
    sendNumbered(client, 5);
    sendNumbered(server, 4);
    await until('all messages', () => server.messages.length === 7 && client.messages.length === 5);
    assert.deepEqual(
      [listNumbers(server), listNumbers(client)],
      [
        [0, 1, 2, 3, 3, 4, 4],
        [0, 1, 2, 3, 3],
      ],
    );
  });

  it('let a lone message go after its time, so that no exchange stops', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { reorder: { chance: 1, by: 5, holdMs: 60 } } } });
    const { client, server } = await rig.open();
    const sentAt = performance.now();
    client.socket.send('question');
    await until('the question', () => server.messages.length === 1);
    assert.ok(performance.now() - sentAt >= 59);
    assert.deepEqual(
      rig.injections.filter(({ fault }) => fault !== 'set').map(({ fault }) => fault),
      ['hold'],
    );
  });

  it('treat the fragments of a message as one', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { direction: 'up', duplicate: { chance: 1 } } } });
    const { client, server } = await rig.open();
    client.socket.send('one ', { fin: false });
    client.socket.ping('between');
    client.socket.send('two ', { fin: false });
    client.socket.send('three', { fin: true });
    await until('both', () => server.messages.length === 2);
    assert.deepEqual(server.events, ['ping between', 'one two three', 'one two three']);
  });
});

describe('Control frames', () => {
  it('go ahead of messages held back, keep their own order, and are not duplicated', async (t) => {
    const faults: MessageFaults = { reorder: { chance: 1, by: 9, holdMs: 60_000 }, duplicate: { chance: 1 } };
    const rig = await openWebSocketRig(t, { faults: { messages: { direction: 'up', ...faults } } });
    const { client, server } = await rig.open();
    client.socket.send('held');
    for (const name of ['a', 'b', 'c']) client.socket.ping(name);
    await until('the pings', () => server.events.length === 3);
    assert.deepEqual(server.events, ['ping a', 'ping b', 'ping c']);
    client.socket.close(1000);
    await until('the close', () => server.closeCode === 1000);
    assert.deepEqual(server.events, ['ping a', 'ping b', 'ping c', 'held', 'held']);
    assert.deepEqual(client.events, ['pong a', 'pong b', 'pong c']);
  });

  it('go unanswered on a half-open line whose sockets stay open', async (t) => {
    const rig = await openWebSocketRig(t);
    const { client, server } = await rig.open();
    client.socket.ping('heard');
    await until('the pong', () => client.events.length === 1);
    rig.proxy.set({ halfOpen: 'both' });
    client.socket.ping('unheard');
    server.socket.ping('unheard');
    const [connection] = rig.proxy.connections;
    await until(
      'both to be swallowed',
      () => [connection?.swallowedBytes('up'), connection?.swallowedBytes('down')].join() === '13,9',
    );
    assert.deepEqual([client.events, server.events], [['pong heard'], ['ping heard']]);
    assert.deepEqual([client.socket.readyState, server.socket.readyState], [1, 1]);
  });
});

describe('A message', () => {
  it('may come late, and those behind it wait in their order', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { direction: 'up', delay: { chance: 0.1, ms: [10, 30] } } } });
    const { client, server } = await rig.open();
    const sentAt = performance.now();
    sendNumbered(client, 50);
    await until('all messages', () => server.messages.length === 50);
    const delays = rig.injections.filter(({ fault }) => fault === 'delay').map(({ detail }) => Number(detail['ms']));
    assert.ok(delays.length > 0);
    assert.ok(performance.now() - sentAt >= Math.max(...delays) - 1);
    assert.deepEqual(
      listNumbers(server),
      Array.from({ length: 50 }, (_, number) => number),
    );
  });

  it('may be dropped, and only then', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { direction: 'up', drop: { chance: 0.2 } } } });
    const { client, server } = await rig.open();
    sendNumbered(client, 200);
    client.socket.close();
    await until('the close', () => server.closeCode !== undefined);
    const seen = listNumbers(server);
    assert.deepEqual(seen, foretell(rig.injections, 'up', 200));
    assert.ok(seen.length > 120 && seen.length < 190, `${seen.length} of 200 came through`);
  });

  it('may arrive in pieces, cut inside its header too', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { direction: 'up', split: { chance: 1, pieces: [4, 8] } } } });
    const { client, server } = await rig.open();
    const messages = Array.from({ length: 40 }, (_, number) => createBytes(200 + number).toString('latin1'));
    for (const text of messages) client.socket.send(Buffer.from(text, 'latin1'));
    await until('all messages', () => server.messages.length === 40);
    assert.deepEqual(server.messages, messages);
    const pieces = rig.injections.filter(({ fault }) => fault === 'split').map(({ detail }) => Number(detail['pieces']));
    assert.equal(pieces.length, 40);
    const written = pieces.reduce((sum, count) => sum + count, 0);
    assert.ok(server.reads.length > written / 2, `${written} pieces came in ${server.reads.length} reads`);
    assert.ok(server.reads.some((bytes) => bytes < 8));
  });

  it('may be where the connection ends: what came before is whole, what came after is not there', async (t) => {
    for (const how of ['reset', 'end'] as const) {
      const rig = await openWebSocketRig(t, { faults: { messages: { direction: 'up', cut: { chance: 0.02, how } } }, seed: how });
      const { client, server } = await rig.open();
      await sendAndClose(client, 2_000);
      await until('the end', () => server.closeCode !== undefined && client.closeCode !== undefined);
      const cut = rig.injections.find(({ fault }) => fault === 'cutMessage')?.detail;
      assert.ok(cut !== undefined, 'no cut was injected');
      const arrived = Number(cut['message']) + (cut['bytes'] === cut['messageBytes'] ? 1 : 0);
      assert.deepEqual(
        listNumbers(server),
        Array.from({ length: arrived }, (_, number) => number),
      );
      assert.deepEqual([server.closeCode, client.closeCode], [1006, 1006]);
      assert.equal(rig.injections.at(-1)?.fault, 'cut');
    }
  });
});

describe('What cannot be kept whole or told apart', () => {
  const everything: MessageFaults = { duplicate: { chance: 1 }, reorder: { chance: 1, by: 1 }, drop: { chance: 0.5 } };

  it('goes through untouched: a message that is too large, among others that are touched', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: { direction: 'up', duplicate: { chance: 1 } } } });
    const { client, server } = await rig.open();
    const large = createBytes(PROXY.messageBytes + KIB);
    client.socket.send('before');
    client.socket.send(large);
    client.socket.send('after');
    await until('all', () => server.messages.length === 5);
    assert.deepEqual(server.messages, ['before', 'before', large.toString('latin1'), 'after', 'after']);
    const positions = rig.injections.filter(({ fault }) => fault === 'duplicate').map(({ detail }) => detail['position']);
    assert.deepEqual(positions, [1, 4]);
  });

  it('goes through untouched: compressed messages', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: everything }, server: { perMessageDeflate: { threshold: 0 } } });
    const { client, server } = await rig.open({ perMessageDeflate: { threshold: 0 } });
    assert.match(client.socket.extensions, /permessage-deflate/);
    const sent = Array.from({ length: 100 }, (_, number) => buildMessage(number));
    for (const text of sent) client.socket.send(text);
    await until('all', () => server.messages.length === 100);
    assert.deepEqual(
      server.messages,
      sent.map((text) => Buffer.from(text).toString('latin1')),
    );
  });

  it('goes through untouched: a connection that is not a WebSocket', async (t) => {
    const rig = await openWebSocketRig(t, { faults: { messages: everything } });
    const answer = await fetch(`http://127.0.0.1:${rig.proxy.port}/`);
    assert.equal(answer.status, 426);
    assert.deepEqual(
      rig.injections.map(({ fault }) => fault),
      ['set'],
    );
  });
});

describe('Memory with message faults', () => {
  it('stays bounded when the reader stands still, and all messages come when it goes on', async (t) => {
    const messages: MessageFaults = { direction: 'up', duplicate: { chance: 0.5 }, reorder: { chance: 0.5, by: [1, 50] } };
    const rig = await openWebSocketRig(t, { faults: { messages } });
    const { client, server } = await rig.open();
    server.raw.pause();
    const payload = createBytes(200 * KIB);
    const [connection] = rig.proxy.connections;
    let mostHeld = 0;
    for (let sent = 0; sent < 200; sent += 1) client.socket.send(payload);
    await until('the sender to be stuck', () => {
      mostHeld = Math.max(mostHeld, connection?.heldBytes('up') ?? 0);
      return connection?.isPushingBack('up') === true;
    });
    server.raw.resume();
    const countDuplicates = (): number => rig.injections.filter(({ fault }) => fault === 'duplicate').length;
    await until('all messages', () => {
      mostHeld = Math.max(mostHeld, connection?.heldBytes('up') ?? 0);
      return server.messages.length === 200 + countDuplicates() && countDuplicates() > 60;
    });
    assert.ok(mostHeld <= DIRECTION_BYTES_MAX, `held ${mostHeld} of at most ${DIRECTION_BYTES_MAX}`);
    const expected = payload.toString('latin1');
    assert.ok(server.messages.every((text) => text === expected));
  });
});
