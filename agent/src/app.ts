/** The composition root of the agent: every room put together, started in order, closed in the opposite one. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { drawFraction, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { AgentFrames, HostFacts, Progress } from '@holdfast/shared/protocol/messages.ts';
import type { AgentConfig } from './config.ts';
import { readBootId } from './exec/proc.ts';
import { createHandlers } from './handlers/all.ts';
import { readSpec } from './handlers/spec-put.ts';
import { type HostLoad, readHostFacts, readHostLoad } from './host/facts.ts';
import { startLoopLag } from './host/loop-lag.ts';
import { isUnwritable, openJournal } from './journal/journal.ts';
import { createExecutor } from './runs/executor.ts';
import { reconcileRepository } from './runs/reconcile.ts';
import { clearLocks, recoverRuns } from './runs/recovery.ts';
import type { AgentLog, Workbench } from './runs/workbench.ts';
import { deriveRunId } from './scheduler/run-id.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import { enrol } from './session/enrol.ts';
import { createSession, type Session } from './session/session.ts';
import { openTooling } from './tooling.ts';
import { AGENT_VERSION } from './version.ts';

const DAY_MS = 24 * 3_600_000;
/** Tools are looked for again this often; a person who installs one can also restart the agent. */
const INVENTORY_MS = 10 * 60_000;
/** What still runs at a stop is given this long before it is cancelled. */
const STOP_GRACE_MS = 10_000;

export interface Agent {
  /** Resolves when the agent was stopped; rejects with the server's last word (rejected, revoked, quarantined). */
  run(): Promise<void>;
  /** Stops taking runs, gives those under way a moment, then cancels them and closes. */
  stop(): Promise<void>;
}

export async function createAgent(config: AgentConfig, log: AgentLog): Promise<Agent> {
  const tooling = await openTooling({ config, log });
  const { clock, credentials } = tooling;
  const journal = openJournal({ stateDir: config.stateDir, clock, randomBytes: systemRandomBytes });
  tooling.workDirs.sweep();
  const stopping = new AbortController();
  const bootId = readBootId();
  let session: Session | undefined;
  let spec: Spec | undefined;
  let facts: HostFacts = await readHostFacts(clock, AGENT_VERSION, tooling.pdeathsig);
  let load: HostLoad = await readHostLoad(config.stateDir);
  const lag = startLoopLag();

  const note = (effects: () => void) => {
    try {
      effects();
    } catch (error) {
      if (!isUnwritable(error)) throw error;
      log.warn({ err: error }, 'the disk refuses writes; a process is not remembered across a crash');
    }
  };
  const workbench: Workbench = {
    ...tooling,
    journal,
    createId: (kind) => createId(kind, { clock, randomBytes: systemRandomBytes }),
    sendProgress: (progress: Progress) => session?.sendVolatile('progress', progress),
    setTimer(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    execFor: (run) =>
      tooling.createExecWith({
        onStarted: ({ pid, startTime }) => {
          if (startTime !== undefined) note(() => journal.runs.recordProcess({ run, stage: 'dump', pid, startTime, bootId }));
        },
        onEnded: ({ pid }) => note(() => journal.runs.clearProcess(run, 'dump', pid)),
      }),
  };

  const executor = createExecutor({ workbench, spec: () => spec, onRepositoryUsed: (id) => void reconcile(id) });
  async function reconcile(id: RepositoryId): Promise<void> {
    if (!spec || stopping.signal.aborted) return;
    try {
      await reconcileRepository(workbench, spec, id, new Set(executor.listRuns()));
    } catch (error) {
      log.warn({ repository: id, err: error }, 'comparing a repository with the ledger failed');
    }
  }
  async function clearLeftLocks(repositories: ReadonlySet<RepositoryId>): Promise<void> {
    if (!spec || repositories.size === 0) return;
    try {
      await clearLocks(workbench, spec, repositories);
    } catch (error) {
      log.warn({ err: error }, 'looking for locks of an earlier life failed');
    }
  }
  async function reconcileAll(): Promise<void> {
    for (const repository of spec?.repositories ?? []) await reconcile(repository.id);
  }

  const digest = (text: string) => createHash('sha256').update(text).digest();
  const scheduler = createScheduler({
    clock,
    fires: journal.fires,
    transact: (effects) => journal.transact(effects),
    isUnwritable,
    plans: () => spec?.plans ?? [],
    onFire(plan, fireAt, { late, skipped }) {
      if (!spec) return undefined;
      const run = deriveRunId(plan.id, spec.host, fireAt, digest);
      if (skipped > 0) log.warn({ plan: plan.id, skipped }, 'older fires of this plan were missed; this run stands for them');
      return executor.recordScheduled(plan, run, fireAt, late ? 'catch_up' : 'schedule');
    },
    onMissed(plan, missed) {
      const text = `plan ${plan.name}: ${missed.count} fires were missed and are not caught up (${missed.why === 'too_old' ? 'too long ago' : 'catching up is off'})`;
      return () => void journal.outbox.append({ type: 'host.notice', at: clock.now(), level: 'warn', text });
    },
    onJump(deltaMs) {
      log.warn({ deltaMs }, 'the clock jumped, or the host slept');
      journal.outbox.append({
        type: 'host.notice',
        at: clock.now(),
        level: 'warn',
        text: `the clock moved by ${Math.round(deltaMs / 1000)} s, or the host slept`,
      });
    },
    onError: (plan, error) => log.error({ plan: plan.id, err: error }, 'a plan could not be considered'),
    setTimer: workbench.setTimer,
  });

  const adopt = (next: Spec) => {
    spec = next;
    log.info({ version: next.version, plans: next.plans.length, sources: next.sources.length }, 'spec taken over');
    scheduler.refresh();
  };
  const heartbeat = (): AgentFrames['heartbeat'] => {
    const size = journal.outbox.size();
    return {
      ...load,
      loopLagMs: lag.takeMs(),
      outboxEvents: size.waitingEvents,
      outboxBytes: size.waitingBytes,
      activeRuns: executor.active,
      queuedRuns: executor.waiting,
    };
  };

  const loadStoredSpec = () => {
    const stored = journal.spec.load();
    if (!stored || !credentials.find()) return;
    try {
      spec = readSpec(workbench, stored);
    } catch (error) {
      log.error({ err: error }, 'the stored spec cannot be used; waiting for the server to send one');
    }
  };

  function startClockwork(): () => void {
    const every = (ms: number, work: () => unknown) => setInterval(() => void work(), ms);
    const timers = [
      every(WIRE.pingIntervalMs, async () => {
        load = await readHostLoad(config.stateDir);
      }),
      every(5_000, () => journal.outbox.retry()),
      every(DAY_MS, () => {
        journal.purge();
        return reconcileAll();
      }),
      every(INVENTORY_MS, async () => {
        if (!(await tooling.refreshInventory())) return;
        facts = await readHostFacts(clock, AGENT_VERSION, tooling.pdeathsig);
        session?.sendVolatile('inventory', { facts, tools: [...tooling.inventory().reports] });
      }),
    ];
    return () => {
      for (const timer of timers) clearInterval(timer);
    };
  }

  async function serve(): Promise<void> {
    const wait = async (ms: number, signal: AbortSignal) => {
      await sleep(ms, undefined, { signal });
    };
    const common = { ...workbench, signal: stopping.signal, wait, random: () => drawFraction(systemRandomBytes) };
    if (!credentials.find()) {
      if (config.serverUrl === undefined)
        throw new AppError(
          'invalid',
          'HOLDFAST_SERVER_URL (or --server) is needed: the address of the server, such as https://backup.example.com',
        );
      await enrol({ ...common, serverUrl: config.serverUrl, enrolToken: config.enrolToken, credentials, facts, log });
    }
    const handlers = createHandlers({ workbench, executor, credentials, onSpec: adopt });
    session = createSession({
      workbench,
      credentials,
      handlers,
      boot: workbench.createId('frame'),
      facts: () => facts,
      tools: () => tooling.inventory().reports,
      heartbeat,
      listRuns: () => [...executor.listRuns()],
      signal: stopping.signal,
      wait,
      random: () => drawFraction(systemRandomBytes),
    });
    await session.run();
  }

  let stopped: Promise<void> | undefined;
  return {
    async run() {
      loadStoredSpec();
      const recovered = recoverRuns(workbench, executor);
      if (recovered.interrupted + recovered.requeued > 0) {
        const { interrupted, requeued } = recovered;
        log.warn({ interrupted, requeued }, 'runs of an earlier life were found');
      }
      scheduler.start();
      const stopClockwork = startClockwork();
      void clearLeftLocks(recovered.repositories).then(reconcileAll);
      try {
        await serve();
      } catch (error) {
        if (!stopping.signal.aborted) throw error;
      } finally {
        stopClockwork();
      }
    },
    stop() {
      stopped ??= (async () => {
        scheduler.stop();
        const drained = executor.drain();
        const grace = setTimeout(() => executor.abortAll(), STOP_GRACE_MS);
        await drained;
        clearTimeout(grace);
        stopping.abort();
        lag.stop();
        journal.close();
      })();
      return stopped;
    },
  };
}
