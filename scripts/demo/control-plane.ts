import { join } from 'node:path';
import * as z from 'zod';
import { isPortFree } from '../../e2e/harness/services/free-port.ts';
import { runTool } from '../../e2e/harness/services/tool-run.ts';
import { type Api, ApiFailure, createApi } from './api-client.ts';
import { getCommand, type Program, startProgram } from './program.ts';
import { ensureSecret, findText, type StateFolder, writePrivate } from './state-folder.ts';
import { pollUntil } from './waiting.ts';

export const ADMIN = 'admin';
const FIRST_PORT = 8080;
const PORTS = 20;

export type ListenWish = { readonly host: string; readonly port: number | undefined };

export type RunningServer = { readonly program: Program; readonly url: string; readonly note: string };

/** `address:port` or nothing. Throws Error for anything else. */
export function parseListen(text: string | undefined): ListenWish {
  if (text === undefined || text === '') return { host: '127.0.0.1', port: undefined };
  const found = /^([A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  if (found === null || Number(found[2]) > 65_535 || Number(found[2]) === 0)
    throw new Error(`HOLDFAST_LISTEN: "${text}" is not address:port, such as 0.0.0.0:8080`);
  return { host: found[1] ?? '', port: Number(found[2]) };
}

/** A channel of the demo may lead to a program beside it, such as a mail catcher. */
const OWN_MACHINE = '127.0.0.0/8';

/** The ports to try: the one wished for and no other, else the one of the last start, then 8080 and those after it. */
export function listPorts(wish: ListenWish, remembered: number | undefined): number[] {
  if (wish.port !== undefined) return [wish.port];
  const usual = Array.from({ length: PORTS }, (_, index) => FIRST_PORT + index);
  return [...new Set(remembered === undefined ? usual : [remembered, ...usual])];
}

function serverEnv(folder: StateFolder): Record<string, string> {
  return { HOLDFAST_DATA_DIR: folder.server, HOLDFAST_OUTGOING_CIDR: OWN_MACHINE };
}

/** Starts the server at the first port that is free and waits until it is ready. */
export async function startServer(folder: StateFolder, wish: ListenWish, signal: AbortSignal): Promise<RunningServer> {
  const portFile = join(folder.root, 'port');
  const remembered = Number(await findText(portFile)) || undefined;
  const ports = listPorts(wish, remembered);
  for (const port of ports) {
    if (!(await isPortFree(port, wish.host))) continue;
    const url = `http://${wish.host === '0.0.0.0' ? '127.0.0.1' : wish.host}:${port}`;
    const program = startProgram({
      name: 'server',
      command: getCommand('holdfast-server'),
      args: ['serve'],
      env: { ...serverEnv(folder), HOLDFAST_LISTEN: `${wish.host}:${port}` },
      cwd: folder.root,
      logFile: join(folder.logs, 'server.log'),
    });
    try {
      await awaitReady(program, url, signal);
    } catch (error) {
      await program.stop(5000);
      throw error;
    }
    await writePrivate(portFile, String(port));
    const first = ports[0] ?? port;
    return { program, url, note: port === first ? url : `${url}, because port ${first} is taken` };
  }
  throw new Error(`no free port on ${wish.host}: ${ports[0]}${ports.length > 1 ? ` to ${ports.at(-1)} are` : ' is'} taken`);
}

async function awaitReady(program: Program, url: string, signal: AbortSignal): Promise<void> {
  const probe = async (): Promise<true | undefined> => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    await response?.body?.cancel();
    return response?.ok === true ? true : undefined;
  };
  const ended = program.ended.then((why) => {
    throw new Error(why);
  });
  await Promise.race([pollUntil('the server to be ready', probe, { deadlineMs: 30_000, signal, intervalMs: 50 }), ended]);
}

export type Access = { readonly api: Api; readonly password: string; readonly isNew: boolean };

const userList = z.array(z.object({ name: z.string() }));

/** Signs in as a program, with a key made by the command line, and sees to it that there is an administrator. */
export async function openAccess(folder: StateFolder, url: string, signal: AbortSignal): Promise<Access> {
  const api = (await findWorkingApi(folder, url, signal)) ?? (await makeApi(folder, url, signal));
  const passwordFile = join(folder.root, 'admin-password');
  const password = await ensureSecret(passwordFile);
  const users = await api.get('/users', userList);
  const isNew = !users.some((user) => user.name === ADMIN);
  if (isNew)
    await runServerCommand(folder, ['user', 'create', '--name', ADMIN, '--role', 'admin', '--password-file', passwordFile]);
  return { api, password, isNew };
}

async function findWorkingApi(folder: StateFolder, url: string, signal: AbortSignal): Promise<Api | undefined> {
  const key = await findText(join(folder.root, 'api-key'));
  if (key === undefined || key === '') return undefined;
  const api = createApi(url, key, signal);
  try {
    await api.get('/me', z.object({}));
    return api;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 401) return undefined;
    throw error;
  }
}

async function makeApi(folder: StateFolder, url: string, signal: AbortSignal): Promise<Api> {
  const key = (await runServerCommand(folder, ['api-key', 'create', '--name', 'demo', '--role', 'admin'])).trim();
  await writePrivate(join(folder.root, 'api-key'), key);
  return createApi(url, key, signal);
}

async function runServerCommand(folder: StateFolder, args: readonly string[]): Promise<string> {
  return (await runTool(getCommand('holdfast-server'), args, { env: serverEnv(folder) })).stdout;
}
