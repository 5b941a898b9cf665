import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';

/** What a demo that holds the lock says about itself. */
export type LockHolder = { readonly pid: number; readonly url?: string };

export type DemoLock = {
  /** Tells later askers where the pages are. */
  announce(url: string): void;
  release(): void;
};

/**
 * One demo for each state folder. The lock is an abstract socket: the kernel removes it with its process, so that no end of a
 * demo, however sudden, leaves a stale one.
 */
export async function takeDemoLock(root: string): Promise<{ lock: DemoLock } | { holder: LockHolder | undefined }> {
  const name = `\0holdfast-demo-${createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 24)}`;
  let url: string | undefined;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(JSON.stringify({ pid: process.pid, ...(url === undefined ? {} : { url }) }));
  });
  if (!(await tryListen(server, name))) return { holder: await askHolder(name) };
  server.unref();
  return {
    lock: {
      announce(address) {
        url = address;
      },
      release: () => void server.close(),
    },
  };
}

export function describeHolder(holder: LockHolder | undefined): string {
  const where = holder?.url === undefined ? '' : ` at ${holder.url}`;
  const stop = holder === undefined ? 'stop it with Ctrl-C' : `stop it with Ctrl-C there or with "kill ${holder.pid}"`;
  return `a demo is running already${where}; ${stop}`;
}

function tryListen(server: Server, name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(name, () => resolve(true));
  });
}

function askHolder(name: string): Promise<LockHolder | undefined> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(name);
    socket.setTimeout(1000, () => socket.destroy());
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(parseHolder(said)));
  });
}

function parseHolder(said: string): LockHolder | undefined {
  try {
    const holder: unknown = JSON.parse(said);
    if (typeof holder !== 'object' || holder === null || !('pid' in holder)) return undefined;
    return { pid: Number(holder.pid), ...('url' in holder ? { url: String(holder.url) } : {}) };
  } catch {
    return undefined;
  }
}
