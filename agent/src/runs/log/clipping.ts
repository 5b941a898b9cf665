/** What a run says, cut to what fits into a frame and freed of secrets. Pure. */
import type { Evidence, Failure } from '@holdfast/shared/domain/run.ts';
import { TEXT } from '@holdfast/shared/limits.ts';

const encoder = new TextEncoder();
/** Warnings of one part, bytes of each, and bytes of all of them in a frame. */
const WARNINGS = 50;
const WARNING_BYTES = 1000;
const WARNINGS_BYTES = 64 * 1024;
const EVIDENCE_BYTES = 500;

/** Bytes in a frame: JSON writes up to six for one control character or broken pair. */
export function measureJson(text: string): number {
  return encoder.encode(JSON.stringify(text)).length;
}

/** At most `maxBytes` of UTF-8, with how many were left out at its end. */
export function clip(text: string, maxBytes: number): string {
  const bytes = encoder.encode(text);
  if (bytes.length <= maxBytes) return text;
  const marker = ` … (${bytes.length - maxBytes} bytes left out)`;
  const kept = new TextDecoder('utf-8')
    .decode(bytes.subarray(0, maxBytes - encoder.encode(marker).length - 4))
    .replace(/\ufffd+$/u, '');
  return kept + marker;
}

export interface Clipping {
  /** What was seen, as one piece of evidence says it. */
  seen(text: string): string;
  /** At most `count` pieces. */
  evidence(evidence: readonly Evidence[], count: number): Evidence[];
  /** As many as fit, and how many more there were. */
  warnings(warnings: readonly string[]): string[];
  failure(failure: Failure): Failure;
}

/** `redact` takes out the secrets that are known by then. */
export function createClipping(redact: (text: string) => string): Clipping {
  const seen = (text: string) => clip(redact(text), EVIDENCE_BYTES);
  return {
    seen,
    evidence: (evidence, count) => evidence.slice(0, count).map((one) => ({ ...one, seen: seen(one.seen) })),
    warnings(warnings) {
      const fitting: string[] = [];
      let bytes = 0;
      for (const warning of warnings.slice(0, WARNINGS)) {
        const text = clip(redact(warning), WARNING_BYTES);
        bytes += measureJson(text);
        if (bytes > WARNINGS_BYTES) break;
        fitting.push(text);
      }
      if (fitting.length === warnings.length) return fitting;
      const shown = fitting.slice(0, WARNINGS - 1);
      return [...shown, `… ${warnings.length - shown.length} more warnings left out`];
    },
    failure: (failure) => ({ ...failure, message: clip(redact(failure.message), TEXT.errorChars) }),
  };
}
