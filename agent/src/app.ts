/** The composition root of the agent: every room put together, started in order, closed in the opposite one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { drawFraction, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { REPOSITORY_LOOKS, RUNS, SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { AgentConfig } from './config.ts';
import { createHandlers } from './handlers/all.ts';
import { readSpec } from './handlers/spec-put.ts';
import { openJournal } from './journal/journal.ts';
import { createExecutor } from './runs/executor.ts';
import { recoverRuns } from './runs/recovery/recovery.ts';
import { sweepSpool } from './runs/restore/database/restore-spool.ts';
import type { AgentLog } from './runs/workbench.ts';
import { enrol } from './session/enrol.ts';
import { createSession, type Session } from './session/session.ts';
import { openTooling } from './tooling.ts';
import { AGENT_VERSION } from './version.ts';
import { createDrainWatch } from './watches/drain.ts';
import { openHostWatch } from './watches/host-watch.ts';
import { createLifeNoteWriter } from './watches/life-note.ts';
import { createPlanClock } from './watches/plan-clock.ts';
import { createReconciliation } from './watches/reconciliation.ts';
import { createRepositoryWatch } from './watches/repository-watch.ts';
import { createSecretWatch } from './watches/secret-watch.ts';
import { createSourceWatch } from './watches/source-watch.ts';
import { createWorkbench } from './workbench.ts';

const DAY_MS = 24 * 3_600_000;
/** What waits in memory because the disk refused it is tried again this often. */
const RETRY_MS = 5_000;
/** A drain that has reached its end, and a line that came or went, are noticed within this. */
const LOOK_MS = 1_000;
/** Tools are looked for again this often; a person who installs one can also restart the agent. */
const INVENTORY_MS = 10 * 60_000;
/** Runs wait at most this long for locks of an earlier life to be cleared. */
const RECOVERY_PATIENCE_MS = 60_000;
/** The line to the server is given this long to end before the journal closes under it. */
const GOODBYE_MS = 3_000;
/** What still runs at a stop is given this long before it is cut off; a backup then goes on in the next life. */
const STOP_GRACE_MS = 10_000;

export interface Agent {
  /** Resolves when the agent was stopped; rejects with the server's last word (rejected, revoked). */
  run(): Promise<void>;
  /** Stops taking runs, gives those under way a moment, then cuts them off and closes. */
  stop(): Promise<void>;
}

export async function createAgent(config: AgentConfig, log: AgentLog): Promise<Agent> {
  const tooling = await openTooling({ config, log });
  const { clock, credentials } = tooling;
  const journal = openJournal({ stateDir: config.stateDir, clock, randomBytes: systemRandomBytes });
  tooling.workDirs.sweep();
  sweepSpool(tooling.spoolDir);
  const stopping = new AbortController();
  let session: Session | undefined;
  let spec: Spec | undefined;

  const workbench = createWorkbench(tooling, journal, (progress) => session?.sendVolatile('progress', progress), {
    onSecretsChange: () => secrets.look(),
    findRepository: (engineId) => spec?.repositories.find(({ pinnedId }) => pinnedId === engineId)?.id,
  });
  const executor = createExecutor({
    workbench,
    spec: () => spec,
    findHold: (job) => drain.findHold(job) ?? secrets.findHold(job),
    onRepositoryUsed: (id, end) => void reconciliation.afterBackup(id, end),
  });
  const reconciliation = createReconciliation({
    workbench,
    spec: () => spec,
    listRuns: () => executor.listRuns(),
    isBusy: (id) => executor.isBusy(id),
    signal: stopping.signal,
  });
  const secrets = createSecretWatch({
    workbench,
    spec: () => spec,
    onChange() {
      executor.reconsider();
      void reconciliation.reconcileUnopened();
    },
  });
  const drain = createDrainWatch({
    clock,
    findDrain: () => spec?.drain,
    notify(text) {
      log.info({ until: spec?.drain?.until }, text);
      journal.outbox.append({ type: 'host.notice', at: clock.now(), level: 'info', text });
    },
    onChange: () => executor.reconsider(),
  });
  const scheduler = createPlanClock(workbench, executor, () => spec);
  const sources = createSourceWatch({
    workbench,
    spec: () => spec,
    listBusySources: () => executor.listBusySources(),
    report(looks) {
      if (session?.isConnected !== true) return false;
      session.sendVolatile('sources.seen', { looks: [...looks] });
      return true;
    },
    random: () => drawFraction(systemRandomBytes),
  });
  const repositories = createRepositoryWatch({
    clock,
    spec: () => spec,
    report(looks) {
      if (session?.isConnected !== true) return false;
      session.sendVolatile('repositories.seen', { looks: [...looks] });
      return true;
    },
  });
  const life = createLifeNoteWriter(workbench, () => session?.isConnected === true);
  const host = await openHostWatch({ tooling, stateDir: config.stateDir, version: AGENT_VERSION, journal, executor });

  const adopt = (next: Spec) => {
    spec = next;
    log.info({ version: next.version, plans: next.plans.length, sources: next.sources.length }, 'spec taken over');
    drain.look();
    secrets.adopt(next);
    if (next.secretsMode === 'just_in_time') tooling.forgetMachineKeys();
    // Limits may have changed with it.
    executor.reconsider();
    scheduler.refresh();
  };
  const loadStoredSpec = () => {
    const stored = journal.spec.load();
    if (!stored || !credentials.find()) return;
    try {
      spec = readSpec(workbench, stored);
      secrets.adopt(spec);
    } catch (error) {
      log.error({ err: error }, 'the stored spec cannot be used; waiting for the server to send one');
    }
  };

  function startClockwork(): () => void {
    const every = (ms: number, work: () => unknown) => setInterval(() => void work(), ms);
    const timers = [
      every(RETRY_MS, () => journal.outbox.retry()),
      every(LOOK_MS, drain.look),
      every(LOOK_MS, life.look),
      every(SOURCE_HEALTH.tickMs, sources.tick),
      every(REPOSITORY_LOOKS.tickMs, repositories.tick),
      // Waiting for secrets has an end as well.
      every(RUNS.tickMs, () => executor.reconsider()),
      every(DAY_MS, () => {
        journal.purge();
        return reconciliation.reconcileAll();
      }),
      every(INVENTORY_MS, async () => {
        secrets.settle();
        if (!(await tooling.refreshInventory())) return;
        host.refreshFacts();
        session?.sendVolatile('inventory', { facts: host.facts(), tools: [...tooling.inventory().reports] });
      }),
    ];
    return () => {
      for (const timer of timers) clearInterval(timer);
    };
  }

  /** What an earlier life left is put right and its locks are cleared before anything new begins; then the ledger is compared. */
  async function recover(): Promise<void> {
    const { interrupted, requeued, repositories } = await recoverRuns(workbench, executor, spec);
    if (interrupted + requeued > 0) log.warn({ interrupted, requeued }, 'runs of an earlier life were found');
    // A repository that hangs must not keep the others from their backups.
    const patience = sleep(RECOVERY_PATIENCE_MS, undefined, { ref: false });
    const cleared = reconciliation.clearLeftLocks(repositories);
    await Promise.race([cleared, patience]);
    void cleared.then(reconciliation.reconcileAll);
  }

  async function serve(): Promise<void> {
    const common = {
      signal: stopping.signal,
      wait: async (ms: number, signal: AbortSignal) => void (await sleep(ms, undefined, { signal })),
      random: () => drawFraction(systemRandomBytes),
    };
    if (!credentials.find()) {
      if (config.serverUrl === undefined)
        throw new AppError(
          'invalid',
          'HOLDFAST_SERVER_URL (or --server) is needed: the address of the server, such as https://backup.example.com',
        );
      const { serverUrl, enrolToken } = config;
      await enrol({ ...workbench, ...common, serverUrl, enrolToken, credentials, facts: host.facts(), log });
    }
    session = createSession({
      serverUrl: config.serverUrl,
      ...common,
      workbench,
      credentials,
      handlers: createHandlers({ workbench, executor, credentials, onSpec: adopt }),
      boot: workbench.createId('frame'),
      facts: host.facts,
      tools: () => tooling.inventory().reports,
      heartbeat: host.heartbeat,
      // A frame names as many as may wait; those that run come first.
      listRuns: () => executor.listRuns().slice(0, RUNS.queued),
    });
    await session.run();
  }

  let stopped: Promise<void> | undefined;
  let served: Promise<void> = Promise.resolve();
  return {
    async run() {
      loadStoredSpec();
      life.look();
      executor.pause();
      const recovered = recover().catch((error: unknown) =>
        log.error({ err: error }, 'runs of an earlier life could not be ended'),
      );
      const stopClockwork = startClockwork();
      void recovered.then(() => {
        if (stopping.signal.aborted) return;
        executor.resume();
        scheduler.start();
      });
      try {
        served = serve();
        await served;
      } catch (error) {
        if (!stopping.signal.aborted) throw error;
      } finally {
        stopClockwork();
      }
    },
    stop() {
      stopped ??= (async () => {
        scheduler.stop();
        sources.stop();
        const drained = executor.drain();
        const cutOff = () => {
          log.warn({ active: executor.active }, 'what still runs is cut off; backups go on when the agent is back');
          executor.abortAll();
        };
        const grace = setTimeout(cutOff, STOP_GRACE_MS);
        await drained;
        clearTimeout(grace);
        stopping.abort();
        await Promise.race([served.catch(() => undefined), sleep(GOODBYE_MS, undefined, { ref: false })]);
        workbench.secrets.wipe();
        host.close();
        life.end();
        journal.close();
        tooling.workDirs.close();
      })();
      return stopped;
    },
  };
}
