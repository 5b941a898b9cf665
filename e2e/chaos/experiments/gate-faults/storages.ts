/** Where backups go: each storage of a lane is reached by the agent over a line that can be cut, and looked at by hand without it. */
import { chmod, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { quickenKeys } from '@holdfast/agent/engines/restic/fixtures/quick-repository.ts';
import { createResticByHand, type Described, describeLocal } from '../../../harness/catalog.ts';
import { describeRest, describeS3, describeSftp } from '../../../harness/part2/remote-repositories.ts';
import { UnsupportedError } from '../../../harness/services/identity.ts';
import { findProcesses, signalQuietly } from '../../../harness/services/processes.ts';
import { quickenObjects } from '../../../harness/services/quick-objects.ts';
import { startRestServer } from '../../../harness/services/rest-server.ts';
import type { S3Handle } from '../../../harness/services/s3.ts';
import type { SftpHandle } from '../../../harness/services/sftp.ts';
import { startTmpfs } from '../../../harness/services/tmpfs.ts';
import { runTool } from '../../../harness/services/tool-run.ts';
import { type FaultProxy, startFaultProxy } from '../../proxy/fault-proxy.ts';
import type { Seed } from '../../seed.ts';

export const STORAGE_KINDS = ['local', 'rest', 'sftp', 's3'] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

export const PASSWORD = 'otters under ferns';
const DISK_BYTES = 768 * 1024 * 1024;

type Texts = Readonly<Record<string, string>>;

/** A repository as restic by hand sees it. */
export type ByHand = {
  run(...args: readonly string[]): Promise<string>;
  /** Full ids, of one run where `tag` names it. */
  listIds(tag?: string): Promise<readonly string[]>;
  listLocks(): Promise<readonly string[]>;
};

export type LabStorage = {
  readonly kind: StorageKind;
  readonly described: Described;
  readonly byHand: ByHand;
  /** Where the repository's files lie on this machine; undefined where they do not lie as files. */
  readonly directory: string | undefined;
  readonly line: FaultProxy | undefined;
  /** Stops the storage's server dead, or lets it go on. */
  freeze?(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Uploads that were begun and neither finished nor given up. */
  listUploads(): Promise<readonly string[]>;
};

/** The disk of a lane: small enough to be filled where the tests may mount one. */
export type Disk = {
  readonly path: string;
  /** Takes all room but so many bytes. */
  readonly fill: ((leftBytes: number) => Promise<void>) | undefined;
  makeRoom(): Promise<void>;
  stop(): Promise<void>;
};

export async function openDisk(makeDirectory: () => Promise<string>): Promise<Disk> {
  const mounted = await startTmpfs(DISK_BYTES).catch((error: unknown) => {
    if (error instanceof UnsupportedError) return undefined;
    throw error;
  });
  const path = mounted?.path ?? (await makeDirectory());
  const ballast = join(path, 'ballast');
  return {
    path,
    fill:
      mounted &&
      (async (leftBytes) => {
        const { bavail, bsize } = await statfs(path);
        await runTool('fallocate', ['-l', String(Math.max(bsize, bavail * bsize - leftBytes)), ballast]);
      }),
    makeRoom: () => rm(ballast, { force: true }),
    stop: async () => mounted?.stop(),
  };
}

export type StoragePorts = {
  readonly name: string;
  readonly disk: Disk;
  readonly restic: string;
  /** For the caches of restic by hand. */
  readonly scratch: string;
  readonly seed: Seed;
  readonly record: (injection: object) => void;
  readonly sftp: () => Promise<SftpHandle>;
  readonly s3: () => Promise<S3Handle>;
  /** Called with what is to be ended with the lane. */
  readonly onStop: (stop: () => Promise<unknown>) => void;
};

/** An empty repository of this kind, ready for use. */
export async function openStorage(kind: StorageKind, ports: StoragePorts): Promise<LabStorage> {
  const makers = { local: openLocal, rest: openRest, sftp: openSftp, s3: openS3 };
  return await makers[kind](ports);
}

async function openLocal(ports: StoragePorts): Promise<LabStorage> {
  const directory = join(ports.disk.path, 'local');
  const byHand = await createInFolder(ports, directory);
  return {
    kind: 'local',
    described: describeLocal(directory, PASSWORD),
    byHand,
    directory,
    line: undefined,
    listUploads: async () => [],
  };
}

async function openRest(ports: StoragePorts): Promise<LabStorage> {
  const dataDirectory = join(ports.disk.path, 'rest');
  const server = await startRestServer({ dataDirectory });
  ports.onStop(() => server.stop());
  const directory = join(dataDirectory, 'repository');
  const byHand = await createInFolder(ports, directory);
  const line = await openLine(ports, server.port);
  return {
    kind: 'rest',
    described: await describeRest({ ...server, url: `http://127.0.0.1:${line.port}/` }, 'repository', PASSWORD),
    byHand,
    directory,
    line,
    freeze(signal) {
      const servers = findProcesses({ directory: dataDirectory }).filter(({ commandLine }) =>
        commandLine.includes('rest-server'),
      );
      for (const { pid } of servers) signalQuietly(pid, signal);
    },
    listUploads: async () => [],
  };
}

async function openSftp(ports: StoragePorts): Promise<LabStorage> {
  const server = await ports.sftp();
  const directory = join(server.path, ports.name);
  const byHand = await createInFolder(ports, directory);
  await runTool('chown', ['--recursive', server.user, directory]);
  const line = await openLine(ports, server.port);
  const described = await describeSftp(server, ports.name, PASSWORD);
  const knownHosts = String(described.config['knownHosts']).replaceAll(`:${server.port}`, `:${line.port}`);
  return {
    kind: 'sftp',
    described: { ...described, config: { ...described.config, port: line.port, knownHosts } },
    byHand,
    directory,
    line,
    listUploads: async () => [],
  };
}

const BUCKET = 'backups';

async function openS3(ports: StoragePorts): Promise<LabStorage> {
  const server = await ports.s3();
  const line = await openLine(ports, server.port);
  const env = {
    AWS_ACCESS_KEY_ID: server.accessKey,
    AWS_SECRET_ACCESS_KEY: server.secretKey,
    AWS_DEFAULT_REGION: server.region,
    RESTIC_REPOSITORY: `s3:${server.endpoint}/${BUCKET}/${ports.name}`,
  };
  const byHand = createByHand(ports, env, ['--cacert', server.caFile, '-o', 's3.bucket-lookup=path']);
  await byHand.run('init');
  await quickenObjects(server, BUCKET, ports.name, PASSWORD);
  return {
    kind: 's3',
    described: await describeS3({ ...server, endpoint: `https://127.0.0.1:${line.port}` }, BUCKET, ports.name, PASSWORD),
    byHand,
    directory: undefined,
    line,
    listUploads: () => server.listUploads(BUCKET),
  };
}

async function openLine({ seed, record, onStop }: StoragePorts, port: number): Promise<FaultProxy> {
  const line = await startFaultProxy({ target: { port }, seed: seed.fork('line'), record });
  onStop(() => line.close());
  return line;
}

/** Makes a repository in a folder, with a key that opens fast. */
async function createInFolder(ports: StoragePorts, directory: string): Promise<ByHand> {
  await mkdir(directory, { recursive: true });
  const byHand = createByHand(ports, { RESTIC_REPOSITORY: directory }, []);
  await byHand.run('init');
  quickenKeys(directory, PASSWORD);
  // What root makes here the servers of other accounts have to read.
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
  return byHand;
}

function createByHand({ restic, scratch }: StoragePorts, env: Texts, flags: readonly string[]): ByHand {
  const hand = createResticByHand(restic, scratch, { RESTIC_PASSWORD: PASSWORD, ...env });
  const run = (...args: readonly string[]) => hand.run(...flags, ...args);
  return {
    run,
    async listIds(tag) {
      const listed = await run('snapshots', '--json', ...(tag === undefined ? [] : [`--tag=${tag}`]));
      return ((JSON.parse(listed) as readonly { id: string }[] | null) ?? []).map(({ id }) => id);
    },
    listLocks: async () => (await run('list', 'locks')).split('\n').filter((line) => line !== ''),
  };
}

/** Moves something of a repository aside; the answer brings it back. */
export async function moveAside(path: string): Promise<() => Promise<void>> {
  await rename(path, `${path}.aside`);
  return async () => {
    await rm(path, { recursive: true, force: true });
    await rename(`${path}.aside`, path);
  };
}
