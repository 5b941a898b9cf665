/** What a restore by hand has in place of a journal and a server: its lines on standard error, and Ctrl-C. */
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { createRecorder, type Recorder } from '../runs/log/recorder.ts';
import type { Tooling } from '../runs/workbench.ts';
import { sanitise } from './output.ts';

/** Nothing is journaled, because no server ordered it. */
export function createConsoleRecorder(tooling: Pick<Tooling, 'clock'>): Recorder {
  const run = createId('run', { clock: tooling.clock, randomBytes: systemRandomBytes });
  const show = (text: string) => process.stderr.write(`${sanitise(text)}\n`);
  let shownAt = 0;
  return createRecorder(
    {
      clock: tooling.clock,
      append(event, effects) {
        effects?.();
        if (event.type === 'run.log') for (const line of event.lines) show(`${line.level.padEnd(5)} ${line.text}`);
      },
      countLogLines: () => undefined,
      closeRun: () => undefined,
      sendProgress({ bytes, totalBytes }) {
        if (tooling.clock.monotonicMs() - shownAt < 1000) return;
        shownAt = tooling.clock.monotonicMs();
        show(`      ${bytes} of ${totalBytes ?? '?'} bytes`);
      },
      setTimer(ms, callback) {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
      },
    },
    run,
  );
}

/** Aborted by the first signal to end. */
export function listenForStop(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  process.once('SIGTERM', () => controller.abort());
  return controller.signal;
}
