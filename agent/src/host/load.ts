/** What the host is doing right now, as the kernel counts it under `/proc`. */
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';

/** Processor time since boot, in the kernel's ticks over all processors. */
export interface ProcessorTicks {
  busy: number;
  total: number;
}

/** The first line of `/proc/stat`. Waiting for a disk counts as idle, time stolen by a hypervisor as busy (proc(5)). */
export function parseProcessorTicks(stat: string): ProcessorTicks | undefined {
  const line = /^cpu +([0-9 ]+)$/m.exec(stat)?.[1];
  if (line === undefined) return undefined;
  // user nice system idle iowait irq softirq steal; guest time is counted within user and nice.
  const ticks = line.trim().split(/ +/).slice(0, 8).map(Number);
  const total = ticks.reduce((sum, one) => sum + one, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

/** The share of processor time used between two looks, 0 to 1; 0 when no time went by. */
export function computeBusyRatio(before: ProcessorTicks, after: ProcessorTicks): number {
  const total = after.total - before.total;
  if (total <= 0) return 0;
  return Math.min(1, Math.max(0, (after.busy - before.busy) / total));
}

/** Bytes that programs cannot get without pushing something out: total less what `/proc/meminfo` calls available. */
export function parseMemory(meminfo: string): { usedBytes: number; totalBytes: number } | undefined {
  const read = (name: string) => {
    const kibibytes = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  };
  const totalBytes = read('MemTotal');
  const availableBytes = read('MemAvailable');
  if (totalBytes === undefined || availableBytes === undefined) return undefined;
  return { usedBytes: Math.max(0, totalBytes - availableBytes), totalBytes };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Another system, or a container that hides it: the figures then come from elsewhere or are left at zero.
    return '';
  }
}

export function readProcessorTicks(): ProcessorTicks | undefined {
  return parseProcessorTicks(readText('/proc/stat'));
}

export function readMemory(): { usedBytes: number; totalBytes: number } {
  const seen = parseMemory(readText('/proc/meminfo'));
  return seen ?? { usedBytes: Math.max(0, totalmem() - freemem()), totalBytes: totalmem() };
}
