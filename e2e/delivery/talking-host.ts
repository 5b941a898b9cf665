/**
 * A host that only talks: real identity, credentials, journal and session of an enrolled state directory, and runs that are made
 * up. Arguments: state directory, address of the server, what it does, and the step of a token's rotation at which it kills
 * itself. `tell`: makes up runs without end; `listen`: makes up none; `drain`: ends once the server has everything.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { drawFraction, systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { AgentPeer } from '@holdfast/shared/protocol/peer.ts';
import { createSpecPut } from '../../agent/src/handlers/spec-put.ts';
import { createTokenRotate } from '../../agent/src/handlers/token-rotate.ts';
import { type HostCredentialStore, openHostCredentials } from '../../agent/src/identity/host-credentials.ts';
import { loadOrCreateIdentity } from '../../agent/src/identity/identity.ts';
import { openJournal } from '../../agent/src/journal/journal.ts';
import { createSecretHolder } from '../../agent/src/runs/secrets/secret-holder.ts';
import type { Workbench } from '../../agent/src/runs/workbench.ts';
import { createSession } from '../../agent/src/session/session.ts';

/** Between two runs that are made up: some forty a second. */
const PACE_MS = 25;

const [stateDir = '', serverUrl = '', role = 'listen', trip = ''] = process.argv.slice(2);

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('dead');
}

/** Kills the process when the named step is reached. */
function reach(step: string): void {
  if (step === trip) die();
}

function withTrips(credentials: HostCredentialStore): HostCredentialStore {
  return {
    ...credentials,
    async rotateToken(token) {
      reach('token arrived');
      await credentials.rotateToken(token);
      reach('token stored');
      // The answer leaves in this turn of the loop.
      setImmediate(() => reach('token answered'));
    },
    async nextCounter() {
      reach('before its proof');
      return credentials.nextCounter();
    },
    async confirmToken(token) {
      reach('welcomed');
      await credentials.confirmToken(token);
      reach('token confirmed');
    },
  };
}

const ids = { clock: systemClock, randomBytes: systemRandomBytes };
const crypto = createCrypto(systemRandomBytes);
const credentials = withTrips(await openHostCredentials(stateDir));
const journal = openJournal({ stateDir, clock: systemClock, randomBytes: systemRandomBytes });
const say = (level: string) => (fields: object, message: string) => {
  process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`);
};
const parts = {
  clock: systemClock,
  crypto,
  identity: await loadOrCreateIdentity(stateDir, crypto),
  journal,
  credentials,
  log: { info: say('info'), warn: say('warn'), error: say('error') },
  createId: (kind: Parameters<Workbench['createId']>[0]) => createId(kind, ids),
  serverKey: () => credentials.find()?.serverKey,
  hostId: () => credentials.find()?.hostId,
  secrets: createSecretHolder({ crypto, lingerMs: 0, setTimer: () => () => undefined, onChange: () => undefined }),
};
// Tools, work directories and engine are what a host that only talks has none of.
const workbench = parts as unknown as Workbench;
const refuse = () => {
  throw new AppError('unsupported', 'this host only talks');
};
const handlers: AgentPeer = {
  'spec.put': createSpecPut(workbench, () => undefined),
  'secrets.put': refuse,
  'token.rotate': createTokenRotate(workbench, credentials),
  'run.start': refuse,
  'restore.start': refuse,
  'forget.start': refuse,
  'restore.look': refuse,
  'restore.roles': refuse,
  'drill.start': refuse,
  'verify.start': refuse,
  'delete_snapshot.start': refuse,
  'copy.start': refuse,
  'retention.start': refuse,
  'check.start': refuse,
  'prune.start': refuse,
  'unlock.start': refuse,
  'run.cancel': refuse,
  'source.test': refuse,
  'source.discover': refuse,
  'directories.look': refuse,
  'dump_files.list': refuse,
  'repository.test': refuse,
  'repository.init': refuse,
  'repository.measure': refuse,
  'repository.contents': refuse,
  'locks.list': refuse,
  'locks.attest': refuse,
  'locks.clear': refuse,
  'snapshot.list': refuse,
  'snapshot.find': refuse,
  'snapshot.diff': refuse,
  'restore.preview': refuse,
};

/** The events of one run, from its creation to its end. */
function* makeUpRun(): Generator<DurableEvent> {
  const run = createId('run', ids);
  const at = systemClock.now();
  const lines = 1 + Math.floor(drawFraction(systemRandomBytes) * 6);
  yield {
    type: 'run.created',
    run,
    at,
    kind: 'restore',
    trigger: 'manual',
    repository: createId('repository', ids),
    sources: [],
  };
  yield { type: 'run.started', run, at };
  for (let n = 1; n <= lines; n += 1)
    yield { type: 'run.log', run, at, lines: [{ n, at, level: 'info', text: `line ${n} of ${run}` }] };
  if (lines === 6) yield { type: 'host.notice', at, level: 'info', text: `said beside ${run}` };
  yield { type: 'run.finished', run, at, state: 'succeeded', evidence: [], bytes: lines, logLines: lines, durationMs: 1 };
}

const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const session = createSession({
  workbench,
  credentials,
  handlers,
  serverUrl,
  boot: createId('frame', ids),
  facts: () => ({
    hostname: 'talks.example.com',
    os: 'Linux',
    arch: 'x86_64',
    kernel: '6',
    cpus: 1,
    memoryBytes: 1,
    agentVersion: '0.1.0',
    zone: 'UTC',
    bootedAt: 1,
    pdeathsig: true,
  }),
  tools: () => [],
  heartbeat: () => ({
    loopLagMs: 0,
    outboxEvents: journal.outbox.size().waitingEvents,
    outboxBytes: 0,
    activeRuns: 0,
    queuedRuns: 0,
    cpuRatio: 0,
    memoryUsedBytes: 0,
    memoryTotalBytes: 0,
    stateDiskFreeBytes: 0,
  }),
  listRuns: () => [],
  signal: stopping.signal,
  // A death meets more when the line comes back at once.
  wait: async (_ms, signal) => void (await pause(PACE_MS, undefined, { signal })),
  random: () => drawFraction(systemRandomBytes),
});
const ended = session.run();

if (role === 'tell') {
  while (!stopping.signal.aborted) {
    for (const event of makeUpRun()) journal.outbox.append(event);
    await pause(PACE_MS);
  }
}
if (role === 'drain') {
  while (journal.outbox.size().waitingEvents > 0) await pause(PACE_MS);
  stopping.abort();
}
await ended;
journal.close();
