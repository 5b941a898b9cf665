/** Facts about this machine, for its page: what it is, and what it is doing right now. */
import { statfs } from 'node:fs/promises';
import { cpus, hostname, arch as readArch, release, totalmem, uptime } from 'node:os';
import type { Clock } from '@holdfast/shared/clock.ts';
import type { RestorePolicy } from '@holdfast/shared/domain/restore-policy.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { HostFacts } from '@holdfast/shared/protocol/messages.ts';
import { computeBusyRatio, readMemory, readProcessorTicks } from './load.ts';
import { readOsName } from './os-name.ts';

/** Node's name of an architecture in the words of uname(1), which operators know. */
const ARCHITECTURES: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686' };

/** `dumpDirs`: directories whose dump files this host offers; `restores`: which restores of a server it carries out. */
export function readHostFacts(
  clock: Pick<Clock, 'now'>,
  agentVersion: string,
  pdeathsig: boolean,
  { dumpDirs = [], restores }: { dumpDirs?: readonly string[] | undefined; restores?: RestorePolicy | undefined } = {},
): HostFacts {
  const arch = readArch();
  return {
    hostname: hostname().slice(0, 253) || 'unknown',
    os: readOsName().slice(0, TEXT.nameChars),
    arch: (ARCHITECTURES[arch] ?? arch).slice(0, 32),
    kernel: release().slice(0, TEXT.nameChars),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    agentVersion,
    zone: Temporal.Now.timeZoneId(),
    bootedAt: Math.max(0, Math.round(clock.now() - uptime() * 1000)),
    pdeathsig,
    capabilities: [...AGENT_CAPABILITIES],
    ...(dumpDirs.length === 0 ? {} : { dumpDirs: [...dumpDirs] }),
    ...(restores === undefined ? {} : { restores }),
  };
}

/** What the host is doing right now, as far as its page shows it. */
export interface HostLoad {
  cpuRatio: number;
  memoryUsedBytes: number;
  memoryTotalBytes: number;
  stateDiskFreeBytes: number;
}

/** Looks at load, memory and the disk of the state directory; each look is about the time since the one before. */
export function openHostLoad(stateDir: string): () => Promise<HostLoad> {
  let before = { busy: 0, total: 0 };
  return async () => {
    const disk = await statfs(stateDir);
    const memory = readMemory();
    const ticks = readProcessorTicks() ?? before;
    const cpuRatio = computeBusyRatio(before, ticks);
    before = ticks;
    return {
      cpuRatio,
      memoryUsedBytes: memory.usedBytes,
      memoryTotalBytes: memory.totalBytes,
      stateDiskFreeBytes: disk.bavail * disk.bsize,
    };
  };
}
