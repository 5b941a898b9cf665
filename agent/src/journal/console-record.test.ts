import assert from 'node:assert/strict';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { RunEvent } from '@holdfast/shared/protocol/events.ts';
import { listConsoleSnapshots, openConsoleRecord, readConsoleRecord, takeConsoleRecords } from './console-record.ts';

const RUN = 'run_by_hand' as RunId;
const OTHER = 'run_other' as RunId;
const SOURCE = 'src_shop' as SourceId;
const ENGINE_ID = 'a'.repeat(64);

const created: RunEvent = {
  type: 'run.created',
  run: RUN,
  at: 1,
  kind: 'backup',
  trigger: 'local',
  repository: 'repo_disk' as RepositoryId,
  sources: [SOURCE],
};
const snapshot = {
  id: 'snap_1' as SnapshotId,
  engineId: ENGINE_ID,
  source: SOURCE,
  role: 'data',
  createdAt: 2,
  sizeBytes: 3,
} as const;
const made: RunEvent = { type: 'snapshot.made', run: RUN, at: 2, snapshot: { ...snapshot, evidence: [] } };
const part = { source: SOURCE, state: 'succeeded', warnings: [], bytes: 3, durationMs: 1 } as const;
const partEnd: RunEvent = { type: 'part.finished', run: RUN, at: 3, part: { ...part, warnings: [] } };
const finalizing: RunEvent = { type: 'run.finalizing', run: RUN, at: 3 };
const finished: RunEvent = {
  type: 'run.finished',
  run: RUN,
  at: 4,
  state: 'succeeded',
  evidence: [],
  bytes: 3,
  logLines: 0,
  durationMs: 2,
};
const WHOLE = [created, made, partEnd, finalizing, finished];

const write = (events: readonly RunEvent[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const types = (events: readonly RunEvent[] | undefined) => events?.map(({ type }) => type);

function makeDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-console-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** What is handed out at one look, and the runs that go on. */
function look(stateDir: string, take: (events: readonly RunEvent[]) => boolean = () => true) {
  const handed: RunId[] = [];
  const unreadable: string[] = [];
  const live = takeConsoleRecords(stateDir, {
    take(run, events) {
      handed.push(run);
      return take(events);
    },
    onUnreadable: (path) => unreadable.push(path),
  });
  return { handed, live, unreadable };
}

describe('The record of a run that a command carries out by itself', () => {
  it('is handed out once, when its command is over, with all that was written', (t) => {
    const dir = makeDir(t);
    assert.deepEqual(look(dir), { handed: [], live: [], unreadable: [] });
    const record = openConsoleRecord(dir, RUN);
    for (const event of WHOLE) record.append(event);
    assert.deepEqual(look(dir), { handed: [], live: [RUN], unreadable: [] }, 'it has ended, and its command still holds it');
    record.close();
    let seen: readonly RunEvent[] = [];
    assert.deepEqual(
      look(dir, (events) => {
        seen = events;
        return true;
      }).handed,
      [RUN],
    );
    assert.deepEqual(seen, WHOLE);
    assert.deepEqual(look(dir).handed, []);
    assert.deepEqual(readdirSync(join(dir, 'console')), []);
  });

  it('is handed out again where taking it in did not come to its end', (t) => {
    const dir = makeDir(t);
    const record = openConsoleRecord(dir, RUN);
    record.append(created);
    record.close();
    const full = () => {
      throw new Error('the disk is full');
    };
    assert.throws(() => look(dir, full), /the disk is full/);
    assert.deepEqual(look(dir).handed, [RUN]);
  });

  it('holds back nobody else’s where it cannot be read or taken in, and is moved aside', (t) => {
    const dir = makeDir(t);
    openConsoleRecord(dir, OTHER).close();
    const record = openConsoleRecord(dir, RUN);
    record.append(created);
    record.close();
    writeFileSync(join(dir, 'console', '..jsonl'), 'no name of a run');
    const aside = (run: RunId) => join(dir, 'console', `${run}.unreadable`);
    assert.deepEqual(look(dir), { handed: [RUN], live: [], unreadable: [aside(OTHER)] });
    const again = openConsoleRecord(dir, RUN);
    again.append(created);
    again.close();
    assert.deepEqual(look(dir, () => false).unreadable, [aside(RUN)]);
    assert.ok(existsSync(aside(RUN)));
  });

  it('is moved aside where it is no plain file, or longer than a run can be', (t) => {
    const dir = makeDir(t);
    for (const run of [RUN, OTHER]) openConsoleRecord(dir, run).close();
    const [link, long] = [RUN, OTHER].map((run) => join(dir, 'console', `${run}.jsonl`)) as [string, string];
    writeFileSync(join(dir, 'elsewhere'), write(WHOLE));
    rmSync(link);
    symlinkSync(join(dir, 'elsewhere'), link);
    truncateSync(long, 16 * 1024 * 1024 + 1);
    assert.deepEqual(listConsoleSnapshots(dir), []);
    const { handed, unreadable } = look(dir);
    assert.deepEqual([handed, unreadable.length], [[], 2]);
  });

  it('waits for the next look where there are very many', (t) => {
    const dir = makeDir(t);
    for (let at = 0; at < 51; at += 1) openConsoleRecord(dir, `run_${at}` as RunId).close();
    assert.equal(look(dir).unreadable.length, 50);
    assert.equal(look(dir).unreadable.length, 1);
  });

  it('tells nothing once it was discarded', (t) => {
    const dir = makeDir(t);
    const record = openConsoleRecord(dir, RUN);
    record.append(created);
    record.discard();
    assert.deepEqual(look(dir), { handed: [], live: [], unreadable: [] });
    assert.deepEqual(readdirSync(join(dir, 'console')), []);
    const stuck = openConsoleRecord(dir, RUN);
    const path = join(dir, 'console', `${RUN}.jsonl`);
    rmSync(path);
    mkdirSync(path);
    stuck.discard();
  });

  it('names the snapshots of a clean run before it was taken in, and those of no other', (t) => {
    const dir = makeDir(t);
    assert.deepEqual(listConsoleSnapshots(dir), []);
    const record = openConsoleRecord(dir, RUN);
    for (const event of WHOLE.slice(0, -1)) record.append(event);
    assert.deepEqual(listConsoleSnapshots(dir), []);
    record.append(finished);
    record.close();
    assert.deepEqual(listConsoleSnapshots(dir), [ENGINE_ID]);
    appendFileSync(join(dir, 'console', `${RUN}.jsonl`), 'cut');
    assert.deepEqual(listConsoleSnapshots(dir), [ENGINE_ID], 'what was cut behind an end is nothing');
  });

  it('belongs to the owner of the directory, where root writes it for an agent without rights', (t) => {
    const dir = makeDir(t);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chownSync(dir, 65534, 65534);
    const record = openConsoleRecord(dir, RUN);
    t.after(record.close);
    const wanted = isRoot ? 65534 : process.geteuid?.();
    for (const name of ['console', `console/${RUN}.jsonl`, `console/${RUN}.lock`]) {
      const { uid, mode } = statSync(join(dir, name));
      assert.deepEqual([uid, mode & 0o077], [wanted, 0], name);
    }
  });

  it('is its writer’s where that is the agent’s own account', (t) => {
    const dir = makeDir(t);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) {
      chownSync(dir, 65534, 65534);
      process.seteuid?.(65534);
    }
    try {
      openConsoleRecord(dir, RUN).close();
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    assert.equal(statSync(join(dir, 'console', `${RUN}.jsonl`)).uid, isRoot ? 65534 : process.geteuid?.());
  });
});

describe('Events of a record', () => {
  it('end where the first line is cut, damaged or of another run', () => {
    const cut = write(WHOLE).slice(0, -2);
    assert.deepEqual(types(readConsoleRecord(RUN, cut)), ['run.created', 'snapshot.made']);
    for (const line of ['{"type":', '{"type":"run.dreamt"}', JSON.stringify({ ...made, run: OTHER })])
      assert.deepEqual(types(readConsoleRecord(RUN, `${write([created])}${line}\n${write([made])}`)), ['run.created']);
  });

  it('have a whole end or none', () => {
    assert.deepEqual(readConsoleRecord(RUN, write(WHOLE)), WHOLE);
    assert.deepEqual(types(readConsoleRecord(RUN, write(WHOLE.slice(0, -1)))), ['run.created', 'snapshot.made']);
    assert.deepEqual(types(readConsoleRecord(RUN, write([created, made]))), ['run.created', 'snapshot.made']);
  });

  it('are none without their beginning', () => {
    for (const text of ['', 'x', write([made]), write([{ ...created, run: OTHER }]), '[]\n'])
      assert.equal(readConsoleRecord(RUN, text), undefined, text);
  });
});
