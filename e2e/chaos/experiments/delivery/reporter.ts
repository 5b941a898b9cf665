/** A real agent's journal, identity and session in this process, without its clockwork: what it tells is made up by the experiment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createHandlers } from '@holdfast/agent/handlers/all.ts';
import { openJournal } from '@holdfast/agent/journal/journal.ts';
import { createExecutor } from '@holdfast/agent/runs/executor.ts';
import { enrol } from '@holdfast/agent/session/enrol.ts';
import { createSession } from '@holdfast/agent/session/session.ts';
import { openTooling } from '@holdfast/agent/tooling.ts';
import { AGENT_VERSION } from '@holdfast/agent/version.ts';
import { openHostWatch } from '@holdfast/agent/watches/host-watch.ts';
import { createWorkbench } from '@holdfast/agent/workbench.ts';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { ApiClient, ApiHost, ApiPending } from '../../../harness/api.ts';
import { waitFor } from '../../../harness/services/wait-for.ts';
import { normalizeFingerprint } from '../../../harness/stack.ts';
import type { Seed } from '../../seed.ts';

const WAIT_MS = 30_000;
/** Waits between attempts to dial are this much shorter than an agent's, so that a run of many cuts is not a run of waits. */
const HASTE = 20;

export type Reporter = {
  readonly host: ApiHost;
  readonly epoch: string;
  /** Journals events; they go to the server by themselves. */
  tell(events: readonly DurableEvent[]): void;
  readonly waitingEvents: number;
  readonly acknowledged: number;
  /** How often it was connected. */
  readonly connections: number;
  /** What its log last complained of. */
  listComplaints(): readonly string[];
  stop(): Promise<void>;
};

export type ReporterOptions = {
  readonly api: ApiClient;
  readonly name: string;
  readonly directory: string;
  /** Where it enrols, and where it dials afterwards. */
  readonly serverUrl: string;
  readonly lineUrl: string;
  readonly seed: Seed;
};

export async function startReporter({ api, name, directory, serverUrl, lineUrl, seed }: ReporterOptions): Promise<Reporter> {
  const complaints: string[] = [];
  let connections = 0;
  const complain = (fields: object, message: string) => {
    complaints.push(`${message} ${JSON.stringify(fields)}`.slice(0, 300));
    if (complaints.length > 20) complaints.shift();
  };
  const log = {
    info: (_fields: object, message: string) => {
      if (message === 'connected') connections += 1;
    },
    warn: complain,
    error: complain,
  };
  const config = {
    serverUrl,
    stateDir: `${directory}/state`,
    enrolToken: undefined,
    logLevel: 'info' as const,
    toolPath: `${directory}/no-tools`,
    hooksDir: `${directory}/hooks`,
    home: directory,
    workDirCandidates: [`${directory}/work`],
  };
  const tooling = await openTooling({ config, log });
  const { credentials, clock } = tooling;
  const journal = openJournal({ stateDir: config.stateDir, clock, randomBytes: systemRandomBytes });
  const workbench = createWorkbench(tooling, journal, () => undefined);
  const specs: Spec[] = [];
  const executor = createExecutor({ workbench, spec: () => specs.at(-1), onRepositoryUsed: () => undefined });
  const watch = await openHostWatch({ tooling, stateDir: config.stateDir, version: AGENT_VERSION, journal, executor });
  const stopping = new AbortController();
  const common = {
    signal: stopping.signal,
    wait: async (ms: number, signal: AbortSignal) => void (await sleep(ms / HASTE, undefined, { signal })),
    random: () => seed.fraction(),
  };
  const enrolled = enrol({ ...workbench, ...common, serverUrl, enrolToken: undefined, credentials, facts: watch.facts(), log });
  const [host] = await Promise.all([approve(api, name, tooling.identity.fingerprint.text), enrolled]);
  const open = new Set<RunId>();
  const session = createSession({
    ...common,
    serverUrl: lineUrl,
    workbench,
    credentials,
    handlers: createHandlers({ workbench, executor, credentials, onSpec: (spec) => void specs.push(spec) }),
    boot: workbench.createId('frame'),
    facts: watch.facts,
    tools: () => [],
    heartbeat: watch.heartbeat,
    listRuns: () => [...open],
  });
  const over = session.run().catch((error: unknown) => complain({ error: String(error) }, 'the session ended'));
  return {
    host,
    epoch: journal.outbox.epoch,
    tell(events) {
      for (const event of events) {
        if (event.type === 'run.created') open.add(event.run);
        if (event.type === 'run.finished') open.delete(event.run);
      }
      journal.outbox.appendAll(events);
    },
    get waitingEvents() {
      return journal.outbox.size().waitingEvents;
    },
    get acknowledged() {
      return journal.outbox.acknowledgedSeq();
    },
    get connections() {
      return connections;
    },
    listComplaints: () => complaints,
    async stop() {
      stopping.abort();
      await over;
      watch.close();
      journal.close();
      tooling.workDirs.close();
    },
  };
}

async function approve(api: ApiClient, name: string, fingerprint: string): Promise<ApiHost> {
  const find = async (): Promise<ApiPending | undefined> => {
    const waiting = await api.get<readonly ApiPending[]>('/hosts/pending');
    return waiting.find((pending) => normalizeFingerprint(pending.fingerprint) === normalizeFingerprint(fingerprint));
  };
  const pending: { readonly id: string } = await waitFor(`${name} to announce itself`, find, { deadlineMs: WAIT_MS });
  const { id } = await api.post<{ id: HostId }>(`/hosts/pending/${pending.id}/approve`, { name });
  return api.get<ApiHost>(`/hosts/${id}`);
}
