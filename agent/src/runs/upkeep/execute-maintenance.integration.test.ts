import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { OrderedRepository } from '@holdfast/shared/protocol/messages.ts';
import { GENERATIONS, writeNoise } from '../../engines/restic/fixtures/laboratory.ts';
import { findEvent, openRunRig, outline, PASSWORD, type RunRig } from '../fixtures/run-rig.ts';
import { recoverRuns } from '../recovery/recovery.ts';
import { stripJournal } from '../secrets/secrets-apart.ts';

const terms = (rig: RunRig) => ({ trigger: 'manual', requestedBy: 'ann', notAfter: rig.workbench.clock.now() + 60_000 }) as const;

/** Minutes between tries pass in seconds. */
async function openRig(t: TestContext, restic: string): Promise<RunRig> {
  const rig = await openRunRig(t, { restic, speed: 60 });
  await rig.initRepository();
  mkdirSync(join(rig.dir, 'letters'));
  writeNoise(join(rig.dir, 'letters/a'), 400_000, 1);
  rig.addFiles('letters', [join(rig.dir, 'letters')]);
  await rig.runPlan();
  return rig;
}

/** A backup that has begun and waits for its first byte, as on another host; the returned function ends it. */
async function holdLock(rig: RunRig, binary: string): Promise<() => Promise<void>> {
  const workDir = mkdtempSync(join(rig.dir, 'other-host-'));
  const password = join(workDir, 'password');
  const cancel = new AbortController();
  const done = rig.tooling.exec.runTool({
    stage: {
      command: {
        tool: 'restic',
        args: ['-c', `sleep 600 | exec "$0" --no-cache backup --stdin`, binary],
        env: { RESTIC_REPOSITORY: join(rig.dir, 'repository'), RESTIC_PASSWORD_FILE: password },
        files: [{ path: password, content: PASSWORD }],
      },
      binary: '/bin/sh',
    },
    workDir,
    signal: cancel.signal,
  });
  const locks = join(rig.dir, 'repository/locks');
  const isHeld = () => readdirSync(locks).some((name) => /^[0-9a-f]{64}$/.test(name));
  await new Promise<void>((resolve) => {
    const watcher = watch(locks, () => look());
    const look = () => {
      if (!isHeld()) return;
      watcher.close();
      resolve();
    };
    look();
  });
  return async () => {
    cancel.abort();
    await done;
    for (const name of readdirSync(locks)) rmSync(join(locks, name), { force: true });
  };
}

/** A restic that reads so slowly as it prunes that one can come in between. */
function writeSlowPrune(t: TestContext, real: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-slow-prune-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const binary = join(dir, 'restic');
  writeFileSync(
    binary,
    `#!/bin/sh\ncase " $* " in *" prune "*) exec ${real} --limit-download 1 "$@" ;; esac\nexec ${real} "$@"\n`,
  );
  chmodSync(binary, 0o755);
  return binary;
}

const mintRun = (rig: RunRig) => rig.workbench.createId('run');

/** The repository of the rig as an order brings it. */
function nameRepository(rig: RunRig, run: string): OrderedRepository {
  const { id, kind, config } = rig.repository;
  const secrets = rig.seal('request', `${run}.repositories`, { password: PASSWORD });
  return { id, draft: { kind, config, secrets } };
}

function orderCheck(rig: RunRig, scope: CheckScope, orderId: string, run = mintRun(rig)) {
  const order = { run, repository: nameRepository(rig, run), scope, ...terms(rig) };
  rig.executor.startMaintenance({ kind: 'check', order }, orderId);
  return run;
}

function orderPrune(rig: RunRig, orderId: string, isAdmin = false) {
  const run = mintRun(rig);
  const order = { run, repository: nameRepository(rig, run), isAdmin, maxUnusedPercent: 0, ...terms(rig) };
  rig.executor.startMaintenance({ kind: 'prune', order }, orderId);
  return run;
}

function flipByteInBiggestPack(rig: RunRig): string {
  const data = join(rig.dir, 'repository/data');
  const packs = readdirSync(data).flatMap((folder) => readdirSync(join(data, folder)).map((name) => join(data, folder, name)));
  const [biggest = ''] = packs.toSorted((a, b) => statSync(b).size - statSync(a).size);
  const bytes = readFileSync(biggest);
  bytes[1000] = (bytes[1000] ?? 0) ^ 0xff;
  chmodSync(biggest, 0o600);
  writeFileSync(biggest, bytes);
  return biggest.slice(biggest.lastIndexOf('/') + 1);
}

for (const { version, binary } of GENERATIONS) {
  describe(`Checks and prunes on the host with restic ${version}`, () => {
    it('checks what was ordered, once, and measures the repository', async (t) => {
      const rig = await openRig(t, binary);
      const run = orderCheck(rig, { kind: 'everything' }, 'order_1');
      orderCheck(rig, { kind: 'everything' }, 'order_1', run);
      const events = await rig.awaitEnd(run);
      assert.deepEqual(outline(events), [
        'run.created',
        'run.started',
        'preflight',
        'preflight ok',
        'check',
        'check ok',
        'measure',
        'measure ok',
        'repository.measured',
        'run.finalizing',
        'run.finished',
      ]);
      const created = findEvent(events, 'run.created');
      assert.deepEqual([created.kind, created.scope, created.requestedBy], ['check', { kind: 'everything' }, 'ann']);
      const measured = findEvent(events, 'repository.measured');
      assert.equal(measured.snapshots, 1);
      assert.ok(measured.sizeBytes > 400_000 && measured.sizeBytes < 450_000, `${measured.sizeBytes} bytes`);
      const end = findEvent(events, 'run.finished');
      assert.equal(end.state, 'succeeded');
      assert.deepEqual(
        end.evidence.map(({ check, ok }) => [check, ok]),
        [['repository_checked', true]],
      );
    });

    it('ends a check that finds damage as failed, and names the pack', async (t) => {
      const rig = await openRig(t, binary);
      const pack = flipByteInBiggestPack(rig);
      const end = findEvent(await rig.awaitEnd(orderCheck(rig, { kind: 'everything' }, 'order_1')), 'run.finished');
      assert.deepEqual([end.state, end.failure?.reason, end.failure?.code], ['failed', 'repository_damaged', 'integrity']);
      assert.ok(end.failure?.message.includes(pack), JSON.stringify(end.failure));
      assert.equal(end.evidence[0]?.ok, false);
    });
  });
}

describe('Checks and prunes beside others', () => {
  const restic = GENERATIONS.at(-1)?.binary ?? '';

  it('prunes through an admin credential that is nowhere on the disk, and refuses a second prune meanwhile', async (t) => {
    const rig = await openRig(t, restic);
    for (const name of readdirSync(join(rig.dir, 'repository/snapshots'))) rmSync(join(rig.dir, 'repository/snapshots', name));
    rig.executor.pause();
    const run = orderPrune(rig, 'order_1', true);
    assert.throws(() => orderPrune(rig, 'order_2'), /waits or runs already/);
    assert.doesNotMatch(JSON.stringify(rig.workbench.journal.runs.find(run)?.body), /"box"/);
    rig.executor.resume();
    const end = findEvent(await rig.awaitEnd(run), 'run.finished');
    assert.equal(end.state, 'succeeded', JSON.stringify(end.failure));
    assert.ok(end.bytes > 390_000, `${end.bytes} bytes freed`);
    assert.deepEqual(rig.workbench.secrets.find({ purpose: 'request', ref: `${run}.repositories` }), undefined);
  });

  it('leaves nothing in the way of a backup when its tool is killed, however often', async (t) => {
    const rig = await openRig(t, writeSlowPrune(t, restic));
    const { journal } = rig.workbench;
    // One that was not written to its end has another name, and is none.
    const listLocks = () => readdirSync(join(rig.dir, 'repository/locks')).filter((name) => /^[0-9a-f]{64}$/.test(name));
    for (const nth of [1, 2, 3]) {
      const run = orderPrune(rig, `order_${nth}`);
      const isPrune = ({ pid }: { pid: number }) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\u0000prune\u0000');
      const findPrune = () => journal.runs.listProcesses(run).find(isPrune);
      // The repository is all its own from here on.
      const holds = () => findPrune() !== undefined && listLocks().length > 0;
      await waitUntil('the lock of the prune', holds, { intervalMs: 1 });
      process.kill(findPrune()?.pid ?? assert.fail('it has ended already'), 'SIGKILL');
      assert.equal(findEvent(await rig.awaitEnd(run), 'run.finished').state, 'failed');
      assert.equal(findEvent(await rig.runPlan(), 'run.finished').state, 'succeeded');
      assert.deepEqual(listLocks(), []);
    }
  });

  it('comes back later when somebody on another host works in the repository', async (t) => {
    const rig = await openRig(t, restic);
    const release = await holdLock(rig, restic);
    const run = orderPrune(rig, 'order_1');
    const told = /^others work in the repository \(.*already locked.* by PID \d+ on \S+ by \S+ \(.*\)\); trying again in 60 s$/u;
    const isTold = (event: DurableEvent) =>
      event.type === 'run.log' && event.run === run && event.lines.some(({ text }) => told.test(text));
    await rig.awaitEvent(isTold);
    await release();
    const events = await rig.awaitEnd(run);
    assert.equal(findEvent(events, 'run.finished').state, 'succeeded', JSON.stringify(findEvent(events, 'run.finished').failure));
    assert.equal(events.filter(({ type }) => type === 'run.started').length, 1);
  });

  it('waits with a check until the backup beside it has ended, and is alone then', async (t) => {
    const rig = await openRig(t, restic);
    const backup = rig.order();
    const check = orderCheck(rig, { kind: 'structure' }, 'order_1');
    const next = rig.order();
    await Promise.all([backup, check, next].map((run) => rig.awaitEnd(run)));
    const spanOf = (run: typeof check) => {
      const events = rig.listEvents();
      const at = (type: string) => events.findIndex((event) => event.type === type && 'run' in event && event.run === run);
      return { from: at('run.started'), to: at('run.finished') };
    };
    const [one, alone, other] = [spanOf(backup), spanOf(check), spanOf(next)];
    assert.ok(alone.from > one.to || alone.to < one.from, 'not beside the first backup');
    assert.ok(alone.from > other.to || alone.to < other.from, 'not beside the second');
  });
});

describe('Checks and prunes across the lives of an agent', () => {
  const restic = GENERATIONS.at(-1)?.binary ?? '';

  it('tells that a run was interrupted, and that an admin credential is gone with the agent that held it', async (t) => {
    const rig = await openRig(t, restic);
    rig.executor.pause();
    const waiting = orderPrune(rig, 'order_1', true);
    rig.workbench.secrets.release(waiting);
    const cut = orderCheck(rig, { kind: 'structure' }, 'order_2');
    const { runs } = rig.workbench.journal;
    runs.revise(cut, { ...(runs.find(cut)?.body as object), started: true });
    rig.executor.cancel(cut);
    await rig.awaitEnd(cut);
    const body = runs.find(waiting)?.body;
    assert.match(JSON.stringify(body), /secretsApart/);
    rig.executor.resume();
    const end = findEvent(await rig.awaitEnd(waiting), 'run.finished');
    assert.deepEqual([end.state, end.failure?.reason], ['failed', 'admin_secrets_gone']);
    assert.equal((await recoverRuns(rig.workbench, rig.executor, rig.spec)).interrupted, 0);
  });

  it('takes the secrets of a waiting check out of the journal when the host is to keep none', async (t) => {
    const rig = await openRig(t, restic);
    rig.executor.pause();
    const run = orderCheck(rig, { kind: 'structure' }, 'order_1');
    const read = () => JSON.stringify(rig.workbench.journal.runs.find(run)?.body);
    assert.match(read(), /"box"/);
    stripJournal(rig.workbench);
    assert.doesNotMatch(read(), /"box"/);
    rig.executor.resume();
    await rig.awaitEnd(run);
  });
});
