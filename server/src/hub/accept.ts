/** The door for agents: `/ws/agent` on the HTTP server. Refuses before the upgrade whatever is no known host. */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WIRE } from '@holdfast/shared/limits.ts';
import { WebSocketServer } from 'ws';
import { findHostByToken } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import type { HubDirectory } from './directory.ts';
import { ADMISSIONS_PER_SECOND, createGate, type Gate } from './gate.ts';
import { runSession } from './session.ts';

function refuseUpgrade(socket: Duplex, status: string, text: string, retryAfterS?: number): void {
  const headers = [
    `HTTP/1.1 ${status}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(retryAfterS === undefined ? [] : [`Retry-After: ${retryAfterS}`]),
    'Connection: close',
  ];
  socket.end(`${headers.join('\r\n')}\r\n\r\n${text}`);
}

function readBearer(request: IncomingMessage): string | undefined {
  return /^Bearer ([A-Za-z0-9_-]{1,128})$/.exec(request.headers.authorization ?? '')?.[1];
}

export interface Hub {
  close(): void;
}

export interface HubOptions {
  directory: HubDirectory;
  /** Where a request comes from, past the proxies that are trusted. */
  readAddress(request: IncomingMessage): string;
  /** Other than the product's, where a test sits at the edge. */
  gate?: Gate | undefined;
}

/** Answers upgrades at `path` (with the base URL's own path before it); leaves every other upgrade refused. */
export function attachHub(server: Server, path: string, context: CoreContext, options: HubOptions): Hub {
  const { directory, readAddress, gate = createGate(context.clock, ADMISSIONS_PER_SECOND) } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: WIRE.frameBytes,
    perMessageDeflate: false,
    maxFragments: WIRE.fragmentsPerFrame,
  } as ConstructorParameters<typeof WebSocketServer>[0]);

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (URL.parse(request.url ?? '/', 'http://localhost')?.pathname !== path)
      return refuseUpgrade(socket, '404 Not Found', 'no such endpoint');
    if (request.headers.origin !== undefined) return refuseUpgrade(socket, '403 Forbidden', 'browsers do not connect here');
    const token = readBearer(request);
    const presented = token === undefined ? undefined : await findHostByToken(context, token);
    if (!presented) return refuseUpgrade(socket, '401 Unauthorized', 'unknown or revoked host token');
    // A quarantined host is heard to its hello, so that a person can tell its agents apart.
    if (presented.host.state === 'revoked') return refuseUpgrade(socket, '403 Forbidden', 'this host is revoked');
    // Only hosts of ours take a place: strangers cannot keep them out.
    const retryAfterS = gate.turnAway();
    if (retryAfterS !== undefined) return refuseUpgrade(socket, '503 Service Unavailable', 'too many at once', retryAfterS);
    const address = readAddress(request);
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      runSession(context, directory, webSocket, { ...presented, address }),
    );
  }

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade(request, socket, head).catch((error: unknown) => {
      context.log.error({ area: 'hosts', err: error }, 'an upgrade failed');
      refuseUpgrade(socket, '503 Service Unavailable', 'try again later');
    });
  };
  server.on('upgrade', onUpgrade);
  const contact = setInterval(() => {
    const online = directory.listOnline();
    if (online.length === 0) return;
    context.store.hosts
      .touchHosts(online, context.clock.now())
      .catch((error: unknown) => context.log.warn({ area: 'hosts', err: error }, 'noting contact failed'));
  }, WIRE.pingIntervalMs);

  return {
    close() {
      clearInterval(contact);
      server.off('upgrade', onUpgrade);
      directory.closeAll({ code: 'unavailable', message: 'the server is going down', retry: 'later' });
      sockets.close();
    },
  };
}
