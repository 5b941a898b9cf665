/** How late the event loop is: a sign of life that a frozen agent cannot give. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopLag {
  /** The 99th percentile since the last call, milliseconds. */
  takeMs(): number;
  stop(): void;
}

export function startLoopLag(): LoopLag {
  // A coarse resolution: a timer every 10 ms would be most of an idle agent's work.
  const histogram = monitorEventLoopDelay({ resolution: 500 });
  histogram.enable();
  return {
    takeMs() {
      const lag = histogram.percentile(99) / 1e6 - 500;
      histogram.reset();
      return Number.isFinite(lag) ? Math.max(0, lag) : 0;
    },
    stop: () => histogram.disable(),
  };
}
