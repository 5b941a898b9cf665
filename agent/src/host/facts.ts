/** Facts about this machine, for its page; looked up once and then kept. */

import { statfs } from 'node:fs/promises';
import { cpus, hostname, release, totalmem, uptime } from 'node:os';
import type { Clock } from '@holdfast/shared/clock.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import type { AgentFrames, HostFacts } from '@holdfast/shared/protocol/messages.ts';
import { currentLoad, mem, osInfo } from 'systeminformation';

export async function readHostFacts(clock: Pick<Clock, 'now'>, agentVersion: string, pdeathsig: boolean): Promise<HostFacts> {
  const os = await osInfo();
  return {
    hostname: hostname().slice(0, 253) || 'unknown',
    os: `${os.distro} ${os.release}`.trim().slice(0, TEXT.nameChars),
    arch: os.arch.slice(0, 32),
    kernel: release().slice(0, TEXT.nameChars),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    agentVersion,
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    bootedAt: Math.max(0, Math.round(clock.now() - uptime() * 1000)),
    pdeathsig,
  };
}

/** What the host is doing right now, as far as its page shows it. */
export interface HostLoad {
  cpuRatio: number;
  memoryUsedBytes: number;
  memoryTotalBytes: number;
  stateDiskFreeBytes: number;
}

/** Looks at load, memory and the disk of the state directory; a few milliseconds. */
export async function readHostLoad(stateDir: string): Promise<HostLoad> {
  const [load, memory, disk] = await Promise.all([currentLoad(), mem(), statfs(stateDir)]);
  return {
    cpuRatio: Math.min(1, Math.max(0, load.currentLoad / 100)),
    memoryUsedBytes: Math.round(memory.active),
    memoryTotalBytes: Math.round(memory.total),
    stateDiskFreeBytes: disk.bavail * disk.bsize,
  };
}

export type Heartbeat = AgentFrames['heartbeat'];
