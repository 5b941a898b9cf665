/** Whether this server can do its work right now: database, schema, disk, its own clockwork, and not on its way out. */
import { statfs } from 'node:fs/promises';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { CoreContext } from '../../core/ports.ts';

export interface ReadinessReport {
  ready: boolean;
  /** By name: `ok`, or what is wrong in a few words. */
  checks: Readonly<Record<string, string>>;
}

export interface Readiness {
  check(): Promise<ReadinessReport>;
  /** The checks as of at most five seconds ago, for pages: nobody who reads one waits for a write of his own. */
  recall(): Promise<ReadinessReport['checks']>;
  /** From now on the answer is no: load balancers turn away while the last requests end. */
  drain(): void;
}

/** An answer serves this long, so that asking often costs no writes. */
const CACHE_MS = 1000;
const RECALL_MS = 5000;

export function createReadiness(
  context: Pick<CoreContext, 'store' | 'clock'>,
  options: {
    dataDir: string;
    minFreeBytes?: number;
    /** The periodic task that stands still, by name; undefined while all of them go round. */
    findStall?: () => string | undefined;
  },
): Readiness {
  const { minFreeBytes = HTTP.readyFreeBytes, dataDir, findStall } = options;
  let draining = false;
  let cached: { atMs: number; report: Promise<ReadinessReport> } | undefined;

  async function look(): Promise<ReadinessReport> {
    const { current, newest } = context.store.schema;
    const stalled = findStall?.();
    const checks = {
      database: await describe(() => context.store.probe(), 'cannot be written'),
      schema: current === newest ? 'ok' : `at ${current}, this build needs ${newest}`,
      disk: await describe(
        async () => {
          const { bavail, bsize } = await statfs(dataDir);
          if (bavail * bsize < minFreeBytes) throw new RangeError();
        },
        `less than ${minFreeBytes / 1024 / 1024} MiB left`,
      ),
      scheduler: stalled === undefined ? 'ok' : `the task “${stalled}” stands still`,
    };
    return { ready: Object.values(checks).every((text) => text === 'ok'), checks };
  }

  const lookAgain = (oldestMs: number): Promise<ReadinessReport> => {
    const nowMs = context.clock.monotonicMs();
    if (cached === undefined || nowMs - cached.atMs >= oldestMs) cached = { atMs: nowMs, report: look() };
    return cached.report;
  };

  return {
    async check() {
      if (draining) return { ready: false, checks: { server: 'is stopping' } };
      return lookAgain(CACHE_MS);
    },
    async recall() {
      return (await lookAgain(RECALL_MS)).checks;
    },
    drain() {
      draining = true;
    },
  };
}

async function describe(attempt: () => Promise<unknown>, problem: string): Promise<string> {
  try {
    await attempt();
    return 'ok';
  } catch {
    return problem;
  }
}
