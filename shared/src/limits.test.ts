import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SEALED } from './crypto/sealed.ts';
import * as limits from './limits.ts';

const { COUNTS, ENROLMENT, HTTP, LOG, OUTBOX, PROCESS, RUNS, TEXT, WIRE } = limits;

describe('The limits', () => {
  it('are whole numbers above zero', () => {
    for (const [group, values] of Object.entries(limits))
      for (const [name, value] of Object.entries(values))
        assert.ok(Number.isSafeInteger(value) && value > 0, `${group}.${name} is ${String(value)}`);
  });

  it('of the wire fit into each other', () => {
    assert.ok(WIRE.eventBytesPerFrame + 16 * 1024 <= WIRE.frameBytes, 'a full batch of events and its envelope fit a frame');
    assert.ok(WIRE.frameBytes <= WIRE.bytesPerSecond, 'one frame never costs more than a second');
    assert.ok(WIRE.unacknowledgedFrames * WIRE.frameBytes <= 2 * WIRE.bytesPerSecond, 'a full window fits the burst');
    assert.ok(WIRE.fragmentsPerFrame * 2048 >= WIRE.frameBytes, 'a full frame may come in pieces of 2 KiB');
    assert.ok(WIRE.waitingFrames * WIRE.frameBytes <= 8 * 1024 * 1024, 'what waits of one host is at most 8 MiB');
    assert.ok(WIRE.waitingFrames > WIRE.unacknowledgedFrames, 'a full window does not stop the reading');
    assert.ok(SEALED.boxChars + 32 * 1024 < WIRE.frameBytes, 'the largest sealed secrets fit a frame');
  });

  it('of silence let two pings be lost, and see a dead line before the page does', () => {
    assert.ok(WIRE.silenceMs > 2 * WIRE.pingIntervalMs);
    assert.ok(WIRE.offlineAfterMs > WIRE.silenceMs + WIRE.pingIntervalMs);
    assert.ok(WIRE.goodbyeGraceMs < 2000, 'a revoked host is gone within two seconds');
    assert.ok(WIRE.reconnectMinMs < WIRE.reconnectMaxMs);
  });

  it('of logs fit the wire and the outbox', () => {
    assert.ok(TEXT.logLineBytes <= LOG.batchBytes);
    // In the worst case JSON writes six bytes for one.
    assert.ok(TEXT.logLineBytes * 6 + 1024 < WIRE.eventBytesPerFrame, 'the worst line is one event');
    assert.ok(LOG.runBytes < OUTBOX.bytes);
    assert.ok(LOG.runBytes + LOG.runReserveBytes < OUTBOX.logBytesPerDay, 'a day without the server holds a whole log');
    assert.ok(4 * OUTBOX.logBytesPerDay <= OUTBOX.bytes, 'four loud days without the server leave each other their room');
    assert.ok(LOG.runBytes < LOG.hostDayBytes && LOG.runReserveBytes < LOG.hostDayReserveBytes);
    assert.ok(TEXT.logLineBytes * 6 + 1024 < LOG.tailBytes, 'the worst line fits among the last ones');
  });

  it('of runs, processes and people stay in proportion', () => {
    assert.ok(RUNS.perHost <= RUNS.queued);
    assert.ok(PROCESS.cancelGraceMs < 7000, 'a cancelled run is gone within seven seconds');
    assert.ok(PROCESS.stderrHeadBytes + PROCESS.stderrTailBytes < PROCESS.toolOutputBytes);
    assert.ok(HTTP.pageSize <= HTTP.pageSizeMax);
    assert.ok(HTTP.sessionIdleMs <= HTTP.sessionMs);
    assert.ok(ENROLMENT.pollIntervalMs < ENROLMENT.announcementLifeMs);
    assert.ok(COUNTS.sourcesPerHost >= RUNS.partsPerRun);
  });
});
