/** Writes the file of a machine key into the repository, as restic would lay it down there. One that is there has the same bytes: its name is their hash. */
import { randomBytes } from 'node:crypto';
import { link, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectStore, RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { Exec } from '../../../exec/contract.ts';
import { sendObject } from './http-put.ts';
import type { MachineKeyFile } from './machine-key.ts';
import { signPut } from './sign-put.ts';

export interface PutInput {
  exec: Exec;
  /** Absolute path of OpenSSH's `sftp`; undefined where there is none. */
  sftp: string | undefined;
  access: RepositoryAccess;
  workDir: string;
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds. */
  now: number;
}

/** As restic's own files that are not to be changed; the group's bit where the repository is shared with a group. */
const MODE = { owner: 0o400, group: 0o440 } as const;

/** Throws with what the storage said when it could not be written; what lies there already is left. */
export async function putKey(input: PutInput, key: MachineKeyFile): Promise<void> {
  const { store } = input.access;
  if (!store) throw new Error('nothing may be written there but by restic');
  if (store.kind === 'directory') await putFile(store.path, key);
  else if (store.kind === 'sftp') await putBySftp(input, store, key);
  else await putByHttp(input, store, key);
}

/** By another name first, so that no reader ever meets half of it. restic gives up at a key it cannot read, so whoever reads the others reads this. */
async function putFile(repository: string, { id, content }: MachineKeyFile): Promise<void> {
  const directory = join(repository, 'keys');
  const isShared = ((await stat(join(repository, 'config'))).mode & 0o040) !== 0;
  const temporary = join(directory, `${id}-tmp-${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx', MODE.owner);
    try {
      // Not as it is opened: there the umask has its say.
      if (isShared) await file.chmod(MODE.group);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, join(directory, id));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function putByHttp(
  { signal, now }: PutInput,
  store: Extract<ObjectStore, { kind: 'rest' | 's3' }>,
  { id, content }: MachineKeyFile,
): Promise<void> {
  const url = new URL(`keys/${id}`, store.url);
  const { caCert } = store;
  if (store.kind === 's3') {
    await sendObject({ url, method: 'PUT', headers: signPut(store, url, content, now), content, caCert, signal });
    return;
  }
  const { userInfo } = store;
  const basic = userInfo && Buffer.from(`${userInfo.name}:${userInfo.password}`).toString('base64');
  const headers = basic === undefined ? {} : { authorization: `Basic ${basic}` };
  await sendObject({ url, method: 'POST', headers, content, caCert, signal });
}

/** A path in a batch of sftp: quoted, its quotes and backslashes escaped. */
const quote = (path: string): string => `"${path.replaceAll(/[\\"]/g, '\\$&')}"`;

async function putBySftp(
  { exec, sftp, access, workDir, signal }: PutInput,
  { configPath, alias, path }: Extract<ObjectStore, { kind: 'sftp' }>,
  { id, content }: MachineKeyFile,
): Promise<void> {
  if (sftp === undefined) throw new Error('there is no sftp beside ssh on this host');
  const local = join(workDir, 'machine-key');
  const batch = join(workDir, 'machine-key-batch');
  const temporary = `${path}/keys/${id}-tmp-${randomBytes(6).toString('hex')}`;
  // Directories of the repository keep out whoever is not to read; a server that refuses the mode still takes the key.
  const lines = [
    `put ${quote(local)} ${quote(temporary)}`,
    `-chmod ${MODE.group.toString(8)} ${quote(temporary)}`,
    `rename ${quote(temporary)} ${quote(`${path}/keys/${id}`)}`,
  ];
  const files = [...access.files, { path: local, content }, { path: batch, content: `${lines.join('\n')}\n` }];
  const command = { args: ['-F', configPath, '-q', '-b', batch, alias], env: {}, files };
  const stage = { command, binary: sftp };
  const result = await exec.runTool({ stage, workDir, signal, timeoutMs: PROCESS.toolTimeoutMs });
  if (result.ending !== 'exited' || result.exitCode !== 0)
    throw new Error(result.stderr.trim() || result.spawnError || `sftp ended ${result.ending}`);
}
