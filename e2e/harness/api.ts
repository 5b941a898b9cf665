import type { HostId, PlanId, RepositoryId, RunId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { type Evidence, type Failure, isTerminal, type LogLine, type RunState, type Stage } from '@holdfast/shared/domain/run.ts';
import { waitFor } from './services/wait-for.ts';

type Named<Id> = { readonly id: Id; readonly name: string };

export type ApiHost = Named<HostId> & {
  readonly standing: 'online' | 'offline' | 'quarantined' | 'revoked';
  readonly fingerprint: string;
  readonly drift: boolean;
};
export type ApiPending = {
  readonly id: string;
  readonly hostname: string;
  readonly fingerprint: string;
  readonly nameTaken: boolean;
};
export type ApiSource = Named<SourceId> & { readonly host: HostId; readonly kind: string };
export type ApiRepository = Named<RepositoryId> & { readonly kind: string; readonly engineId?: string };
export type ApiPlan = Named<PlanId> & { readonly repository: RepositoryId; readonly sources: readonly SourceId[] };
export type ApiSnapshot = {
  readonly id: SnapshotId;
  readonly engineId: string;
  readonly run: RunId;
  readonly source: SourceId;
  readonly role: 'data' | 'globals';
  readonly state: 'good' | 'partial' | 'quarantined' | 'missing';
  readonly sizeBytes: number;
  readonly fileName?: string;
};
export type ApiRun = {
  readonly id: RunId;
  readonly host: HostId;
  readonly state: RunState;
  readonly trigger: string;
  readonly fireAt?: number;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly bytes: number;
  readonly failure?: Failure;
  readonly evidence: readonly Evidence[];
  readonly logLines: number;
};
export type ApiRunPart = {
  readonly source: SourceId;
  readonly state: RunState;
  readonly failure?: Failure;
  readonly warnings: readonly string[];
  readonly bytes: number;
};
export type ApiRunStage = {
  readonly source?: SourceId;
  readonly stage: Stage;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly ok?: boolean;
};
export type ApiRunDetail = ApiRun & {
  readonly parts: readonly ApiRunPart[];
  readonly stages: readonly ApiRunStage[];
  readonly snapshots: readonly ApiSnapshot[];
  readonly attempts: readonly { readonly attempt: number; readonly failure: { readonly reason?: string } }[];
};
export type ApiAuditRow = {
  readonly action: string;
  readonly actor: { readonly kind: string; readonly name: string };
  readonly target: { readonly kind: string; readonly id: string; readonly name: string };
};

export type ApiAnswer = { readonly status: number; readonly text: string };

export type ApiClient = {
  readonly key: string;
  /** Any status is an answer. */
  send(method: string, path: string, body?: object): Promise<ApiAnswer>;
  /** The `data` of the answer. @throws Error with status and body unless it is a success. */
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: object): Promise<T>;
  /** Waits until the run is in `state`; fails at once when it ended in another one, showing failure and log. */
  waitForRun(id: RunId, state: RunState, deadlineMs?: number): Promise<ApiRunDetail>;
  /** Waits until the run has ended, however it did. */
  waitForEnd(id: RunId, deadlineMs?: number): Promise<ApiRunDetail>;
  waitForHost(id: HostId, standing: ApiHost['standing'], deadlineMs?: number): Promise<ApiHost>;
  /** All lines of a run's log, as one text. */
  readLog(id: RunId): Promise<string>;
};

const RUN_DEADLINE_MS = 60_000;
const POLL_MS = 50;

/** A client of `/api/v1` with an API key. `baseUrl` is asked for each time, because a server may come back elsewhere. */
export function createApiClient(baseUrl: () => string, key: string): ApiClient {
  const send = async (method: string, path: string, body?: object): Promise<ApiAnswer> => {
    const response = await fetch(`${baseUrl()}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  const request = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await send(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path} gave ${answer.status}: ${answer.text.slice(0, 2000)}`);
    return (JSON.parse(answer.text) as { data: T }).data;
  };
  const readLog = async (id: RunId): Promise<string> => {
    const texts: string[] = [];
    for (let after = 0; ; ) {
      const page = await request<{ lines: readonly LogLine[]; lastLine: number }>(
        'GET',
        `/runs/${id}/log?limit=2000&after=${after}`,
      );
      texts.push(...page.lines.map((line) => `${line.level} ${line.text}`));
      if (page.lines.length < 2000) return texts.join('\n');
      after = page.lastLine;
    }
  };
  const awaitRun = async (id: RunId, isMet: (run: ApiRunDetail) => boolean, deadlineMs: number): Promise<ApiRunDetail> => {
    const look = async (): Promise<ApiRunDetail | undefined> => {
      const run = await request<ApiRunDetail>('GET', `/runs/${id}`);
      return isMet(run) || isTerminal(run.state) ? run : undefined;
    };
    return await waitFor(`run ${id}`, look, { deadlineMs, intervalMs: POLL_MS });
  };
  return {
    key,
    send,
    get: (path) => request('GET', path),
    post: (path, body = {}) => request('POST', path, body),
    readLog,
    waitForEnd: (id, deadlineMs = RUN_DEADLINE_MS) => awaitRun(id, () => false, deadlineMs),
    async waitForRun(id, state, deadlineMs = RUN_DEADLINE_MS) {
      const run = await awaitRun(id, (seen) => seen.state === state, deadlineMs);
      if (run.state === state) return run;
      const why = JSON.stringify({ failure: run.failure, parts: run.parts }, undefined, 2);
      throw new Error(`Run ${id} should be ${state} and is ${run.state}: ${why}\n${await readLog(id)}`);
    },
    waitForHost: (id, standing, deadlineMs = 10_000) =>
      waitFor(
        `host ${id} to be ${standing}`,
        async () => {
          const host = await request<ApiHost>('GET', `/hosts/${id}`);
          return host.standing === standing ? host : undefined;
        },
        { deadlineMs, intervalMs: POLL_MS },
      ),
  };
}
