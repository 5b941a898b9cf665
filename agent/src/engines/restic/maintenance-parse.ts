/**
 * Reads what restic prints while it checks, prunes and measures. Pure and tolerant, as `parse.ts` is. Up to 0.17 a check speaks in plain text
 * only; with 0.18 its errors are JSON, and it says nothing of its progress.
 */
import * as z from 'zod';
import { isRetryLine } from './parse.ts';

const LINE_CHARS = 1024 * 1024;
const TEXT_CHARS = 2000;

const errorSchema = z.object({ message_type: z.literal('error'), message: z.string() });
const otherSchema = z.object({ message_type: z.string() });

/** One line of a check. */
export type CheckLine =
  /** Something is wrong in the repository; `continues` the line before. */
  | { kind: 'error'; text: string; continues: boolean }
  /** What restic advises, and what it found that is no damage. */
  | { kind: 'remark'; text: string }
  | { kind: 'progress'; done: number; total: number; what: string; text: string };

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const ADVICE = /^\s*$|^\n|^restic repair |^(?:Damaged pack files|The repository (?:index )?(?:is damaged|contains damaged))/;

function toError(text: string): CheckLine | undefined {
  const shown = text.trim().slice(0, TEXT_CHARS);
  if (shown === '') return undefined;
  return ADVICE.test(text) ? { kind: 'remark', text: shown } : { kind: 'error', text: shown, continues: /^\s/.test(text) };
}

/** A line on standard error. Undefined for the verdict, which the exit code tells as well, and for what is noise. */
export function parseCheckComplaint(line: string): CheckLine | undefined {
  if (line.length > LINE_CHARS) return undefined;
  if (line.startsWith('{')) {
    const parsed = errorSchema.safeParse(parseJson(line));
    if (parsed.success) return toError(parsed.data.message);
    if (otherSchema.safeParse(parseJson(line)).success) return undefined;
  }
  if (/^(?:Fatal: |(?:\r|\u001b\[2K)?signal \w+ received)/.test(line)) return undefined;
  if (isRetryLine(line) || line.startsWith('unable to open cache')) return { kind: 'remark', text: line.slice(0, TEXT_CHARS) };
  return toError(line);
}

/** A line on standard output of a check or a prune; undefined for blank ones. */
export function parseMaintenanceLine(line: string): CheckLine | undefined {
  if (line.length > LINE_CHARS) return undefined;
  const text = line.trim().slice(0, TEXT_CHARS);
  const moved = /^\[[\d:]+\]\s+[\d.]+%\s+(\d{1,15}) \/ (\d{1,15}) (.{1,60})$/.exec(text);
  if (moved) return { kind: 'progress', done: Number(moved[1]), total: Number(moved[2]), what: moved[3] ?? '', text };
  return text === '' || text.startsWith('[') ? undefined : { kind: 'remark', text };
}

/** Ids of packs that an error is about. */
export function findPacks(error: string): string[] {
  return [...error.matchAll(/\bpack (?:ID does not match, want )?([0-9a-f]{64})/gi)].map((match) => match[1] ?? '');
}

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** Bytes that a prune takes away, from its plan: `total prune: 3 blobs / 2.861 MiB`. restic rounds to three digits. */
export function findPrunedBytes(line: string): number | undefined {
  const found = /^total prune:\s+\d+ blobs \/ ([\d.]{1,20}) ([KMGT]?i?B)$/.exec(line.trim());
  const unit = UNITS[found?.[2] ?? ''];
  return found && unit !== undefined ? Math.round(Number(found[1]) * unit) : undefined;
}

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const rawStatsSchema = z.object({ total_size: count, total_uncompressed_size: count.optional().catch(undefined) });

export interface RawStats {
  sizeBytes: number;
  uncompressedBytes?: number | undefined;
}

/** What `stats --mode raw-data` prints. */
export function parseRawStats(stdout: string): RawStats | undefined {
  const parsed = rawStatsSchema.safeParse(parseJson(stdout));
  if (!parsed.success) return undefined;
  const { total_size: sizeBytes, total_uncompressed_size: uncompressedBytes } = parsed.data;
  return { sizeBytes, ...(uncompressedBytes === undefined ? {} : { uncompressedBytes }) };
}
