import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which kernels take ports for outgoing connections, so that no client steals a port just found. */
const lowestPort = 20_000;
const highestPort = 29_999;
const maxAttempts = 100;
/** Files of tests run side by side: those of neighbouring numbers look in different parts of the range, as a port is free until it is taken. */
const lanes = 16;
const lanePorts = Math.floor((highestPort - lowestPort + 1) / lanes);
const laneStart = lowestPort + (process.pid % lanes) * lanePorts;

/**
 * Finds a TCP port nobody listens on at `host`. Another process may still take it before the caller does, so a server
 * that can bind port 0 itself should.
 * @throws Error when a hundred random ports are all taken.
 */
export async function findFreePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const port = laneStart + randomInt(lanePorts);
    if (await isPortFree(port, host)) return port;
  }
  throw new Error(`No free port between ${laneStart} and ${laneStart + lanePorts - 1} on ${host}.`);
}

/** Tells whether a server could listen at this port now. */
export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
