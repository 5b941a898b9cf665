/** The composition root of the agent: every room put together, started in order, closed in the opposite one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { drawFraction, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { AgentConfig } from './config.ts';
import { createHandlers } from './handlers/all.ts';
import { readSpec } from './handlers/spec-put.ts';
import { createRecoveryKeeper } from './host/recovery-copies.ts';
import { openJournal } from './journal/journal.ts';
import { createExecutor } from './runs/executor.ts';
import { recoverRuns } from './runs/recovery/recovery.ts';
import { sweepSpool } from './runs/restore/database/restore-spool.ts';
import type { AgentLog } from './runs/workbench.ts';
import { enrol } from './session/enrol.ts';
import { createSession, type Session } from './session/session.ts';
import { openTooling } from './tooling.ts';
import { AGENT_VERSION } from './version.ts';
import { createWatches } from './watches/all.ts';
import { startClockwork } from './watches/clockwork.ts';
import { openHostWatch } from './watches/host-watch.ts';
import { createWorkbench } from './workbench.ts';

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
  tooling.sweepScratch();
  const recovery = createRecoveryKeeper(config.stateDir, log);
  const stopping = new AbortController();
  let session: Session | undefined;
  let spec: Spec | undefined;

  const workbench = createWorkbench(tooling, journal, (progress) => session?.sendVolatile('progress', progress), {
    onSecretsChange: () => watches.secrets.look(),
    findRepository: (engineId) => spec?.repositories.find(({ pinnedId }) => pinnedId === engineId)?.id,
    hostLimits: () => spec?.limits ?? {},
    signal: stopping.signal,
  });
  const executor = createExecutor({
    workbench,
    spec: () => spec,
    findHold: (job) => watches.drain.findHold(job) ?? watches.secrets.findHold(job),
    onRepositoryUsed: (id, end) => void watches.reconciliation.afterBackup(id, end),
  });
  const watches = createWatches({
    workbench,
    stateDir: config.stateDir,
    executor,
    spec: () => spec,
    session: () => session,
    signal: stopping.signal,
  });
  const { scheduler, reconciliation, secrets, drain, sources, life } = watches;
  const host = await openHostWatch({ tooling, stateDir: config.stateDir, version: AGENT_VERSION, journal, executor });

  const adopt = (next: Spec) => {
    spec = next;
    log.info({ version: next.version, plans: next.plans.length, sources: next.sources.length }, 'spec taken over');
    drain.look();
    secrets.adopt(next);
    recovery.adopt(next);
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
      recovery.adopt(spec);
    } catch (error) {
      log.error({ err: error }, 'the stored spec cannot be used; waiting for the server to send one');
    }
  };

  async function refreshTools(): Promise<void> {
    const hasOtherTools = await tooling.refreshInventory();
    const hasOtherHooks = host.refreshFacts();
    if (!hasOtherTools && !hasOtherHooks) return;
    session?.sendVolatile('inventory', { facts: host.facts(), tools: [...tooling.inventory().reports] });
  }

  /** What an earlier life left is put right and its locks are cleared before anything new begins; then the ledger is compared. */
  async function recover(): Promise<void> {
    watches.console.look();
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
      // A frame names as many as may wait; those that run come first. What an earlier life left open is not the executor's yet.
      listRuns: () =>
        [...new Set([...executor.listRuns(), ...journal.runs.listOpen().map(({ run }) => run)])].slice(0, RUNS.queued),
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
      const stopClockwork = startClockwork({ journal, executor, watches, refreshTools });
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
        await recovery.settle();
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
