import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import { findPrepared } from '@holdfast/shared/fixtures/prepared-programs.ts';
import { openJournal } from '../../agent/src/journal/journal.ts';
import { openSqliteStore } from '../../server/src/store/sqlite/open.ts';
import type { Store } from '../../server/src/store/store.ts';
import { createSeed } from '../chaos/seed.ts';
import { type Program, readLog, startProgram } from '../harness/program.ts';
import { type Stack, startStack } from '../harness/stack.ts';

/** Enough for each of the three to die often; the laboratory's kill points go on for a thousand. */
const ROUNDS = 16;
/** On a busy machine fewer rounds fit; half of them are always made. */
const ROUNDS_MS = 60_000;
const SEED = Number(process.env['SEED'] ?? 20_261_120);
const DRAIN_MS = 60_000;
const MIGRATIONS = join(import.meta.dirname, '../../migrations');
/** The tests' own: a host that is killed does not write what it has stripped of its types. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/holdfast-tests');

let stack: Stack;
let stateDir: string;
let host: Program | undefined;

const logFile = () => join(stack.directory, 'talking-host.log');

function startHost(role: 'tell' | 'drain'): Program {
  return startProgram({
    command: process.execPath,
    args: [findPrepared('talking-host', join(import.meta.dirname, 'talking-host.ts')), stateDir, stack.server.url, role],
    env: { HOME: stack.directory, NODE_COMPILE_CACHE: CACHE },
    logFile: logFile(),
  });
}

before(async () => {
  stack = await startStack();
  const { agent } = await stack.enrolHost('db');
  stateDir = agent.stateDir;
  await agent.stop();
});
after(async () => {
  host?.signal('SIGKILL');
  await host?.exited;
  await stack.stop();
});

/** One death at a drawn moment; whoever died is up again when this resolves. */
async function killOnce(victim: 'host' | 'server' | 'both', afterMs: number): Promise<void> {
  await pause(afterMs);
  if (victim !== 'server') host?.signal('SIGKILL');
  if (victim !== 'host') await stack.server.kill('SIGKILL');
  if (victim !== 'server') {
    await host?.exited;
    host = startHost('tell');
  }
  if (victim !== 'host') await stack.server.restart();
}

interface Story {
  state: string;
  lines: string[];
}

/** What the host wrote down, read from its own journal. */
function readJournal() {
  const journal = openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes });
  const { outbox } = journal;
  const events = outbox.read(0, outbox.lastSeq() + 1, Number.MAX_SAFE_INTEGER);
  const { waitingEvents } = outbox.size();
  const { epoch } = outbox;
  journal.close();
  const runs = new Map<RunId, Story>();
  const notices: string[] = [];
  for (const { event } of events) {
    if (event.type === 'host.notice') notices.push(event.text);
    if (event.type === 'run.created') runs.set(event.run, { state: 'queued', lines: [] });
    const story = 'run' in event ? runs.get(event.run) : undefined;
    if (!story) continue;
    if (event.type === 'run.started') story.state = 'running';
    if (event.type === 'run.finished') story.state = event.state;
    if (event.type === 'run.log') story.lines.push(...event.lines.map(({ text }) => text));
  }
  return { epoch, waitingEvents, seqs: events.map(({ seq }) => seq), runs, notices };
}

async function readLedger(store: Store) {
  const runs = new Map<RunId, Story>();
  let after: string | undefined;
  do {
    const page = await store.runs.listRuns(DEFAULT_TENANT, {}, { limit: 200, after });
    for (const { id, state } of page.rows) {
      const lines = await store.logs.readLog(DEFAULT_TENANT, id, { after: 0, limit: 1000 });
      runs.set(id, { state, lines: lines.map(({ text }) => text) });
    }
    after = page.next;
  } while (after !== undefined);
  return runs;
}

it(`what the ledger holds is what the journal says, after ${ROUNDS} deaths of host, server and both (SEED=${SEED})`, {
  timeout: ROUNDS_MS * 2 + DRAIN_MS,
}, async () => {
  const seed = createSeed(SEED);
  const startedAt = performance.now();
  host = startHost('tell');
  let rounds = 0;
  while (rounds < ROUNDS && (rounds < ROUNDS / 2 || performance.now() - startedAt < ROUNDS_MS)) {
    await killOnce(seed.pick(['host', 'server', 'both']), seed.int([0, 900]));
    rounds += 1;
  }
  host.signal('SIGKILL');
  await host.exited;
  host = startHost('drain');
  assert.deepEqual(await host.exited, { code: 0, signal: null }, readLog(logFile()).slice(-2000));
  await stack.server.stop();

  const told = readJournal();
  assert.equal(told.waitingEvents, 0);
  assert.deepEqual(
    told.seqs,
    told.seqs.map((_, index) => index + 1),
    'the journal is whole from its first event on',
  );
  assert.ok(told.runs.size > rounds, `only ${told.runs.size} runs were told in ${rounds} rounds`);
  const store = await openSqliteStore({
    path: join(stack.server.dataDir, 'holdfast.db'),
    migrationsDir: MIGRATIONS,
    clock: systemClock,
  });
  try {
    const ledger = await readLedger(store);
    assert.deepEqual([...ledger.keys()].sort(), [...told.runs.keys()].sort());
    // A run whose host died in the middle of telling it, and which no host names any more, is ended by the server.
    for (const [id, { state }] of ledger) {
      const story = told.runs.get(id);
      if (state === 'failed' && story && (story.state === 'queued' || story.state === 'running')) story.state = state;
    }
    assert.deepEqual(ledger, new Map([...ledger.keys()].map((id) => [id, told.runs.get(id)])));
    const [hostRow] = (await store.hosts.listHosts(DEFAULT_TENANT, {}, { limit: 2 })).rows;
    assert.ok(hostRow);
    assert.equal(hostRow.state, 'active', 'deaths are no clones');
    const position = await store.hosts.getEventPosition(hostRow.id, told.epoch);
    assert.equal(position.seq, told.seqs.length);
    // The history of a host keeps its newest thousand.
    const kept = (await store.trail.listHappenings(DEFAULT_TENANT, hostRow.id, 1000)).filter(({ type }) => type === 'notice');
    assert.deepEqual(kept.map(({ text }) => text).reverse(), told.notices.slice(-kept.length), 'each notice once, in order');
  } finally {
    await store.close();
  }
});
