import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { specSchema } from '../domain/plan.ts';
import { WIRE } from '../limits.ts';
import { decodeAgentFrame, decodeServerFrame, encodeFrame } from './codec.ts';
import { hostEventSchema, runEventSchema } from './events.ts';
import { readRecordedFrames } from './fixtures/recorded-frames.ts';
import { AGENT_FRAMES, REQUEST_TYPES, REQUESTS, type RequestType, SERVER_FRAMES } from './messages.ts';
import { PROTOCOL_OLDEST, PROTOCOL_VERSION } from './version.ts';

const versions = Array.from({ length: PROTOCOL_VERSION - PROTOCOL_OLDEST + 1 }, (_, index) => PROTOCOL_OLDEST + index);
const recorded = versions.flatMap(readRecordedFrames);
const fromAgents = recorded.filter((frame) => frame.from === 'agent');
const fromServers = recorded.filter((frame) => frame.from === 'server');

describe('Recorded frames', () => {
  for (const frame of recorded) {
    it(`of version ${frame.version} still mean what they meant: ${frame.name}`, () => {
      const decode = frame.from === 'agent' ? decodeAgentFrame : decodeServerFrame;
      const decoded = decode(frame.bytes, WIRE);
      assert.equal(decoded.v, frame.version);
      const sent: unknown = JSON.parse(new TextDecoder().decode(frame.bytes));
      assert.deepEqual(JSON.parse(encodeFrame(decoded, WIRE)), sent, 'no field is lost or changed');
    });
  }

  it('cover every frame of an agent', () => {
    const types = new Set(fromAgents.map((frame) => decodeAgentFrame(frame.bytes, WIRE).type));
    assert.deepEqual([...types].sort(), Object.keys(AGENT_FRAMES).sort());
  });

  it('cover every frame and every request of a server', () => {
    const types = new Set(fromServers.map((frame) => decodeServerFrame(frame.bytes, WIRE).type));
    assert.deepEqual([...types].sort(), [...Object.keys(SERVER_FRAMES), ...REQUEST_TYPES].sort());
  });

  it('cover every durable event', () => {
    const known = [...runEventSchema.options, ...hostEventSchema.options].map((option) => option.shape.type.value);
    const seen = new Set(
      fromAgents.flatMap((frame) => {
        const decoded = decodeAgentFrame(frame.bytes, WIRE);
        return decoded.type === 'events' ? decoded.body.events.map(({ event }) => event.type) : [];
      }),
    );
    assert.deepEqual([...seen].sort(), [...known].sort());
  });

  it('cover the answer to every request', () => {
    const seen: RequestType[] = [];
    for (const frame of fromAgents) {
      const type = REQUEST_TYPES.find((one) => frame.name === `agent-reply-${one.replace('.', '-')}`);
      const decoded = decodeAgentFrame(frame.bytes, WIRE);
      if (type === undefined || decoded.type !== 'reply') continue;
      assert.deepEqual(REQUESTS[type].result.parse(decoded.body.result), decoded.body.result);
      seen.push(type);
    }
    assert.deepEqual(seen.sort(), [...REQUEST_TYPES].sort());
  });

  it('hold a spec that is still understood as a whole', () => {
    const frames = fromServers.map((one) => decodeServerFrame(one.bytes, WIRE)).filter((one) => one.type === 'spec.put');
    assert.ok(frames.length > 1);
    for (const frame of frames) {
      const document: unknown = JSON.parse(frame.body.document);
      assert.ok(typeof document === 'object' && document !== null);
      assert.partialDeepStrictEqual(specSchema.parse(document), document, 'fields that were added later have their defaults');
    }
  });
});
