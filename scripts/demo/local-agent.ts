import { join } from 'node:path';
import * as z from 'zod';
import { runTool } from '../../e2e/harness/services/tool-run.ts';
import type { Api } from './api-client.ts';
import { getCommand, type Program, startProgram } from './program.ts';
import type { StateFolder } from './state-folder.ts';
import { pollUntil } from './waiting.ts';

export const HOST_NAME = 'shop-1';

/** The agent follows the address it is given, also when the server took another port than at the enrolment. */
export function startAgent(folder: StateFolder, url: string): Program {
  return startProgram({
    name: 'agent',
    command: getCommand('holdfast-agent'),
    args: ['run', '--server', url, '--state-dir', folder.agent],
    env: {},
    cwd: folder.root,
    logFile: join(folder.logs, 'agent.log'),
  });
}

const agentStatus = z.object({ fingerprint: z.string().nullable() });
const hostSchema = z.object({ id: z.string(), name: z.string(), fingerprint: z.string(), standing: z.string() });
type Host = z.infer<typeof hostSchema>;
const pendingHost = z.object({ id: z.string(), fingerprint: z.string() });

export type Admission = { readonly host: Host; readonly fingerprint: string; readonly isNew: boolean };

/**
 * Waits for the agent's announcement and approves it, if its fingerprint is the one that the agent itself shows on this machine.
 * A host that was approved at an earlier start is found again. Either way it is online afterwards.
 */
export async function admitAgent(folder: StateFolder, api: Api, signal: AbortSignal): Promise<Admission> {
  const options = { deadlineMs: 60_000, signal };
  const fingerprint = await pollUntil('the agent to make its identity', () => readFingerprint(folder), options);
  const known = await findHost(api, fingerprint);
  if (known === undefined) {
    const pending = await pollUntil(
      'the announcement of the agent',
      async () => (await api.get('/hosts/pending', z.array(pendingHost))).find((host) => host.fingerprint === fingerprint),
      options,
    );
    await api.post(`/hosts/pending/${pending.id}/approve`, { name: HOST_NAME, tags: ['demo'] }, hostSchema);
  }
  const host = await pollUntil('the host to be online', () => findOnline(api, fingerprint), options);
  return { host, fingerprint, isNew: known === undefined };
}

/** Asked of the agent's own command, so that the comparison has two sides. */
async function readFingerprint(folder: StateFolder): Promise<string | undefined> {
  const args = ['status', '--json', '--state-dir', folder.agent];
  const { stdout } = await runTool(getCommand('holdfast-agent'), args, { env: { HOME: process.env['HOME'] ?? '/' } });
  return agentStatus.parse(JSON.parse(stdout)).fingerprint ?? undefined;
}

async function findHost(api: Api, fingerprint: string): Promise<Host | undefined> {
  const hosts = await api.get('/hosts?limit=100', z.array(hostSchema));
  return hosts.find((host) => host.fingerprint === fingerprint);
}

async function findOnline(api: Api, fingerprint: string): Promise<Host | undefined> {
  const host = await findHost(api, fingerprint);
  if (host?.standing === 'revoked' || host?.standing === 'quarantined')
    throw new Error(`the host ${host.name} is ${host.standing}; remove the demo's folder to begin anew`);
  return host?.standing === 'online' ? host : undefined;
}
