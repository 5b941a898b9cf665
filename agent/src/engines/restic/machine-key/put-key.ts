/** Writes the file of a machine key into the repository, as restic would lay it down there. Never over one that is there. */
import { randomBytes } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
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

/** Throws with what the storage said when it could not be written; what lies there already is left. */
export async function putKey(input: PutInput, key: MachineKeyFile): Promise<void> {
  const { store } = input.access;
  if (!store) throw new Error('nothing may be written there but by restic');
  if (store.kind === 'directory') await putFile(join(store.path, 'keys'), key);
  else if (store.kind === 'sftp') await putBySftp(input, store, key);
  else await putByHttp(input, store, key);
}

/** By another name first, so that no reader ever meets half of it. */
async function putFile(directory: string, { id, content }: MachineKeyFile): Promise<void> {
  const temporary = join(directory, `${id}-tmp-${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx', 0o400);
    try {
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
  const lines = [`put ${quote(local)} ${quote(temporary)}`, `rename ${quote(temporary)} ${quote(`${path}/keys/${id}`)}`];
  const files = [...access.files, { path: local, content }, { path: batch, content: `${lines.join('\n')}\n` }];
  const command = { args: ['-F', configPath, '-q', '-b', batch, alias], env: {}, files };
  const stage = { command, binary: sftp };
  const result = await exec.runTool({ stage, workDir, signal, timeoutMs: PROCESS.toolTimeoutMs });
  if (result.ending !== 'exited' || result.exitCode !== 0)
    throw new Error(result.stderr.trim() || result.spawnError || `sftp ended ${result.ending}`);
}
