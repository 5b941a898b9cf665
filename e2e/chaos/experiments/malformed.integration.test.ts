import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { decodeServerFrame } from '@holdfast/shared/protocol/codec.ts';
import { type WebSocket, WebSocketServer } from 'ws';
import { isGood } from '../experiment.ts';
import { lightCrypto } from '../light-enrolment.ts';
import { createSeed } from '../seed.ts';
import { openTestLab } from './fixtures/test-lab.ts';
import { createBender } from './malformed/bent-frames.ts';
import { createIntruder } from './malformed/welcomed-line.ts';
import { carryOutRound } from './malformed/wire-rounds.ts';
import { judgeDecoder, judgeMemory, MALFORMED } from './malformed.ts';

const CHALLENGE = { nonce: 'n'.repeat(43), serverTime: 1, protocol: { oldest: 1, newest: 1 } };
const WELCOME = { version: 1, serverEpoch: 1, serverTime: 1, hostName: 'x', acknowledged: 0 };

/** A server that welcomes whoever says anything and takes whatever comes. */
async function startCareless(): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((_request, response) => response.end());
  const sockets = new WebSocketServer({ server });
  const say = (socket: WebSocket, type: string, body: object) =>
    socket.send(JSON.stringify({ v: 1, id: 'f_1', type, at: 1, body }));
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.once('message', () => {
      say(socket, 'welcome', WELCOME);
      socket.close(1000);
    });
    say(socket, 'challenge', CHALLENGE);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('Malformed frames', () => {
  it('neither end the server nor anybody else’s connection, and nothing grows', { timeout: 180_000 }, async (t) => {
    const { lab } = await openTestLab(t, 'selection');
    const outcomes = await MALFORMED.run(lab);
    assert.deepEqual(
      outcomes.map(({ name }) => name),
      MALFORMED.figures,
    );
    for (const outcome of outcomes) assert.ok(isGood(outcome), JSON.stringify(outcome, undefined, 2));
    assert.ok((outcomes[0]?.tried ?? 0) >= 5_000);
  });

  it('are found to be taken where a server is careless', { timeout: 60_000 }, async (t) => {
    const careless = await startCareless();
    t.after(careless.close);
    const problems: string[] = [];
    const intruder = createIntruder({
      name: 'anybody',
      host: 'host_1' as never,
      token: 'x',
      serverKey: 'k',
      signing: lightCrypto.makeSigningKeys(),
      sealing: lightCrypto.makeSealingKeys(),
    });
    const count = (_what: string, problem?: string | undefined) => void (problem !== undefined && problems.push(problem));
    await carryOutRound({
      port: careless.port,
      intruder,
      bend: createBender('agent'),
      seed: createSeed(1),
      count,
      answerMs: 500,
    });
    assert.ok(problems.length > 5, `only ${problems.length} problems`);
  });

  it('are found to break a decoder that parses without looking', () => {
    const bend = createBender('server');
    const seed = createSeed(1);
    const careless = (bytes: Uint8Array): object => JSON.parse(Buffer.from(bytes).toString('utf8'));
    const judge = (decode: (bytes: Uint8Array) => object) =>
      Array.from({ length: 200 }, (_, index) => judgeDecoder(decode, bend, seed, String(index))).filter(Boolean);
    assert.ok(judge(careless).length > 10);
    assert.deepEqual(
      judge((bytes) => decodeServerFrame(bytes, WIRE)),
      [],
    );
    const wordless = () => {
      throw new AppError('internal', 'something');
    };
    assert.equal(judge(wordless).length, 200);
  });

  it('make a figure of whichever grew more', () => {
    assert.ok(isGood(judgeMemory({ growthMb: -3, peakMb: 60 }, 49.9, 1)));
    assert.ok(!isGood(judgeMemory({ growthMb: 50.1, peakMb: 60 }, 0, 1)));
    assert.ok(!isGood(judgeMemory({ growthMb: 0, peakMb: 60 }, 51, 1)));
  });
});
