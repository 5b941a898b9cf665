import { randomBytes } from 'node:crypto';
import { chown, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { createCertificate } from './certificate.ts';
import { findFreePort } from './free-port.ts';
import { findServiceIdentity } from './identity.ts';
import { createPrivateDirectory } from './private-directory.ts';
import { assertNothingLeft, signalProcesses } from './processes.ts';
import { type S3Answer, type S3RequestOptions, sendS3Request } from './s3-request.ts';
import { type ServiceProcess, startServiceProcess, tailOutput } from './service-process.ts';
import { prepareSwift, type SwiftPorts } from './swift-config.ts';
import { getTool } from './tools.ts';
import { waitFor } from './wait-for.ts';

export type S3Handle = {
  /** `https://host:port`; buckets are the first part of the path. */
  readonly endpoint: string;
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** The authority to trust, a PEM file readable by everybody. */
  readonly caFile: string;
  readonly directory: string;
  /** @throws Error with the server's words unless the bucket was made. */
  createBucket(name: string): Promise<void>;
  listObjects(bucket: string): Promise<string[]>;
  /** Keys of multipart uploads that were begun and neither finished nor aborted. */
  listUploads(bucket: string): Promise<string[]>;
  /** One signed request; any status is an answer. */
  request(method: string, path: string, options?: S3RequestOptions): Promise<S3Answer>;
  stop(): Promise<void>;
};

const host = '127.0.0.1';
const region = 'us-east-1';
const startDeadlineMs = 60_000;

/** Starts OpenStack Swift with its S3 interface behind https: proxy, account, container, object and memcached. */
export async function startS3(): Promise<S3Handle> {
  const identity = findServiceIdentity(['swift', 'nobody']);
  const home = await createPrivateDirectory('s3', identity);
  const servers: ServiceProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop('SIGTERM', 3000)));
    signalProcesses({ directory: home.path }, 'SIGKILL');
    await assertNothingLeft({ directory: home.path });
    await home.remove();
  };
  try {
    const ports = await findPorts();
    const secretKey = randomBytes(18).toString('hex');
    const files = await createCertificate(home.path);
    if (identity !== undefined) await chown(files.keyFile, identity.uid, identity.gid);
    const user = identity?.name ?? userInfo().username;
    const configs = await prepareSwift({ directory: home.path, ports, user, secretKey, files, region, identity });
    const launch = (program: string, args: readonly string[], port: number) => {
      const server = startServiceProcess({ command: getTool(program), args, cwd: home.path, identity });
      servers.push(server);
      return awaitListening(program, server, port);
    };
    await Promise.all([
      launch('memcached', ['-l', host, '-p', String(ports.memcached), '-U', '0', '-m', '16'], ports.memcached),
      ...(['account', 'container', 'object'] as const).map((kind) =>
        launch(`swift-${kind}-server`, [configs[kind]], ports[kind]),
      ),
      launch('swift-proxy-server', [configs.proxy], ports.proxy),
    ]);
    const access = {
      host,
      port: ports.proxy,
      region,
      accessKey: 'test:tester',
      secretKey,
      ca: await readFile(files.caFile, 'utf8'),
    };
    const request = (method: string, path: string, options?: S3RequestOptions) => sendS3Request(access, method, path, options);
    const requestOk = async (method: string, path: string, options?: S3RequestOptions): Promise<string> => {
      const answer = await request(method, path, options);
      if (answer.status >= 300) throw new Error(`${method} ${path} gave ${answer.status}: ${answer.body.slice(0, 500)}`);
      return answer.body;
    };
    await waitFor('S3 to list buckets', () => requestOk('GET', '/'), { deadlineMs: startDeadlineMs });
    return {
      endpoint: `https://${host}:${ports.proxy}`,
      host,
      port: ports.proxy,
      region,
      accessKey: access.accessKey,
      secretKey,
      caFile: files.caFile,
      directory: home.path,
      createBucket: async (name) => void (await requestOk('PUT', `/${name}`)),
      listObjects: (bucket) => listPages((query) => requestOk('GET', `/${bucket}`, { query: { 'list-type': '2', ...query } })),
      listUploads: async (bucket) => readKeys(await requestOk('GET', `/${bucket}`, { query: { uploads: '' } })),
      request,
      stop,
    };
  } catch (error) {
    const said = servers.map((server) => tailOutput(server.output())).join('\n');
    await stop();
    throw new Error(`S3 did not start: ${error instanceof Error ? error.message : String(error)}\n${said}`, { cause: error });
  }
}

async function findPorts(): Promise<SwiftPorts> {
  const ports = new Set<number>();
  while (ports.size < 5) ports.add(await findFreePort(host));
  const [proxy = 0, account = 0, container = 0, object = 0, memcached = 0] = ports;
  return { proxy, account, container, object, memcached };
}

async function awaitListening(program: string, server: ServiceProcess, port: number): Promise<void> {
  const ended = server.exited.then((facts) => {
    throw new Error(`${program} ended with ${facts.code ?? facts.signal}:\n${tailOutput(server.output())}`);
  });
  ended.catch(() => undefined);
  const listening = waitFor(`${program} to listen`, () => canConnect(port), { deadlineMs: startDeadlineMs });
  await Promise.race([ended, listening]);
}

function canConnect(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(undefined));
  });
}

async function listPages(fetchPage: (query: Record<string, string>) => Promise<string>): Promise<string[]> {
  const keys: string[] = [];
  let query: Record<string, string> = {};
  for (;;) {
    const page = await fetchPage(query);
    keys.push(...readKeys(page));
    const token = /<NextContinuationToken>([^<]+)</.exec(page)?.[1];
    if (token === undefined) return keys;
    query = { 'continuation-token': decodeXml(token) };
  }
}

function readKeys(xml: string): string[] {
  return [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => decodeXml(match[1] ?? ''));
}

function decodeXml(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
