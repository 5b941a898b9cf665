/** What a run must not leave on its host and in its repository. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { waitFor } from '../../../harness/services/wait-for.ts';
import type { Lane, LaneStorage } from './lane.ts';

/** How finely the kernel tells when a process began, twice. */
const TICKS_MS = 20;

/**
 * Processes of the agent's tools, the gate's FIFO, private directories, scratch files. What began after `endedAt` (Unix ms) is the agent's later
 * work and is not told: after a run it compares repository and ledger, which waits a minute for a repository that is frozen.
 */
export async function listHostLeftovers(
  { agent }: Pick<Lane, 'agent'>,
  endedAt = Number.POSITIVE_INFINITY,
): Promise<readonly string[]> {
  const isLeft = (beganAt: number | undefined) => beganAt === undefined || beganAt < endedAt - TICKS_MS;
  const listPaths = async (directory: string): Promise<readonly string[]> => {
    const left: string[] = [];
    for (const path of await readdir(directory, { recursive: true }).catch(() => [])) {
      if (isLeft(await findBirth(join(directory, path.split(sep).slice(0, 2).join(sep))))) left.push(path);
    }
    return left;
  };
  return [
    ...agent
      .listTools()
      .filter(({ pid }) => isLeft(findStart(pid)))
      .map(({ pid, commandLine }) => `process ${pid}: ${commandLine.slice(0, 200)}`),
    ...listGates(agent.pid()),
    ...(await listPaths(agent.runtimeDir)).filter((path) => path.includes(sep)),
    ...(await listPaths(join(agent.stateDir, 'tmp'))),
  ];
}

/** When a process began, Unix ms; nothing where it is gone or not told. proc(5): field 22 counts hundredths of a second since the boot. */
function findStart(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const upMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
    const startMs = Number(fields[19]) * 10;
    return Number.isFinite(startMs) ? Date.now() - upMs + startMs : undefined;
  } catch {
    return undefined;
  }
}

/** When a file was made, Unix ms; nothing where the file system does not tell. */
async function findBirth(path: string): Promise<number | undefined> {
  const { birthtimeMs } = await stat(path).catch(() => ({ birthtimeMs: 0 }));
  return birthtimeMs > 0 ? birthtimeMs : undefined;
}

/** Ends of gates that the agent holds open; the FIFO's name is gone long before. */
function listGates(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return /\/gate(?: \(deleted\))?$/.test(target) ? [`FIFO ${target}`] : [];
    });
  } catch {
    // A descriptor was closed while they were read: the next look says how it is.
    return [];
  }
}

export async function listRepositoryLeftovers(storage: LaneStorage): Promise<readonly string[]> {
  const locks =
    storage.directory === undefined
      ? await storage.byHand.listLocks()
      : // What was killed while it wrote one leaves a file of another name, which locks nobody out.
        (await readdir(join(storage.directory, 'locks'))).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return [...locks.map((id) => `lock ${id.slice(0, 8)}`), ...(await storage.listUploads()).map((key) => `upload ${key}`)];
}

/**
 * Waits until nothing of what the first look found is there any more; gives how long it took, or what of it is left after `limitMs`. What comes
 * up meanwhile is the agent's later work, such as its comparison of repository and ledger, which passes through the same places.
 */
export async function awaitGone(
  look: () => Promise<readonly string[]>,
  limitMs: number,
): Promise<{ readonly ms: number; readonly left: readonly string[] }> {
  const first = new Set(await look());
  return awaitNothing(async () => (await look()).filter((one) => first.has(one)), limitMs);
}

/** Waits until a look finds nothing; gives how long it took, or what is left after `limitMs`. */
export async function awaitNothing(
  look: () => Promise<readonly string[]>,
  limitMs: number,
): Promise<{ readonly ms: number; readonly left: readonly string[] }> {
  const startedAt = performance.now();
  let left: readonly string[] = [];
  const probe = async (): Promise<true | undefined> => {
    left = await look();
    return left.length === 0 || undefined;
  };
  await waitFor('nothing to be left', probe, { deadlineMs: limitMs, intervalMs: 25 }).catch(() => {
    if (left.length === 0) left = ['what is left could not be looked at'];
  });
  return { ms: performance.now() - startedAt, left };
}
