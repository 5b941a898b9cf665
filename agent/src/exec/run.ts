/** Runs one tool to its end. */
import { fstatSync } from 'node:fs';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { writeCommandFiles } from './command-files.ts';
import type { Ending, ToolOptions, ToolResult } from './contract.ts';
import { type Launcher, startStage } from './process.ts';
import { startWatchdog } from './watchdog.ts';

/** A tool that was never started because it was cancelled first. */
const NEVER_STARTED: ToolResult = {
  exitCode: null,
  signal: null,
  stdout: '',
  stderr: '',
  durationMs: 0,
  truncated: false,
  ending: 'cancelled',
};

export async function runTool(launcher: Launcher, options: ToolOptions): Promise<ToolResult> {
  if (options.signal?.aborted) return NEVER_STARTED;
  const removeFiles = writeCommandFiles(options.workDir, [options.stage.command]);
  try {
    const running = startStage(launcher, options.stage, options.workDir, {
      stdin: options.stage.stdin ?? 'ignore',
      stdout: options.stdoutTo ?? 'pipe',
      outputBytes: options.outputBytes ?? PROCESS.toolOutputBytes,
      stdoutEncoding: options.stdoutEncoding ?? 'utf8',
      enoughBytes: options.enoughBytes,
    });
    let ending: Ending = 'exited';
    const stopAs = (why: Ending) => {
      if (running.ended) return;
      ending = why;
      void running.stop();
    };
    const onAbort = () => stopAs('cancelled');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => stopAs('timed_out'), options.timeoutMs);
    const { reading } = options;
    const file = reading && fstatSync(reading.descriptor);
    const stopWatching = startWatchdog({
      look: () => [reading ? running.movedTogether() : running.moved()],
      onLook: ([moved]) => {
        if (moved) options.onProgress?.(moved);
        if (moved && file) reading.onPositions(running.positionsIn(file));
      },
      stallMs: options.stallMs,
      onStall: () => stopAs('stalled'),
    });
    try {
      return { ...(await running.done), ending };
    } finally {
      stopWatching();
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    }
  } finally {
    removeFiles();
  }
}
