import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { readAgentState } from '../commands/agent-state.ts';
import { openJournal } from '../journal/journal.ts';
import { glanceAtJournal } from '../journal/peek.ts';
import { createLifeNoteWriter } from './life-note.ts';

describe('The note of an agent that runs', () => {
  it('tells from outside whether one runs and since when the server hears it', (t) => {
    const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-life-'));
    const clock = createFixedClock(1_795_000_000_000);
    const journal = openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 4096 });
    t.after(() => {
      journal.close();
      rmSync(stateDir, { recursive: true, force: true });
    });
    const read = () => readAgentState(glanceAtJournal(stateDir)?.life);
    assert.deepEqual([read().running, read().text], [false, 'not running: no plan of this host runs']);

    let isConnected = false;
    const life = createLifeNoteWriter({ journal, clock, log: console }, () => isConnected);
    life.look();
    assert.deepEqual([read().running, read().pid, read().connectedAt], [true, process.pid, null]);
    assert.match(read().text, /^running \(process \d+\), not connected to the server: backups go on by schedule$/);

    isConnected = true;
    life.look();
    clock.advance(60_000);
    life.look();
    assert.equal(read().connectedAt, 1_795_000_000_000, 'since it was connected, not since the last look');
    assert.match(read().text, /, connected since 2026-11-18T\d\d:\d\d:\d\d\.000Z$/);

    isConnected = false;
    life.look();
    assert.equal(read().connectedAt, null);
    life.end();
    assert.equal(read().running, false);
  });

  it('is not believed of another process that has its number by now, or of another boot', (t) => {
    const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-life-'));
    t.after(() => rmSync(stateDir, { recursive: true, force: true }));
    const clock = createFixedClock(1_795_000_000_000);
    const journal = openJournal({ stateDir, clock, randomBytes: systemRandomBytes, ballastBytes: 4096 });
    t.after(() => journal.close());
    createLifeNoteWriter({ journal, clock, log: console }, () => true).look();
    const life = glanceAtJournal(stateDir)?.life;
    assert.ok(life && readAgentState(life).running);
    assert.equal(readAgentState({ ...life, startTime: life.startTime + 1 }).running, false);
    assert.equal(readAgentState({ ...life, bootId: 'another' }).running, false);
    assert.equal(readAgentState({ ...life, pid: 2 ** 22 + 1 }).connectedAt, null);
  });
});
