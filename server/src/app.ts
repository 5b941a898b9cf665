/** The composition root of the server: every room put together, started in order, closed in the opposite one. Tests start this too. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAlarms } from './alarms.ts';
import { ConfigError, chooseBaseUrl, type ServerConfig } from './config.ts';
import { ensureBootstrap } from './core/accounts/accounts.ts';
import type { CoreContext } from './core/ports.ts';
import * as fires from './fires/fires.ts';
import { type FoundationOptions, openFoundation } from './foundation.ts';
import { attachHub, type Hub } from './hub/accept.ts';
import { createDirectory, type HubDirectory } from './hub/directory.ts';
import type { ServerLog } from './log.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { startTraceExporter, type TraceExporter } from './metrics/trace-exporter.ts';
import { startTicker, type Ticker } from './ticker/ticker.ts';
import { checkPasswordRules } from './vault/password-rules.ts';
import { SERVER_VERSION } from './version.ts';
import { createApiEndpoints } from './web/api/all.ts';
import { createAssets } from './web/assets.ts';
import { createAddressReader } from './web/http/address.ts';
import { createHttpApp, type HttpApp } from './web/http/app.ts';
import { createReadiness, type Readiness } from './web/http/readiness.ts';
import { createScreens } from './web/screens/all.ts';
import { createNavigationTellers } from './web/screens/navigation.ts';
import { createUrls, readBasePath } from './web/urls.ts';

// An `import` of node:http looks at each of its names, and so loads a second HTTP client of some 10 MB that nobody here asks for.
const { createServer } = process.getBuiltinModule('node:http');

/** What is still being answered at a stop is given this long. */
const CLOSE_GRACE_MS = 5_000;

export interface App {
  context: CoreContext;
  directory: HubDirectory;
  /** Listens, and resolves with the address it really has. */
  start(): Promise<{ url: string; host: string; port: number }>;
  /** Drains and closes; resolves when nothing is left. Idempotent. */
  close(): Promise<void>;
}

/** What tests may put in the place of the real thing. */
export type AppOverrides = Partial<Pick<FoundationOptions, 'clock' | 'randomBytes'>>;

/** What to do about an address that cannot be listened on. */
const LISTEN_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is another server running?',
  EACCES: 'ports below 1024 are for root, or need CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'no network of this machine has that address',
};

/** Throws `ConfigError` where nobody can listen. */
function listen(server: Server, { host, port }: ServerConfig['listen']): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const refuse = ({ code = 'unknown error' }: NodeJS.ErrnoException) => {
      const advice = LISTEN_ADVICE[code] ?? 'give an address of this machine, such as 127.0.0.1:8080';
      reject(new ConfigError('HOLDFAST_LISTEN', `cannot listen on ${host}, port ${port} (${code}); ${advice}`));
    };
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** Whoever asks before the store is open is told to come again. */
function answerTooEarly(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { 'Retry-After': '1', 'Content-Type': 'text/plain; charset=utf-8' }).end('starting\n');
}

export async function createApp(config: ServerConfig, log: ServerLog, overrides: AppOverrides = {}): Promise<App> {
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 20_000, keepAliveTimeout: 70_000 });
  server.on('request', answerTooEarly);
  // The port decides the base URL where none is given, so it is taken before anything is made.
  const address = await listen(server, config.listen);
  const baseUrl = chooseBaseUrl(config, address.port);
  let directory: HubDirectory | undefined;
  let context: CoreContext;
  try {
    context = await openFoundation({
      dataDir: config.dataDir,
      masterKey: config.masterKey.value,
      masterKeyFile: config.masterKey.file,
      baseUrl,
      hostDayLogBytes: config.logs.hostDayBytes,
      log,
      access: 'alone',
      createDirectory(createRequestId) {
        directory = createDirectory(createRequestId);
        return directory;
      },
      ...overrides,
    });
  } catch (error) {
    server.close();
    throw error;
  }
  const hubDirectory = directory as unknown as HubDirectory;
  let ticker: Ticker | undefined;
  const readiness: Readiness = createReadiness(context, {
    dataDir: config.dataDir,
    findStall: () => ticker?.findStall(),
  });
  const alarms = createAlarms({ context, config, readiness, randomBytes: overrides.randomBytes });
  let http: HttpApp;
  const metrics: Metrics = createMetrics({
    context,
    version: SERVER_VERSION,
    dataDir: config.dataDir,
    countStreams: () => http.countStreams(),
    countConnections: () => hubDirectory.countConnections(),
  });
  const endpoints = createApiEndpoints(fires, alarms.channels);
  http = createHttpApp({
    context,
    config,
    screens: createScreens({ checkPasswordRules, fires, channels: alarms.channels, endpoints }),
    endpoints,
    tellers: createNavigationTellers(context),
    assets: createAssets({ basePath: readBasePath(baseUrl) }),
    metrics,
    log,
    readiness,
  });
  let hub: Hub | undefined;
  let traces: TraceExporter | undefined;
  let closed: Promise<void> | undefined;

  return {
    context,
    directory: hubDirectory,
    async start() {
      server.off('request', answerTooEarly);
      server.on('request', http.handler);
      hub = attachHub(server, createUrls(baseUrl).agentSocket(), context, {
        directory: hubDirectory,
        readAddress: createAddressReader(config.trustProxy),
      });
      ticker = startTicker(context, { logDays: config.logs.keepDays }, alarms);
      const { url: collector } = config.traces;
      if (collector !== undefined) traces = startTraceExporter({ context, version: SERVER_VERSION, url: collector });
      const bootstrap = await ensureBootstrap(context);
      log.info({ url: baseUrl, version: SERVER_VERSION, dataDir: config.dataDir }, 'listening');
      if (bootstrap) {
        log.warn(
          {
            url: `${baseUrl}${createUrls('').bootstrap({ token: bootstrap.token })}`,
            expiresAt: new Date(bootstrap.expiresAt).toISOString(),
          },
          'no user yet: open this address once to make the first administrator',
        );
      }
      return { url: baseUrl, host: address.address, port: address.port };
    },
    close() {
      closed ??= (async () => {
        readiness.drain();
        ticker?.stop();
        hub?.close();
        http.close();
        const ended = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeIdleConnections();
        const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
        await ended;
        clearTimeout(force);
        alarms.news.close();
        await Promise.all([alarms.watch.close(), alarms.deliverer.close()]);
        metrics.close();
        traces?.close();
        await context.store.close();
      })();
      return closed;
    },
  };
}
