/**
 * Sees to it, as a run opens its repository, that a machine key is held for it: finds the one that lies there, or adds it. Whatever goes wrong
 * here only means that the repository is opened by the person's password, as ever.
 */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { planCatMasterKey, planListKeys, planShowKeys } from '../args.ts';
import { cleanText } from '../classify.ts';
import { findStranger } from '../repository.ts';
import { type OnLog, type ResticHost, type ResticToolOutput, runRestic } from '../restic-tool.ts';
import { openBy } from './key-ring.ts';
import { createMachineKey, type MachineKeyFile, masterKeySchema } from './machine-key.ts';
import { findCurrentKey, parseKeyIds } from './parse-keys.ts';
import { putKey } from './put-key.ts';

export interface KeepKeyInput {
  access: RepositoryAccess;
  workDir: string;
  /** Whether the key may be added where it is not there yet; only runs that write into the repository anyway may. */
  add: boolean;
  /** Id of the repository that is meant; another one, opened by the same password, gets no key. */
  pinnedId?: string | undefined;
  signal?: AbortSignal | undefined;
  onLog?: OnLog | undefined;
}

/** Never throws. What is held afterwards was just tried, and the key of the person's password lies there beside it. */
export async function keepKey(host: ResticHost, input: KeepKeyInput): Promise<void> {
  const { keys } = host;
  const { access } = input;
  if (access.store === undefined) {
    keys.forget(access);
    return;
  }
  const held = keys.find(access);
  if (held) {
    const ids = await listKeys(host, input, openBy(access, held));
    // Then the password is tried again, and a wrong one comes to light now and not on the day of the restore.
    if (!ids?.includes(held.openerId)) keys.forget(access);
    else return;
  }
  if (keys.isRefused(access, input.add)) return;
  const outcome = await findOrAdd(host, input);
  if (outcome === 'refused') keys.refuse(access, input.add);
}

async function findOrAdd(host: ResticHost, input: KeepKeyInput): Promise<'held' | 'refused' | 'not now'> {
  const { access, onLog } = input;
  const shown = await ask(host, input, planCatMasterKey(place(host, access)));
  if (shown.failure) return 'not now';
  const master = masterKeySchema.safeParse(parseJson(shown.result.stdout));
  if (!master.success) return 'refused';
  const key = createMachineKey(master.data);
  const fitted = openBy(access, key);
  let ids = await listKeys(host, input, fitted);
  if (!ids) {
    if (!input.add) return 'refused';
    if (await findStranger(host, { pinnedId: input.pinnedId, ...input })) return 'not now';
    const written = await add(host, input, key);
    if (!written) return 'refused';
    ids = await listKeys(host, input, fitted);
    if (!ids) return 'refused';
    onLog?.('info', `added key ${key.id.slice(0, 8)} to the repository, which opens it faster than the password does`);
  }
  const openerId = await findOpener(
    host,
    input,
    ids.filter((id) => id !== key.id),
  );
  if (openerId === undefined) return 'refused';
  host.keys.hold(access, { id: key.id, password: key.password, openerId });
  return 'held';
}

async function add(host: ResticHost, input: KeepKeyInput, key: MachineKeyFile): Promise<boolean> {
  const { access, workDir, signal, onLog } = input;
  try {
    await putKey({ exec: host.exec, sftp: host.sftp, access, workDir, signal, now: host.clock.now() }, key);
    return true;
  } catch (error) {
    const why = cleanText(error instanceof Error ? error.message : String(error), 200);
    onLog?.('info', `the repository is opened by its password: a faster key could not be added (${why})`);
    return false;
  }
}

/** The one key that is left is the person's; among several, restic says by which it opened the repository. */
async function findOpener(host: ResticHost, input: KeepKeyInput, others: readonly string[]): Promise<string | undefined> {
  if (others.length <= 1) return others[0];
  const { result, failure } = await ask(host, input, planShowKeys(place(host, input.access)));
  const current = failure ? undefined : findCurrentKey(parseJson(result.stdout));
  return current === undefined ? undefined : others.find((id) => id.startsWith(current));
}

/** Undefined when this access does not open the repository. */
async function listKeys(host: ResticHost, input: KeepKeyInput, access: RepositoryAccess): Promise<readonly string[] | undefined> {
  const { result, failure } = await ask(host, input, planListKeys(place(host, access)));
  return failure ? undefined : parseKeyIds(result.stdout);
}

/** Not through `placeAt`: which key opens it is the question. */
const place = (host: ResticHost, access: RepositoryAccess) => ({
  access,
  cacheDir: host.cacheDir,
  line: host.exec.limits,
});

function ask(
  host: ResticHost,
  { workDir, signal }: KeepKeyInput,
  command: ReturnType<typeof planListKeys>,
): Promise<ResticToolOutput> {
  return runRestic(host, {
    command,
    workDir,
    operation: 'other',
    signal,
    timeoutMs: PROCESS.toolTimeoutMs,
    patience: { retries: 1 },
    strict: true,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
