import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which kernels take ports for outgoing connections, so that no client steals a port just found. */
const lowestPort = 20_000;
const highestPort = 29_999;
const maxAttempts = 100;

/**
 * Finds a TCP port nobody listens on at `host`. Another process may still take it before the caller does, so a server
 * that can bind port 0 itself should.
 * @throws Error when a hundred random ports are all taken.
 */
export async function findFreePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const port = randomInt(lowestPort, highestPort + 1);
    if (await isPortFree(port, host)) return port;
  }
  throw new Error(`No free port between ${lowestPort} and ${highestPort} on ${host}.`);
}

/** Tells whether a server could listen at this port now. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
