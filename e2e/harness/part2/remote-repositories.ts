/** Repositories on real servers as the API and the forms describe them, beside what restic by hand needs to look at them. */
import { readFile } from 'node:fs/promises';
import type { Described } from '../catalog.ts';
import { type RestServerHandle, startRestServer } from '../services/rest-server.ts';
import { type S3Handle, startS3 } from '../services/s3.ts';
import { type SftpHandle, startSftp } from '../services/sftp.ts';

export async function describeRest(server: RestServerHandle, folder: string, password: string): Promise<Described> {
  const caCert = server.caFile === undefined ? {} : { caCert: await readFile(server.caFile, 'utf8') };
  return {
    kind: 'rest',
    config: { url: `${server.url}${folder}/`, username: server.user ?? '', ...caCert },
    secrets: { password, restPassword: server.password ?? '' },
  };
}

export async function describeS3(server: S3Handle, bucket: string, prefix: string, password: string): Promise<Described> {
  const { endpoint, region, accessKey: accessKeyId } = server;
  return {
    kind: 's3',
    config: { endpoint, bucket, prefix, region, accessKeyId, pathStyle: true, caCert: await readFile(server.caFile, 'utf8') },
    secrets: { password, secretAccessKey: server.secretKey },
  };
}

export async function describeSftp(server: SftpHandle, folder: string, password: string): Promise<Described> {
  const { host, port, user, path } = server;
  return {
    kind: 'sftp',
    config: { host, port, user, path: `${path}/${folder}`, knownHosts: await readFile(server.knownHostsFile, 'utf8') },
    secrets: { password, privateKey: await readFile(server.identityFile, 'utf8') },
  };
}

/** The storages beside a directory of the host: rest-server with TLS and password, S3 over https, sftp. */
export type RemoteStorages = {
  readonly rest: RestServerHandle;
  readonly s3: S3Handle;
  readonly sftp: SftpHandle;
  stop(): Promise<void>;
};

export async function startRemoteStorages(): Promise<RemoteStorages> {
  const [rest, s3, sftp] = await Promise.all([startRestServer({ withTls: true }), startS3(), startSftp()]);
  await s3.createBucket('backups');
  return { rest, s3, sftp, stop: async () => void (await Promise.all([rest.stop(), s3.stop(), sftp.stop()])) };
}
