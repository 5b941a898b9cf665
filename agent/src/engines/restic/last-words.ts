/**
 * Ends a restic that has said its last words and does not go. When a save fails for good the backup is over, and restic has only to leave;
 * version 0.18 now and then hangs there for ever, after the connection of an sftp repository was lost. One that somebody else interrupted is
 * over as well, but waits for the end of its input, which a dump that is still at work does not give.
 */
import { PROCESS } from '@holdfast/shared/limits.ts';

/** What restic leaves by itself, it leaves at once. Longer than the grace of our own orders to stop, which it answers in the same words. */
const GRACE_MS = PROCESS.cancelGraceMs + 1000;
/** A lock may fail to be saved and be saved at the next refresh; what the snapshot consists of may not. */
const FAILED_SAVE = /^Save\(<(?:data|index|snapshot)\/[0-9a-f]+>\) failed: /;
const INTERRUPTED = /^(?:\r|\u001b\[2K)?signal \w+ received, cleaning up\s*$/;

export type LastWords = 'save_failed' | 'interrupted';

export interface LastWordsWatch {
  onStderrLine(line: string): void;
  /** Called when the process is gone. */
  stop(): void;
}

export function watchLastWords(onHang: (words: LastWords) => void, graceMs: number = GRACE_MS): LastWordsWatch {
  let timer: NodeJS.Timeout | undefined;
  return {
    onStderrLine(line) {
      const words = FAILED_SAVE.test(line) ? 'save_failed' : INTERRUPTED.test(line) ? 'interrupted' : undefined;
      if (words) timer ??= setTimeout(onHang, graceMs, words);
    },
    stop: () => clearTimeout(timer),
  };
}
