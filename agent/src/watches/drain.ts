/** What a drained host does: it holds back what has not begun, says so once, and says so again when it is over. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { type Drain, isDraining } from '@holdfast/shared/domain/drain.ts';
import type { Hold } from '../runs/queue/hold.ts';
import type { Job } from '../runs/queue/queue.ts';

export interface DrainWatch {
  /**
   * Why the job must not begin now. A run that only records that it stands aside for an earlier one is never held: it takes nothing, and a
   * queue of them would only grow.
   */
  findHold(job: Pick<Job, 'kind' | 'sources'>): Hold | undefined;
  /** Tells what changed since the last look: to be called when the spec changes, and now and then, since a drain ends by the clock. */
  look(): void;
}

export interface DrainPorts {
  clock: Clock;
  findDrain(): Drain | undefined;
  /** What the server and the host's log are told. */
  notify(text: string): void;
  /** The answers of `findHold` have changed. */
  onChange(): void;
}

export function createDrainWatch({ clock, findDrain, notify, onChange }: DrainPorts): DrainWatch {
  let seen: Drain | undefined;
  const findInForce = (): Drain | undefined => {
    const drain = findDrain();
    return isDraining(drain, clock.now()) ? drain : undefined;
  };
  return {
    findHold({ kind, sources }) {
      const drain = findInForce();
      if (drain === undefined || (kind === 'backup' && sources.length === 0)) return undefined;
      return { reason: 'draining', message: `this host is drained until ${toText(drain.until)} and takes no new runs before` };
    },
    look() {
      const now = findInForce();
      const before = seen;
      seen = now;
      if (now?.until === before?.until && now?.since === before?.since) return;
      if (now !== undefined) notify(`drained: takes no new runs until ${toText(now.until)}; what runs goes on`);
      else
        notify(
          before !== undefined && clock.now() >= before.until
            ? 'the drain has ended by itself: runs begin again'
            : 'the drain is over: runs begin again',
        );
      onChange();
    },
  };
}

function toText(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
