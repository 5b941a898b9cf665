import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export type TcpSocket = {
  readonly state: 'established' | 'listening' | 'other';
  readonly localPort: number;
  readonly remotePort: number;
};

const STATES: Readonly<Record<string, TcpSocket['state']>> = { '01': 'established', '0A': 'listening' };

/** The TCP sockets a process holds open, IPv4 and IPv6, as the kernel lists them in its network namespace. None when it ended. */
export function listTcpSockets(pid: number): TcpSocket[] {
  const inodes = new Set(readDescriptors(pid).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  if (inodes.size === 0) return [];
  return ['tcp', 'tcp6'].flatMap((family) => {
    const lines = readFileSync(`/proc/${pid}/net/${family}`, 'utf8').trim().split('\n').slice(1);
    return lines.flatMap((line) => {
      const [, local = '', remote = '', state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
      if (!inodes.has(inode)) return [];
      return [{ state: STATES[state] ?? 'other', localPort: readPort(local), remotePort: readPort(remote) }];
    });
  });
}

function readPort(address: string): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16);
}

/** What each open descriptor points to; one that was closed meanwhile is left out, and so is a process that ended. */
function readDescriptors(pid: number): string[] {
  const list = (): string[] => {
    try {
      return readdirSync(`/proc/${pid}/fd`);
    } catch {
      return [];
    }
  };
  return list().flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)];
    } catch {
      return [];
    }
  });
}
