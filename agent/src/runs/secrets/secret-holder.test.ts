import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { createSecretHolder, type SecretName } from './secret-holder.ts';

const LINGER_MS = 60_000;
const A: SecretName = { purpose: 'source', ref: 'src_a' };
const B: SecretName = { purpose: 'repository', ref: 'repo_b' };
const RUN = 'run_1' as RunId;

function setUp() {
  const crypto = createCrypto(systemRandomBytes);
  const timers = new Set<() => void>();
  const waits: number[] = [];
  const wiped: Uint8Array[] = [];
  let changes = 0;
  const holder = createSecretHolder({
    crypto: {
      ...crypto,
      wipe(bytes) {
        crypto.wipe(bytes);
        wiped.push(bytes);
      },
    },
    lingerMs: LINGER_MS,
    setTimer(ms, callback) {
      waits.push(ms);
      timers.add(callback);
      return () => void timers.delete(callback);
    },
    onChange() {
      changes += 1;
    },
  });
  const seal = (text: string) => ({ box: crypto.toBase64Url(new TextEncoder().encode(text)), signature: 'signature' });
  const put = (...names: SecretName[]) =>
    holder.put(names.map(({ purpose, ref }) => ({ purpose: purpose as 'source', ref, version: 1, sealed: seal(ref) })));
  const passTime = () => {
    for (const callback of [...timers]) {
      timers.delete(callback);
      callback();
    }
  };
  return { holder, seal, put, passTime, timers, waits, wiped, changes: () => changes };
}

describe('Secrets in memory', () => {
  it('are found as they came, and those that a newer set does not name are overwritten', () => {
    const { holder, seal, put, wiped, changes } = setUp();
    put(A, B);
    assert.deepEqual(holder.find(A), { sealed: seal('src_a') });
    put(B);
    assert.deepEqual([holder.find(A), holder.isHeld(A), holder.isHeld(B), changes()], [undefined, false, true, 2]);
    assert.ok(wiped.length >= 1 && wiped.every((bytes) => bytes.every((byte) => byte === 0)));
  });

  it('outlive a short loss of the line, and no long one', () => {
    const { holder, put, passTime, timers, waits, wiped } = setUp();
    put(A);
    holder.setConnected(false);
    holder.setConnected(true);
    assert.equal(timers.size, 0);
    holder.setConnected(false);
    assert.equal(holder.isHeld(A), true);
    passTime();
    assert.deepEqual([holder.isHeld(A), holder.find(A), wiped.length, waits.at(-1)], [false, undefined, 1, LINGER_MS]);
  });

  it('stay for the runs that use them, and for nobody else, until the last of those has ended', () => {
    const { holder, seal, put, passTime } = setUp();
    put(A);
    const [first, second] = [holder.lease(), holder.lease()];
    holder.setConnected(false);
    passTime();
    assert.equal(holder.isHeld(A), false, 'no run may begin with them');
    first();
    first();
    assert.deepEqual(holder.find(A), { sealed: seal('src_a') });
    second();
    assert.equal(holder.find(A), undefined);
  });

  it('are forgotten when the host keeps its secrets again', () => {
    const { holder, put } = setUp();
    holder.setKeepsNone(true);
    put(A);
    holder.setKeepsNone(true);
    assert.equal(holder.isHeld(A), true);
    holder.setKeepsNone(false);
    assert.deepEqual([holder.isHeld(A), holder.find(A)], [false, undefined]);
  });

  it('of a restore stay until it has ended, whatever becomes of the line and of the set', () => {
    const { holder, seal, put, passTime } = setUp();
    const ref = `${RUN}.repositories`;
    holder.holdFor(RUN, ref, seal('x'));
    put(A);
    holder.setConnected(false);
    passTime();
    assert.deepEqual(holder.find({ purpose: 'request', ref }), { sealed: seal('x') });
    holder.release('run_2' as RunId);
    assert.ok(holder.find({ purpose: 'request', ref }));
    holder.release(RUN);
    assert.equal(holder.find({ purpose: 'request', ref }), undefined);
  });

  it('are overwritten when the agent ends, and nothing waits after that', () => {
    const { holder, seal, put, timers, wiped } = setUp();
    put(A);
    holder.holdFor(RUN, 'r', seal('x'));
    holder.setConnected(false);
    holder.wipe();
    holder.setConnected(false);
    assert.deepEqual([holder.isHeld(A), timers.size, wiped.length], [false, 0, 2]);
  });
});
