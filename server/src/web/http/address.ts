/** Where a request comes from: one rule for pages, the API and the sockets of agents, which Express never sees. */
import type { IncomingMessage } from 'node:http';
import express, { type Express, type Request } from 'express';

/** How many proxies stand before the server, or their networks: `HOLDFAST_TRUST_PROXY`. */
export type TrustedProxies = number | readonly string[];

export function trustProxies(handler: Express, proxies: TrustedProxies): void {
  handler.set('trust proxy', typeof proxies === 'number' ? proxies : [...proxies]);
}

/** The caller's address in one spelling: an IPv4 address stays one when it came through an IPv6 socket. */
export function readAddress(request: Request): string {
  return (request.ip ?? request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Reads addresses of requests that do not pass through Express, upgrades for one, exactly as those that do. */
export function createAddressReader(proxies: TrustedProxies): (request: IncomingMessage) => string {
  const handler = express();
  trustProxies(handler, proxies);
  // This is how Express makes a request of its own out of one of Node's.
  return (request) => readAddress(Object.setPrototypeOf(request, handler.request) as Request);
}
