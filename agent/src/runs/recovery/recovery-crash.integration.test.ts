import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { GENERATIONS, writeNoise } from '../../engines/restic/fixtures/laboratory.ts';
import { toEpochMs } from '../../exec/proc.ts';
import { type CrashRig, openCrashRig } from '../fixtures/crash-rig.ts';
import { type PostgresServer, startPostgresServer } from '../fixtures/postgres-server.ts';

/** Delays are drawn from it; the same seed draws the same. */
const SEED = 20_261_120;
/** Looking at everything that could be left takes a moment itself. */
const REST_LOOK_MS = 50;

const execFileAsync = promisify(execFile);
const BUFFERS = { maxBuffer: 512 * 1024 * 1024, encoding: 'buffer' } as const;

const hash = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex');

/** Fractions of a run's length, one in each of `count` equal parts, the same for the same seed (a linear congruential generator). */
function drawFractions(seed: number, count: number): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, (_, index) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (index + state / 2 ** 32) / count;
  });
}

const has = (rig: CrashRig, run: RunId, matches: (event: DurableEvent) => boolean) => () => rig.listEvents(run).some(matches);
const isStage = (name: 'dump' | 'store' | 'evidence', ended: boolean) => (event: DurableEvent) =>
  event.type === 'run.stage' && event.stage === name && event.ended === ended;

/** A point of a run at which the agent is killed. */
interface Point {
  name: string;
  reach(rig: CrashRig, run: RunId): Promise<unknown>;
}

const reachEvent = (name: string, matches: (event: DurableEvent) => boolean): Point => ({
  name,
  reach: (rig, run) => rig.until(name, has(rig, run, matches)),
});

function listPoints({ stage, drawn }: Subject, lengthMs: number, seed: number): Point[] {
  const started = reachEvent('the run has begun', (event) => event.type === 'run.started');
  const delayed = drawFractions(seed, drawn).map((fraction): Point => {
    const delayMs = Math.round(fraction * lengthMs);
    return {
      name: `${delayMs} ms of ${Math.round(lengthMs)} have passed`,
      async reach(rig, run) {
        await started.reach(rig, run);
        await wait(delayMs);
      },
    };
  });
  return [
    started,
    {
      name: `a tool of the ${stage} is running`,
      async reach(rig, run) {
        await rig.until(`the ${stage}`, has(rig, run, isStage(stage, false)));
        await rig.until('its tool', () => rig.listRecorded().length > 0);
      },
    },
    { name: 'restic holds its lock', reach: (rig) => rig.until('a lock', () => rig.listStored('locks').length > 0) },
    {
      name: 'restic has stored a snapshot',
      reach(rig) {
        const before = rig.listStored('snapshots').length;
        return rig.until('a snapshot', () => rig.listStored('snapshots').length > before);
      },
    },
    reachEvent(`the ${stage} is over`, isStage(stage, true)),
    reachEvent('the evidence is looked at', isStage('evidence', false)),
    reachEvent('snapshot.made is journaled', (event) => event.type === 'snapshot.made'),
    reachEvent('part.finished is journaled', (event) => event.type === 'part.finished'),
    reachEvent('run.finished is journaled', (event) => event.type === 'run.finished'),
    ...delayed,
  ];
}

/** A source whose vouched snapshots can be compared with what they should hold. */
interface Subject {
  rig: CrashRig;
  stage: 'dump' | 'store';
  /** Kills at drawn instants, besides those at named points. */
  drawn: number;
  /** Changes what is backed up, before the run is journaled. */
  change(index: number): Promise<void>;
  /** What a whole snapshot made now would hold. */
  expect(): Promise<string>;
  /** What this snapshot holds. */
  read(engineId: string): Promise<string>;
}

const isOrphan = (rig: CrashRig, engineId: string) =>
  rig.listEvents().some((event) => event.type === 'repository.reconciled' && event.orphans.includes(engineId));

/** What is not at rest yet after a restart, in words; empty when the agent has dealt with everything. */
function listUnsettled(rig: CrashRig, run: RunId): string[] {
  const ends = rig.listEvents(run).filter((event) => event.type === 'run.finished');
  const ledger = new Map(rig.listLedger().map((entry) => [entry.engineId, entry.state]));
  const unjudged = rig.listStored('snapshots').filter((id) => ledger.get(id) !== 'vouched' && !isOrphan(rig, id));
  const told = [
    ...(rig.isUp() ? [] : ['the agent is not up']),
    ...(ends.length === 0 ? ['the run has no end'] : []),
    ...unjudged.map((id) => `snapshot ${id} is neither vouched for nor told as an orphan`),
  ];
  // Every process of the machine is looked at for these: only once the rest is in order.
  return told.length > 0 ? told : rig.listLeftovers();
}

/** Kills the agent in a run of its own at this point, starts it again, and waits until it has dealt with what it finds. */
async function crashAt(subject: Subject, point: Point, index: number): Promise<RunId> {
  const { rig } = subject;
  await subject.change(index);
  const run = rig.journalRun();
  rig.start();
  await point.reach(rig, run);
  await rig.kill('SIGKILL');
  const recorded = rig.listRecorded().map(({ pid, startTime }) => `${pid} at ${new Date(toEpochMs(startTime)).toISOString()}`);
  rig.start();
  let unsettled: string[] = [];
  await rig
    .until(
      'rest',
      () => {
        unsettled = listUnsettled(rig, run);
        return unsettled.length === 0;
      },
      REST_LOOK_MS,
    )
    .catch(async (error: unknown) => {
      for (const id of rig.listStored('locks')) unsettled.push(String(await rig.restic('cat', 'lock', id, '--no-lock')));
      throw new Error(`after a kill when ${point.name}: ${unsettled.join('; ')} (recorded: ${recorded.join(', ')})`, {
        cause: error,
      });
    });
  assert.equal(await rig.kill('SIGTERM'), 0);
  return run;
}

/** One end, no line lost or doubled, and green only with a snapshot that was read back. */
function assertTold(rig: CrashRig, run: RunId): string {
  const events = rig.listEvents(run);
  const ends = events.flatMap((event) => (event.type === 'run.finished' ? [event] : []));
  assert.equal(ends.length, 1);
  const [end] = ends;
  assert.ok(end);
  const parts = events.flatMap((event) => (event.type === 'part.finished' ? [event.part] : []));
  assert.deepEqual(
    parts.map((part) => part.state),
    [end.state],
  );
  const lines = events.flatMap((event) => (event.type === 'run.log' ? event.lines.map((line) => line.n) : []));
  assert.deepEqual(
    lines,
    Array.from({ length: end.logLines }, (_, index) => index + 1),
  );
  const made = events.flatMap((event) => (event.type === 'snapshot.made' ? [event.snapshot] : []));
  const vouched = rig.listLedger().filter((entry) => entry.run === run && entry.state === 'vouched');
  if (end.state === 'succeeded') {
    const data = made.find((snapshot) => snapshot.role === 'data');
    assert.ok(data && vouched.some((entry) => entry.engineId === data.engineId), `run ${run} is green without a snapshot`);
    for (const evidence of [data.evidence, end.evidence])
      assert.ok(evidence.some((entry) => entry.check === 'read_back') && evidence.every((entry) => entry.ok));
    assert.equal(end.failure, undefined);
  } else {
    assert.deepEqual([end.state, end.failure?.reason, vouched], ['failed', 'interrupted', []], end.failure?.message ?? end.state);
  }
  return end.state;
}

/** The length of a whole run, from its journaled times. */
async function measureRun({ rig }: Subject): Promise<number> {
  const run = rig.journalRun();
  rig.start();
  await rig.until(
    'the end of a whole run',
    has(rig, run, (event) => event.type === 'run.finished'),
  );
  assert.equal(await rig.kill('SIGTERM'), 0);
  const events = rig.listEvents(run);
  const at = (type: DurableEvent['type']) => events.find((event) => event.type === type)?.at ?? Number.NaN;
  assert.equal(assertTold(rig, run), 'succeeded');
  return at('run.finished') - at('run.started');
}

async function crashEverywhere(subject: Subject, seed: number): Promise<{ kills: number; states: string[] }> {
  const { rig } = subject;
  await subject.change(0);
  const expected = [await subject.expect()];
  const lengthMs = await measureRun(subject);
  const runs: RunId[] = [];
  const points = listPoints(subject, lengthMs, seed);
  for (const [index, point] of points.entries()) {
    runs.push(await crashAt(subject, point, index + 1));
    expected.push(await subject.expect());
  }
  // Everything the ledger stands for is whole, and everything that lies there is either that or known to be nothing.
  const first = rig.listEvents().find((event) => event.type === 'run.created');
  assert.ok(first?.type === 'run.created');
  const order = [first.run, ...runs];
  const vouched = rig.listLedger().filter((entry) => entry.state === 'vouched');
  const stored = new Set(rig.listStored('snapshots'));
  const roles = new Map(
    rig.listEvents().flatMap((event) => (event.type === 'snapshot.made' ? [[event.snapshot.engineId, event.snapshot.role]] : [])),
  );
  for (const { engineId, run } of vouched) {
    assert.ok(stored.has(engineId), `${engineId} is vouched for and not there`);
    if (roles.get(engineId) === 'data') assert.equal(await subject.read(engineId), expected[order.indexOf(run)], engineId);
  }
  return { kills: points.length, states: runs.map((run) => assertTold(rig, run)) };
}

const [, newest] = GENERATIONS;
const restic = newest?.binary ?? 'restic';

async function openFiles(): Promise<Subject> {
  const rig = await openCrashRig({ restic, source: (dir) => ({ kind: 'files', config: { paths: [join(dir, 'files')] } }) });
  symlinkSync(restic, join(rig.toolDir, 'restic'));
  const path = join(rig.dir, 'files');
  mkdirSync(path);
  const noise = join(path, 'noise');
  return {
    rig,
    stage: 'store',
    drawn: 5,
    change: async (index) => writeNoise(noise, 8 * 1024 * 1024, SEED + index),
    expect: async () => hash(readFileSync(noise)),
    read: async (engineId) => hash(await rig.restic('dump', engineId, noise)),
  };
}

/** Keeps a process of its own beside the dump, as a wrapper with a progress meter does; it does not die with its parent. */
const writeWrapper = (path: string, real: string) =>
  writeFileSync(
    path,
    `#!/bin/sh
[ "$1" = --version ] && exec ${real} "$@"
sleep 300 &
meter=$!
${real} "$@"
code=$?
kill $meter
exit $code
`,
    { mode: 0o755 },
  );

async function openDatabase(postgres: PostgresServer): Promise<Subject> {
  await postgres.query('postgres', 'CREATE DATABASE shop');
  const rows = 'SELECT i AS id, md5(i::text) AS one, md5((i * 7)::text) AS other FROM generate_series(1, 120000) i';
  await postgres.query('shop', `CREATE TABLE orders AS ${rows}`);
  const config = { host: postgres.socketDir, database: 'shop', user: 'postgres' };
  const rig = await openCrashRig({ restic, source: () => ({ kind: 'postgres', config }) });
  symlinkSync(restic, join(rig.toolDir, 'restic'));
  const bin = (name: string) => join(postgres.binFolder, name);
  writeWrapper(join(rig.toolDir, 'pg_dump'), bin('pg_dump'));
  // A dump names the second it was made in; the rows and definitions in it do not.
  const describeDump = async (dump: Uint8Array) => {
    const file = join(rig.dir, 'dump');
    writeFileSync(file, dump);
    const { stdout } = await execFileAsync(bin('pg_restore'), ['--file=-', file], BUFFERS);
    const lines = stdout.toString('utf8').split('\n');
    return hash(lines.filter((line) => !/^\\(?:un)?restrict /.test(line)).join('\n'));
  };
  const connection = ['-h', postgres.socketDir, '-U', 'postgres', '-d', 'shop', '--format=custom', '--compress=0'];
  return {
    rig,
    stage: 'dump',
    drawn: 2,
    async change(index) {
      await postgres.query('shop', `INSERT INTO orders VALUES (${-index}, 'one', 'more')`);
    },
    expect: async () => describeDump((await execFileAsync(bin('pg_dump'), connection, BUFFERS)).stdout),
    read: async (engineId) => describeDump(await rig.restic('dump', engineId, 'database.dump')),
  };
}

describe('An agent that is killed at any point of a backup', { concurrency: 2 }, () => {
  let postgres: PostgresServer;
  let kills = 0;
  before(async () => {
    postgres = await startPostgresServer();
  });
  after(async () => {
    await postgres?.stop();
    assert.ok(kills >= 24, `${kills} kills`);
  });

  for (const [kind, open, leavesProcesses] of [
    ['of a folder', openFiles, false],
    ['of a PostgreSQL database through a wrapper', () => openDatabase(postgres), true],
  ] as const) {
    it(`${kind} ends each run once, vouches for nothing truncated and leaves nothing (seed ${SEED})`, {
      timeout: 240_000,
    }, async (t) => {
      const subject = await open();
      t.after(() => subject.rig.remove());
      const { kills: done, states } = await crashEverywhere(subject, SEED + kind.length);
      kills += done;
      // The points lie on both sides of the moment from which a run is good.
      assert.ok(states.includes('failed') && states.includes('succeeded'), states.join(', '));
      assert.equal(subject.rig.readLog().includes('ended processes that an earlier agent left'), leavesProcesses);
    });
  }
});
