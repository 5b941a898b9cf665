import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCertificate } from './certificate.ts';
import { createPrivateDirectory } from './private-directory.ts';
import { assertNothingLeft } from './processes.ts';
import { type ServiceProcess, startServiceProcess } from './service-process.ts';
import { getRestServer } from './tools.ts';

export type RestServerOptions = {
  /** Objects can be added, never removed or replaced (locks excepted). */
  readonly appendOnly?: boolean;
  /** Each user sees only repositories below a folder of their own name. */
  readonly privateRepos?: boolean;
  /** Asks for a user and a made-up password. True unless told. */
  readonly withPassword?: boolean;
  readonly withTls?: boolean;
  /** The address to listen on, 127.0.0.1 unless told. */
  readonly host?: string;
  /** Serves this folder instead of a temporary one; it is left alone on stop. Lets two servers share one repository. */
  readonly dataDirectory?: string;
};

export type RestServerHandle = {
  readonly host: string;
  readonly port: number;
  /** `http(s)://host:port/`, without credentials. */
  readonly url: string;
  /** Undefined when no password is asked for. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Undefined without TLS. */
  readonly caFile: string | undefined;
  /** Where the repositories lie. */
  readonly dataDirectory: string;
  /** restic's name of a repository, credentials included: for RESTIC_REPOSITORY, never for a command line. */
  buildRepository(path: string): string;
  stop(): Promise<void>;
};

const user = 'agent';

/** Starts a real rest-server on a port the kernel picks; resolves when it listens. */
export async function startRestServer(options: RestServerOptions = {}): Promise<RestServerHandle> {
  const host = options.host ?? '127.0.0.1';
  const home = await createPrivateDirectory('rest-server');
  const dataDirectory = options.dataDirectory ?? join(home.path, 'repositories');
  const password = options.withPassword === false ? undefined : randomBytes(18).toString('base64url');
  let server: ServiceProcess | undefined;
  const stop = async (): Promise<void> => {
    await server?.stop('SIGINT');
    await assertNothingLeft({ directory: home.path });
    await home.remove();
  };
  try {
    await mkdir(dataDirectory, { recursive: true });
    const tls = options.withTls ? await createCertificate(home.path, host === '127.0.0.1' ? [] : [host]) : undefined;
    const passwordFile = join(home.path, 'htpasswd');
    if (password !== undefined)
      await writeFile(passwordFile, `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`);
    const args = [
      ...['--path', dataDirectory, '--listen', `${host}:0`],
      ...(password === undefined ? ['--no-auth'] : ['--htpasswd-file', passwordFile]),
      ...(options.appendOnly ? ['--append-only'] : []),
      ...(options.privateRepos ? ['--private-repos'] : []),
      ...(tls === undefined ? [] : ['--tls', '--tls-cert', tls.certificateFile, '--tls-key', tls.keyFile]),
    ];
    server = startServiceProcess({ command: getRestServer(), args, cwd: home.path });
    const match = await server.awaitOutput(/start server on \S+:(\d+)/);
    const port = Number(match[1]);
    const scheme = tls === undefined ? 'http' : 'https';
    const credentials = password === undefined ? '' : `${user}:${password}@`;
    return {
      host,
      port,
      url: `${scheme}://${host}:${port}/`,
      user: password === undefined ? undefined : user,
      password,
      caFile: tls?.caFile,
      dataDirectory,
      buildRepository: (path) => `rest:${scheme}://${credentials}${host}:${port}/${path}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
