/**
 * Ends a restic that has said its last words and does not go. When a save fails for good the backup is over, and restic has only to leave;
 * version 0.18 now and then hangs there for ever, after the connection of an sftp repository was lost.
 */

/** What restic leaves by itself, it leaves at once. */
const GRACE_MS = 5000;
/** A lock may fail to be saved and be saved at the next refresh; what the snapshot consists of may not. */
const LAST_WORDS = /^Save\(<(?:data|index|snapshot)\/[0-9a-f]+>\) failed: /;

export interface LastWordsWatch {
  onStderrLine(line: string): void;
  /** Called when the process is gone. */
  stop(): void;
}

export function watchLastWords(onHang: () => void, graceMs: number = GRACE_MS): LastWordsWatch {
  let timer: NodeJS.Timeout | undefined;
  return {
    onStderrLine(line) {
      if (LAST_WORDS.test(line)) timer ??= setTimeout(onHang, graceMs);
    },
    stop: () => clearTimeout(timer),
  };
}
