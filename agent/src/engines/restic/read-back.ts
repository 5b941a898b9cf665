/**
 * Evidence from the repository itself: the snapshot that was just made is read back by its id, shows the tags it was given, has
 * the size that was sent, and begins as its format begins, in the repository that was pinned. The looks run side by side, each in its own directory.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { planDump, planList, planSnapshots, planStats, type ResticPlace, relocateAccess } from './args.ts';
import { cleanText, type EngineFailure } from './classify.ts';
import { parseListLine, parseSnapshots, parseStats, type StoredSnapshot } from './parse.ts';
import { findStranger } from './repository.ts';
import { placeAt, type ResticHost, runRestic } from './restic-tool.ts';

/** More than one read from storage may be needed: indexes, a tree, a pack. */
const READ_BACK_MS = 5 * PROCESS.toolTimeoutMs;

export interface ReadBackInput {
  access: RepositoryAccess;
  workDir: string;
  /** As the summary named it. */
  snapshotId: string;
  /** Tags that must all be there. */
  tags: readonly string[];
  /** Size the summary told. */
  sizeBytes: number;
  /** The stored stream; undefined for trees. */
  fileName?: string | undefined;
  /** The first bytes of a good stream, as one of several hex strings; undefined or empty: not looked at. */
  magicHex?: readonly string[] | undefined;
  /** The repository it must lie in; another one may have come to its address since the run opened it. */
  pinnedId?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface ReadBackOutcome {
  /** The full id; undefined when the snapshot could not be read. */
  engineId?: string | undefined;
  /** Epoch milliseconds, as the snapshot says. */
  createdAt?: number | undefined;
  tags: readonly string[];
  /** Size found in the repository. */
  sizeBytes: number;
  /** Undefined where no format was asked for. */
  magicOk?: boolean | undefined;
  /** `read_back`, and `format` where it was asked for. All must be ok. */
  evidence: readonly Evidence[];
  failure?: EngineFailure | undefined;
}

interface Found {
  snapshot?: StoredSnapshot | undefined;
  sizeBytes: number;
  /** Whether the size is what was sent. */
  sizeOk: boolean;
  failure?: EngineFailure | undefined;
}

export async function readBack(host: ResticHost, input: ReadBackInput): Promise<ReadBackOutcome> {
  const place = placeAt(host, input.access);
  const [found, format, stranger] = await Promise.all([
    input.fileName === undefined ? findTree(host, place, input) : findStream(host, place, input, input.fileName),
    checkFormat(host, input),
    checkPlace(host, input),
  ]);
  if (stranger) {
    const evidence: Evidence = { check: 'read_back', ok: false, seen: cleanText(stranger.message, 500) };
    return { tags: [], sizeBytes: 0, evidence: [evidence], failure: stranger };
  }
  const tagsOk = found.snapshot !== undefined && input.tags.every((tag) => found.snapshot?.tags.includes(tag));
  const readOk = found.failure === undefined && tagsOk && found.sizeOk;
  const evidence: Evidence[] = [{ check: 'read_back', ok: readOk, seen: describeFound(found, tagsOk, input) }];
  if (format) evidence.push(format.evidence);
  const failed = evidence.find((entry) => !entry.ok);
  const failure: EngineFailure | undefined =
    found.failure ?? format?.failure ?? (failed ? { reason: 'evidence_failed', message: failed.seen } : undefined);
  return {
    engineId: found.snapshot?.engineId,
    createdAt: found.snapshot?.createdAt,
    tags: found.snapshot?.tags ?? [],
    sizeBytes: found.sizeBytes,
    magicOk: format?.evidence.ok,
    evidence,
    failure,
  };
}

function describeFound(found: Found, tagsOk: boolean, input: ReadBackInput): string {
  if (found.failure) return cleanText(found.failure.message, 500);
  if (!found.snapshot) return `Snapshot ${input.snapshotId.slice(0, 8)} is not in the repository.`;
  const size = found.sizeOk ? `${found.sizeBytes} bytes` : `${found.sizeBytes} bytes, not the ${input.sizeBytes} that were sent`;
  return `Snapshot ${found.snapshot.engineId.slice(0, 8)} holds ${size}; its tags are ${tagsOk ? 'as given' : 'not the ones given'}.`;
}

/** A stream's snapshot is one node: its listing shows tags and size in one look. */
async function findStream(host: ResticHost, place: ResticPlace, input: ReadBackInput, fileName: string): Promise<Found> {
  const found: Found = { sizeBytes: 0, sizeOk: false };
  const { failure } = await runRestic(host, {
    command: planList(place, input.snapshotId),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: READ_BACK_MS,
    patience: { retries: 10 },
    onPlainLine(line) {
      const parsed = parseListLine(line);
      if (parsed?.kind === 'snapshot') found.snapshot = parsed.snapshot;
      else if (parsed?.path === `/${fileName}` && parsed.type === 'file') {
        found.sizeBytes = parsed.sizeBytes;
        found.sizeOk = parsed.sizeBytes === input.sizeBytes;
      }
    },
  });
  return { ...found, failure };
}

/**
 * Trees: the snapshot by its id; its size stands in it from 0.17 on. Before, all its directories are read for the size, which
 * counts a file with several names once, so it may be below what was read.
 */
async function findTree(host: ResticHost, place: ResticPlace, input: ReadBackInput): Promise<Found> {
  const shared = { workDir: input.workDir, operation: 'other', signal: input.signal, timeoutMs: READ_BACK_MS } as const;
  const patience = { retries: 10 };
  const listed = await runRestic(host, { ...shared, command: planSnapshots(place, { ids: [input.snapshotId] }), patience });
  if (listed.failure) return { sizeBytes: 0, sizeOk: false, failure: listed.failure };
  const snapshots = parseSnapshots(listed.result.stdout)?.snapshots ?? [];
  const snapshot = snapshots.length === 1 ? snapshots[0] : undefined;
  if (!snapshot) return { sizeBytes: 0, sizeOk: false };
  if (snapshot.sizeBytes !== undefined) {
    return { snapshot, sizeBytes: snapshot.sizeBytes, sizeOk: snapshot.sizeBytes === input.sizeBytes };
  }
  const counted = await runRestic(host, { ...shared, command: planStats(place, snapshot.engineId), patience });
  const stats = counted.failure ? undefined : parseStats(counted.result.stdout);
  if (!stats) return { snapshot, sizeBytes: 0, sizeOk: false, failure: counted.failure };
  const sizeOk = stats.sizeBytes === input.sizeBytes || (stats.sizeBytes > 0 && stats.sizeBytes < input.sizeBytes);
  return { snapshot, sizeBytes: stats.sizeBytes, sizeOk };
}

function checkPlace(host: ResticHost, { access, workDir, pinnedId, signal }: ReadBackInput): Promise<EngineFailure | undefined> {
  if (pinnedId === undefined) return Promise.resolve(undefined);
  return besideOthers(workDir, 'pinned', (own) =>
    findStranger(host, { access: relocateAccess(access, workDir, own), workDir: own, pinnedId, signal }),
  );
}

/** A private directory below the run's, for a look that runs beside others. */
async function besideOthers<T>(workDir: string, name: string, work: (own: string) => Promise<T>): Promise<T> {
  const own = join(workDir, name);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  try {
    return await work(own);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

function checkFormat(
  host: ResticHost,
  input: ReadBackInput,
): Promise<{ evidence: Evidence; failure?: EngineFailure | undefined } | undefined> {
  const { fileName, magicHex } = input;
  if (fileName === undefined || magicHex === undefined || magicHex.length === 0) return Promise.resolve(undefined);
  return besideOthers(input.workDir, 'read-back', async (workDir) => {
    const access = relocateAccess(input.access, input.workDir, workDir);
    const wanted = Math.max(...magicHex.map((hex) => hex.length / 2));
    const { result, failure } = await runRestic(host, {
      command: planDump(placeAt(host, access), { snapshotId: input.snapshotId, fileName }),
      workDir,
      operation: 'other',
      signal: input.signal,
      timeoutMs: READ_BACK_MS,
      patience: { retries: 10 },
      outputBytes: wanted,
      enoughBytes: wanted,
      stdoutEncoding: 'latin1',
    });
    const first = Buffer.from(result.stdout, 'latin1');
    const ok = magicHex.some((hex) => first.subarray(0, hex.length / 2).equals(Buffer.from(hex, 'hex')));
    if (ok) return { evidence: { check: 'format', ok, seen: `The stored file begins with ${first.toString('hex')}.` } };
    // The dump is stopped on purpose once the first bytes are here; only when none came does its own end matter.
    const silent = first.length === 0 ? failure : undefined;
    const seen = silent
      ? cleanText(silent.message, 500)
      : `The stored file begins with ${first.toString('hex') || 'nothing'}, not as its format does.`;
    return { evidence: { check: 'format', ok, seen }, failure: silent };
  });
}
