/** What a restore by hand has in place of a journal and a server: its lines on standard error, and Ctrl-C. */
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { createRecorder, type Recorder } from '../runs/log/recorder.ts';
import type { Tooling } from '../runs/workbench.ts';
import { sanitise } from './output.ts';

export const createConsoleRun = ({ clock }: Pick<Tooling, 'clock'>): RunId =>
  createId('run', { clock, randomBytes: systemRandomBytes });

/** Shows the log of a run. Nothing is journaled, because no server ordered it; `keep` may write its events down for the agent. */
export function createConsoleRecorder(
  tooling: Pick<Tooling, 'clock'>,
  run = createConsoleRun(tooling),
  keep: (event: DurableEvent) => void = () => undefined,
): Recorder {
  const show = (text: string) => process.stderr.write(`${sanitise(text)}\n`);
  let shownAt = 0;
  return createRecorder(
    {
      clock: tooling.clock,
      append(event, effects) {
        effects?.();
        keep(event);
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
