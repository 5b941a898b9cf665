import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AppError } from '../errors.ts';
import { WIRE } from '../limits.ts';
import { type CodecLimits, decodeAgentFrame, decodeServerFrame } from './codec.ts';
import { createDice, mutateFrame } from './fixtures/frame-mutations.ts';
import { readRecordedFrames } from './fixtures/recorded-frames.ts';
import { PROTOCOL_VERSION } from './version.ts';

const FRAMES = 120_000;
const MEMORY_GROWTH_BYTES = 50 * 1024 * 1024;
/** Small enough that the fuzzer meets it; the real limit has its own test. */
const limits: CodecLimits = { ...WIRE, frameBytes: 16 * 1024 };

const prototypes = [Object.prototype, Array.prototype, String.prototype, Number.prototype, Function.prototype];
const describePrototypes = () => JSON.stringify(prototypes.map((one) => Object.getOwnPropertyNames(one).sort()));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that are still held when everything that can be freed is freed. */
function measureMemory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

interface Outcomes {
  accepted: number;
  refused: Map<string, number>;
}

/** Any other throw than a typed refusal is rethrown with the frame that caused it. */
function judgeFrame(decode: (bytes: Uint8Array, limits: CodecLimits) => object, bytes: Uint8Array, outcomes: Outcomes): void {
  try {
    const frame = decode(bytes, limits);
    assert.equal(Object.getPrototypeOf(frame), Object.prototype);
    outcomes.accepted += 1;
  } catch (error) {
    const frame = Buffer.from(bytes).toString('base64').slice(0, 4000);
    assert.ok(error instanceof AppError, `${String(error)} for the frame (base64) ${frame}`);
    const closeCode = error.details['closeCode'];
    const isNamed = error.code === 'unsupported' && typeof error.details['type'] === 'string' && closeCode === undefined;
    const isClosing = error.code === 'invalid' && (closeCode === 1007 || closeCode === 1008 || closeCode === 1009);
    assert.ok(isNamed || isClosing, `${error.code} ${error.message} for the frame (base64) ${frame}`);
    assert.ok(error.message.length < 1000, `a refusal of ${error.message.length} characters for the frame (base64) ${frame}`);
    const outcome = String(closeCode ?? 'unknown type');
    outcomes.refused.set(outcome, (outcomes.refused.get(outcome) ?? 0) + 1);
  }
}

function fuzz(from: 'agent' | 'server', decode: (bytes: Uint8Array, limits: CodecLimits) => object, seed: number): Outcomes {
  const seeds = readRecordedFrames(PROTOCOL_VERSION)
    .filter((frame) => frame.from === from)
    .map((frame) => new TextDecoder().decode(frame.bytes));
  const dice = createDice(seed);
  const outcomes: Outcomes = { accepted: 0, refused: new Map() };
  for (let n = 0; n < 2000; n += 1) judgeFrame(decode, mutateFrame(dice, seeds), outcomes);
  const before = measureMemory();
  for (let n = 2000; n < FRAMES; n += 1) judgeFrame(decode, mutateFrame(dice, seeds), outcomes);
  const growth = measureMemory() - before;
  assert.ok(growth < MEMORY_GROWTH_BYTES, `memory grew by ${growth} bytes`);
  return outcomes;
}

describe(`A codec fed with ${FRAMES} bent frames`, () => {
  for (const [from, decode, seed] of [
    ['agent', decodeAgentFrame, 20_261_120],
    ['server', decodeServerFrame, 20_261_121],
  ] as const) {
    it(`refuses what is no frame of the ${from} with a typed error, and nothing else happens (seed ${seed})`, (t) => {
      const before = describePrototypes();
      const startedAt = performance.now();
      const { accepted, refused } = fuzz(from, decode, seed);
      assert.equal(describePrototypes(), before, 'a prototype was polluted');
      assert.equal('polluted' in {}, false);
      const total = accepted + [...refused.values()].reduce((sum, count) => sum + count, 0);
      assert.equal(total, FRAMES);
      // A fuzzer that reaches only one way out proves little: every way must be well travelled.
      assert.ok(accepted > FRAMES / 10, `${accepted} accepted`);
      for (const way of ['1007', '1008', '1009', 'unknown type'])
        assert.ok((refused.get(way) ?? 0) > 500, `${refused.get(way) ?? 0} times ${way}`);
      assert.ok(performance.now() - startedAt < 30_000, 'too slow to stand a flood');
      t.diagnostic(`${accepted} accepted, ${JSON.stringify(Object.fromEntries(refused))}`);
    });
  }
});
