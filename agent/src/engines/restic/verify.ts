/**
 * Reads one snapshot to its end: restic decrypts and authenticates every byte from the repository itself, past any cache, and nothing is written
 * anywhere. The bytes go kernel to kernel into a checksum.
 */
import { existsSync } from 'node:fs';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { planDump } from './args.ts';
import type { EngineFailure } from './classify.ts';
import { parseListLine, parseMessage } from './parse.ts';
import { classifyStage, logLine, type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';
import { planDumpPath, planListBelow } from './tree-args.ts';

export interface VerifyInput {
  access: RepositoryAccess;
  workDir: string;
  snapshotId: string;
  /** The stored stream; undefined for trees, which are read as one archive. */
  fileName?: string | undefined;
  signal?: AbortSignal | undefined;
  stallMs: number;
  onLog?: OnLog | undefined;
  onProgress?: ((progress: { bytes: number }) => void) | undefined;
}

export interface VerifyOutcome {
  /** What all files of the snapshot hold together. */
  bytes: number;
  files: number;
  /** Of the stored stream, or of the tree as a tar archive. */
  sha256?: string | undefined;
  failure?: EngineFailure | undefined;
}

function findSum(): string | undefined {
  return ['/usr/bin/sha256sum', '/bin/sha256sum'].find((path) => existsSync(path));
}

async function count(host: ResticHost, input: VerifyInput): Promise<VerifyOutcome> {
  const found: VerifyOutcome = { bytes: 0, files: 0 };
  const { failure } = await runRestic(host, {
    command: planListBelow({ ...placeAt(host, input.access), cacheDir: undefined }, input.snapshotId, ['/']),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    stallMs: input.stallMs,
    patience: { retries: 10 },
    onPlainLine(line) {
      const parsed = parseListLine(line);
      if (parsed?.kind !== 'node' || parsed.type !== 'file') return;
      found.files += 1;
      found.bytes += parsed.sizeBytes;
    },
  });
  return failure ? { ...found, failure } : found;
}

/** `failure` says why it could not be read to its end: `repository_damaged` where what lies there is not what was stored. */
export async function verifySnapshot(host: ResticHost, input: VerifyInput): Promise<VerifyOutcome> {
  const sum = findSum();
  if (sum === undefined)
    return {
      bytes: 0,
      files: 0,
      failure: { reason: 'tool_missing', message: 'sha256sum is not installed on this host. Install the package coreutils.' },
    };
  const counted = await count(host, input);
  if (counted.failure) return counted;
  const place = { ...placeAt(host, input.access), cacheDir: undefined };
  const { snapshotId, fileName } = input;
  const command =
    fileName === undefined
      ? planDumpPath(place, { snapshotId, path: '/', archive: 'tar' })
      : planDump(place, { snapshotId, fileName });
  const result = await host.exec.runPipeline({
    producer: {
      command,
      binary: host.binary,
      onStderrLine: (line) => logLine(line, parseMessage(line), input.onLog),
    },
    consumer: { command: { args: ['--binary'], env: {}, files: [] }, binary: sum },
    workDir: input.workDir,
    signal: input.signal,
    stallMs: input.stallMs,
    onProgress: ({ writtenBytes }) => input.onProgress?.({ bytes: Math.min(writtenBytes, counted.bytes) }),
  });
  switch (result.verdict) {
    case 'cancelled':
      return { ...counted, failure: { reason: 'cancelled', message: 'Cancelled.' } };
    case 'stalled':
      return { ...counted, failure: { reason: 'stalled', message: 'No byte came from the repository for an hour.' } };
    case 'producer_failed':
      return { ...counted, failure: classifyStage(host, result.producer, 'other') };
    case 'consumer_failed':
    case 'complete': {
      const sha256 = /^[0-9a-f]{64}/u.exec(result.consumer.stdout)?.[0];
      if (result.verdict === 'complete' && sha256 !== undefined) return { ...counted, sha256 };
      return { ...counted, failure: { reason: 'unknown_failure', message: 'The checksum could not be computed.' } };
    }
  }
}
