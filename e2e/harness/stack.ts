import { randomBytes } from 'node:crypto';
import { type AgentOptions, type AgentProcess, startAgentProcess } from './agent-process.ts';
import { type ApiClient, type ApiHost, type ApiPending, createApiClient } from './api.ts';
import { type Account, admitByCommands, admitByFirstStart } from './first-admin.ts';
import { readLog } from './program.ts';
import { type ServerOptions, type ServerProcess, startServer } from './server-process.ts';
import { createPrivateDirectory } from './services/private-directory.ts';
import { assertNothingLeft } from './services/processes.ts';
import { waitFor } from './services/wait-for.ts';

export type StackOptions = ServerOptions & {
  /** Leaves the server as its first start does: no user, no key, the first-start address in the log. */
  readonly isUntouched?: boolean;
};

export type EnrolledHost = { readonly agent: AgentProcess; readonly host: ApiHost };

export type Stack = {
  /** Private; removed at the end with everything in it. */
  readonly directory: string;
  readonly server: ServerProcess;
  /** With an administrator's key. */
  readonly api: ApiClient;
  readonly admin: Account;
  /** Starts an agent that announces itself; resolves when its process is started. */
  startAgent(name: string, options?: AgentOptions): Promise<AgentProcess>;
  /** Starts an agent, approves it by the API after comparing fingerprints, and waits until it is online. */
  enrolHost(name: string, options?: AgentOptions): Promise<EnrolledHost>;
  /** The log files so far, by name, for what is attached to a failed test. */
  readLogs(): Promise<Readonly<Record<string, string>>>;
  /** Ends everything and sees that nothing is left. May be called twice. */
  stop(): Promise<void>;
};

/** Starts a real server in a private directory, with an administrator and an API key unless it is to stay untouched. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const home = await createPrivateDirectory('stack');
  const agents: AgentProcess[] = [];
  const admin: Account = { name: 'ada', password: randomBytes(18).toString('base64url') };
  let server: ServerProcess | undefined;
  const stop = async (): Promise<void> => {
    const ends = await Promise.allSettled([...agents.map((agent) => agent.stop()), server?.stop()]);
    await assertNothingLeft({ directory: home.path });
    await home.remove();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  try {
    server = await startServer(home.path, options);
    const running = server;
    const api = createApiClient(() => running.url, options.isUntouched ? '' : await admit(running, admin, options));
    const startAgent = async (name: string, agentOptions: AgentOptions = {}): Promise<AgentProcess> => {
      const agent = await startAgentProcess(home.path, name, running.url, agentOptions);
      agents.push(agent);
      return agent;
    };
    return {
      directory: home.path,
      server,
      api,
      admin,
      startAgent,
      async enrolHost(name, agentOptions) {
        const agent = await startAgent(name, agentOptions);
        return { agent, host: await approveAgent(api, agent) };
      },
      async readLogs() {
        const logs: Record<string, string> = { server: running.readLog() };
        for (const agent of agents) logs[`agent ${agent.name}`] = readLog(agent.logFile);
        return logs;
      },
      stop,
    };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

/** Makes the administrator and a key; gives the key. */
const admit = (server: ServerProcess, admin: Account, { env = {} }: StackOptions): Promise<string> =>
  'HOLDFAST_BASE_URL' in env || 'HOLDFAST_LOG_LEVEL' in env ? admitByCommands(server, admin) : admitByFirstStart(server, admin);

/** Approves the announcement that shows this agent's own fingerprint. */
async function approveAgent(api: ApiClient, agent: AgentProcess): Promise<ApiHost> {
  const fingerprint = normalizeFingerprint(await agent.awaitFingerprint());
  const find = async (): Promise<ApiPending | undefined> => {
    const waiting = await api.get<readonly ApiPending[]>('/hosts/pending');
    return waiting.find((pending) => normalizeFingerprint(pending.fingerprint) === fingerprint);
  };
  const pending = await waitFor(`${agent.name} to announce itself`, find, { deadlineMs: 15_000 });
  const host = await api.post<ApiHost>(`/hosts/pending/${pending.id}/approve`, { name: agent.name });
  return await api.waitForHost(host.id, 'online', 15_000);
}

/** Words of a fingerprint, however they are separated where it is shown. */
export function normalizeFingerprint(text: string): string {
  return (
    text
      .toLowerCase()
      .match(/[a-z]+/g)
      ?.join(' ') ?? ''
  );
}
