import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { openJournal } from './journal.ts';

const KILLS = 50;
const WRITER = join(import.meta.dirname, 'fixtures', 'journal-writer.ts');

describe('kill -9 at random points', () => {
  it('loses nothing that was handed out, leaves no gap, and keeps event, run and order together', {
    timeout: 120_000,
  }, async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
    const told = new Map<number, string>();
    let epoch: string | undefined;
    for (let kill = 0; kill < KILLS; kill += 1) {
      await writeUntilKilled(stateDir, Math.random() * 40, told);
      epoch ??= readEpoch(stateDir);
    }
    const journal = openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes });
    const { outbox, runs, orders } = journal;
    const last = outbox.lastSeq();
    assert.equal(outbox.epoch, epoch);
    assert.ok(told.size > KILLS && last >= Math.max(...told.keys()));
    const events = outbox.read(0, last + 1, Number.MAX_SAFE_INTEGER);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      Array.from({ length: last }, (_, index) => index + 1),
    );
    for (const { seq, event } of events) {
      assert.ok(event.type === 'host.notice');
      const [number, run] = event.text.split(' ');
      assert.equal(Number(number), seq);
      if (told.has(seq)) assert.equal(run, told.get(seq));
      assert.deepEqual(runs.find(run as RunId)?.body, { number: seq });
      assert.deepEqual(orders.find(`req_${seq}`)?.reply, { run });
    }
    assert.equal(runs.listOpen().length, last);
    assert.equal(outbox.size().waitingEvents, last - outbox.acknowledgedSeq());
    journal.close();
    rmSync(stateDir, { recursive: true });
  });
});

describe('the lock', () => {
  it('is refused to a second process at once, and free again after kill -9', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
    const writer = startWriter(stateDir);
    await nextLine(writer);
    assert.throws(
      () => openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes }),
      new RegExp(`another agent \\(process ${writer.pid}\\) already works with the state directory ${stateDir}`),
    );
    const second = startWriter(stateDir);
    const [code] = await once(second, 'exit');
    assert.equal(code, 1);
    await kill(writer);
    openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes }).close();
    rmSync(stateDir, { recursive: true });
  });
});

function startWriter(stateDir: string): ChildProcess {
  return spawn(process.execPath, [WRITER, stateDir], { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function nextLine(writer: ChildProcess): Promise<string> {
  assert.ok(writer.stdout);
  const [line] = (await once(createInterface({ input: writer.stdout }), 'line')) as [string];
  return line;
}

async function kill(writer: ChildProcess): Promise<void> {
  const closed = once(writer, 'close');
  writer.kill('SIGKILL');
  await closed;
}

/** Notes every whole line the writer said before it died `afterMs` after its first. */
async function writeUntilKilled(stateDir: string, afterMs: number, told: Map<number, string>): Promise<void> {
  const writer = startWriter(stateDir);
  let text = '';
  writer.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  assert.ok(writer.stdout);
  await once(writer.stdout, 'data');
  await wait(afterMs);
  await kill(writer);
  for (const line of text.split('\n').slice(0, -1)) {
    const [seq = '', run = ''] = line.split(' ');
    told.set(Number(seq), run);
  }
}

function readEpoch(stateDir: string): string {
  const journal = openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes });
  journal.close();
  return journal.outbox.epoch;
}
