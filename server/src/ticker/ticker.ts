/** The server's own clockwork: what has to happen although nobody asks. Backups are not among it: hosts fire by themselves. */

import type { CoreContext } from '../core/ports.ts';
import { expireOrders } from '../core/run-orders.ts';

interface Task {
  name: string;
  everyMs: number;
  run(context: CoreContext): Promise<unknown>;
}

const TASKS: readonly Task[] = [
  { name: 'orders', everyMs: 5_000, run: expireOrders },
  { name: 'sessions', everyMs: 60_000, run: (context) => context.store.people.deleteExpiredSessions(context.clock.now()) },
  {
    name: 'announcements',
    everyMs: 60_000,
    run: (context) => context.store.hosts.deleteExpiredAnnouncements(context.clock.now()),
  },
];

export interface Ticker {
  stop(): void;
}

/** Each task runs at its interval, never twice at once; a failure is logged and the next round tries again. */
export function startTicker(context: CoreContext): Ticker {
  const timers = TASKS.map((task) => {
    let busy = false;
    return setInterval(() => {
      if (busy) return;
      busy = true;
      task
        .run(context)
        .catch((error: unknown) => context.log.error({ task: task.name, err: error }, 'a periodic task failed'))
        .finally(() => {
          busy = false;
        });
    }, task.everyMs);
  });
  return {
    stop() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
