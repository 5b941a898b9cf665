import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { requireRoot, UnsupportedError } from './identity.ts';
import { signalQuietly } from './processes.ts';
import { type ServiceProcess, type ServiceProcessOptions, startServiceProcess } from './service-process.ts';
import { runTool, type ToolOutcome, type ToolRunOptions, tryTool } from './tool-run.ts';

/** Bytes over one link since it was made, link-layer headers included. */
export type LinkCounters = { readonly toHostBytes: number; readonly fromHostBytes: number };

export type NetworkLink = {
  /** This side: where a server must listen to be reached from inside. */
  readonly hostAddress: string;
  /** The other side: where the host sees connections come from. */
  readonly insideAddress: string;
  /** The interface on this side. */
  readonly hostInterface: string;
  readCounters(): Promise<LinkCounters>;
  /** Takes the link down (or up again), as a pulled cable would. */
  setUp(isUp: boolean): Promise<void>;
};

export type NetworkNamespaceHandle<LinkName extends string> = {
  readonly name: string;
  readonly links: Readonly<Record<LinkName, NetworkLink>>;
  /** Words to put before a command so that it runs inside; also for callers that start processes themselves. */
  readonly prefix: readonly string[];
  /** Runs a command inside, to its end; any exit code is an answer. */
  run(command: string, args: readonly string[], options?: ToolRunOptions): Promise<ToolOutcome>;
  start(options: ServiceProcessOptions): ServiceProcess;
  /** Ends every process inside and deletes namespace and links. */
  stop(): Promise<void>;
};

/**
 * Makes a network namespace that reaches this host over one separate link per name and nothing else, so that each kind of
 * traffic can be counted by the link it must take.
 * @throws UnsupportedError with the reason without root, or where namespaces are not allowed.
 */
export async function startNetworkNamespace<LinkName extends string>(
  linkNames: readonly LinkName[],
): Promise<NetworkNamespaceHandle<LinkName>> {
  requireRoot('A network namespace');
  await removeAbandonedNamespaces();
  const suffix = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, '0');
  const name = `hf-${process.pid}-${suffix}`;
  const added = await tryTool('ip', ['netns', 'add', name]);
  if (added.code !== 0) throw new UnsupportedError(`Network namespaces cannot be made here: ${added.stderr.trim()}`);
  const prefix = ['ip', 'netns', 'exec', name];
  const stop = () => removeNamespace(name);
  try {
    await runTool('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    const links: Partial<Record<LinkName, NetworkLink>> = {};
    for (const [index, linkName] of linkNames.entries()) links[linkName] = await addLink(name, `${suffix}${index}`);
    return {
      name,
      links: completeLinks(links, linkNames),
      prefix,
      run: (command, args, options) => tryTool('ip', [...prefix.slice(1), command, ...args], options),
      start: (options) =>
        startServiceProcess({ ...options, command: 'ip', args: [...prefix.slice(1), options.command, ...options.args] }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A pair of interfaces with a network of four addresses, picked among those no interface of this host uses. */
async function addLink(namespace: string, suffix: string): Promise<NetworkLink> {
  const hostInterface = `hfh${suffix}`;
  const insideInterface = `hfi${suffix}`;
  const network = await findFreeNetwork();
  const hostAddress = `${network}.1`;
  const insideAddress = `${network}.2`;
  await runTool('ip', ['link', 'add', hostInterface, 'type', 'veth', 'peer', 'name', insideInterface, 'netns', namespace]);
  await runTool('ip', ['address', 'add', `${hostAddress}/30`, 'dev', hostInterface]);
  await runTool('ip', ['link', 'set', hostInterface, 'up']);
  await runTool('ip', ['-n', namespace, 'address', 'add', `${insideAddress}/30`, 'dev', insideInterface]);
  await runTool('ip', ['-n', namespace, 'link', 'set', insideInterface, 'up']);
  const readCounter = async (counter: string): Promise<number> =>
    Number(await readFile(`/sys/class/net/${hostInterface}/statistics/${counter}`, 'utf8'));
  return {
    hostAddress,
    insideAddress,
    hostInterface,
    readCounters: async () => ({ toHostBytes: await readCounter('rx_bytes'), fromHostBytes: await readCounter('tx_bytes') }),
    setUp: async (isUp) => void (await runTool('ip', ['link', 'set', hostInterface, isUp ? 'up' : 'down'])),
  };
}

async function findFreeNetwork(): Promise<string> {
  const used = (await runTool('ip', ['-4', 'address'])).stdout;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const network = `10.${randomInt(200, 250)}.${randomInt(1, 255)}`;
    if (!used.includes(` ${network}.`)) return network;
  }
  throw new UnsupportedError('No private network is free for a link.');
}

function completeLinks<LinkName extends string>(
  links: Partial<Record<LinkName, NetworkLink>>,
  names: readonly LinkName[],
): Readonly<Record<LinkName, NetworkLink>> {
  const isComplete = (partial: Partial<Record<LinkName, NetworkLink>>): partial is Record<LinkName, NetworkLink> =>
    names.every((name) => partial[name] !== undefined);
  if (!isComplete(links)) throw new Error('A link was named but not made.');
  return links;
}

/** Deleting a namespace takes its end of each pair with it, and a pair's ends go together; processes would keep it alive. */
async function removeNamespace(name: string): Promise<void> {
  const inside = await tryTool('ip', ['netns', 'pids', name]);
  for (const pid of inside.stdout.split('\n').filter((line) => line !== '')) signalQuietly(Number(pid), 'SIGKILL');
  const links = await tryTool('ip', ['-n', name, '-o', 'link', 'show', 'type', 'veth']);
  for (const match of links.stdout.matchAll(/^\d+: (hfi\w+)@/gm))
    await tryTool('ip', ['-n', name, 'link', 'delete', match[1] ?? '']);
  if (existsSync(`/run/netns/${name}`)) await runTool('ip', ['netns', 'delete', name]);
}

async function removeAbandonedNamespaces(): Promise<void> {
  const names = await readdir('/run/netns').catch(() => []);
  for (const name of names) {
    const maker = /^hf-(\d+)-/.exec(name)?.[1];
    if (maker !== undefined && !existsSync(`/proc/${maker}`)) await removeNamespace(name);
  }
}
