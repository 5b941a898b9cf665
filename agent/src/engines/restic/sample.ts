/** A random sample of the files in a snapshot: the same seed draws the same ones, in whatever order they are listed. */
import { hash } from 'node:crypto';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import * as z from 'zod';
import { planList } from './args.ts';
import type { EngineFailure } from './classify.ts';
import { placeAt, type ResticHost, runRestic } from './restic-tool.ts';

/** So many candidates for each place in the sample, because some may be too big for it. */
const CANDIDATES = 4;
/** A listing moves bytes all the time, unless the repository hangs. */
const STALL_MS = 5 * 60_000;

export interface SampledFile {
  /** Absolute, as it was stored. */
  path: string;
  sizeBytes: number;
  /** Nanoseconds since the epoch, as it was stored. */
  modifiedNs: bigint;
}

export interface SampleInput {
  access: RepositoryAccess;
  workDir: string;
  snapshotId: string;
  seed: string;
  /** Files, bytes of all of them, and bytes of all their paths. */
  limits: { files: number; bytes: number; pathBytes: number };
  /** Files that are told of whether they are drawn or not. */
  named?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
}

export interface SampleOutcome {
  files: readonly SampledFile[];
  /** In the whole snapshot. */
  fileCount: number;
  /** Those of the named files that are in the snapshot. */
  named: readonly SampledFile[];
  failure?: EngineFailure | undefined;
}

const fileSchema = z.object({
  struct_type: z.literal('node'),
  type: z.literal('file'),
  path: z.string().startsWith('/'),
  size: z.int().min(0).optional(),
  mtime: z.string().max(64),
});
const LINE_CHARS = 64 * 1024;

/** `2026-11-20T19:00:00.123456789+01:00` in nanoseconds; undefined for what is no instant. */
export function parseModified(text: string): bigint | undefined {
  const whole = Date.parse(text.replace(/\.\d+/, ''));
  if (Number.isNaN(whole)) return undefined;
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** What may not be the very name on the disk: a name that is not UTF-8 is listed with this letter in its place. */
const UNSURE = /[\ufffd\u{f0080}-\u{f00ff}]/u;

export function parseSampledFile(line: string): SampledFile | undefined {
  if (!line.startsWith('{') || line.length > LINE_CHARS) return undefined;
  try {
    const { path, size, mtime } = fileSchema.parse(JSON.parse(line));
    const modifiedNs = parseModified(mtime);
    return UNSURE.test(path) || modifiedNs === undefined ? undefined : { path, sizeBytes: size ?? 0, modifiedNs };
  } catch {
    return undefined;
  }
}

export interface Drawing {
  add(file: SampledFile): void;
  /** In the order in which they were drawn. */
  draw(): readonly SampledFile[];
}

/** Keeps those whose names together with the seed hash lowest; memory does not grow with what is added. */
export function createDrawing(seed: string, limits: SampleInput['limits']): Drawing {
  const most = limits.files * CANDIDATES;
  let kept: { rank: string; file: SampledFile }[] = [];
  let highest = '';
  const settle = () => {
    kept = kept.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, most);
    highest = kept.length === most ? (kept.at(-1)?.rank ?? '') : '';
  };
  return {
    add(file) {
      const rank = hash('sha256', `${seed}\0${file.path}`);
      if (highest !== '' && rank > highest) return;
      kept.push({ rank, file });
      if (kept.length >= 2 * most) settle();
    },
    draw() {
      settle();
      let bytes = 0;
      let pathBytes = 0;
      const drawn: SampledFile[] = [];
      for (const { file } of kept) {
        if (drawn.length >= limits.files) break;
        const length = Buffer.byteLength(file.path);
        if (bytes + file.sizeBytes > limits.bytes || pathBytes + length > limits.pathBytes) continue;
        bytes += file.sizeBytes;
        pathBytes += length;
        drawn.push(file);
      }
      return drawn;
    },
  };
}

export async function sampleFiles(host: ResticHost, input: SampleInput): Promise<SampleOutcome> {
  const drawing = createDrawing(input.seed, input.limits);
  const wanted = new Set(input.named);
  const named: SampledFile[] = [];
  let fileCount = 0;
  const { failure } = await runRestic(host, {
    command: planList(placeAt(host, input.access), input.snapshotId),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    stallMs: STALL_MS,
    patience: { retries: 10 },
    onPlainLine(line) {
      const file = parseSampledFile(line);
      if (!file) return;
      fileCount += 1;
      if (wanted.has(file.path)) named.push(file);
      drawing.add(file);
    },
  });
  return failure ? { files: [], fileCount, named, failure } : { files: drawing.draw(), fileCount, named };
}
