/** Where the dump of a restore comes from, as far as those who read it have to know. */
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import { createReasonError, type Reason } from '@holdfast/shared/domain/reason.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { ResticEngine } from '../../../engines/restic/engine.ts';
import type { Exec, Stage, StageOutcome } from '../../../exec/contract.ts';
import type { PreparedRepository } from '../../inputs.ts';

/** A dump in a snapshot. */
export interface StoredDump {
  engine: ResticEngine;
  repository: PreparedRepository;
  /** restic's full id. */
  engineId: string;
  fileName: string;
}

/** What it takes to look at the beginning of a dump. */
interface HeadReader {
  exec: Exec;
  workDir: string;
  signal: AbortSignal;
  restore: Pick<DatabaseRestore, 'head'>;
}

export interface DumpOrigin {
  /** As in "between repository and database". */
  noun: 'repository' | 'file';
  /** What is said of it when it has been read to its end, and of the programs that ended well. */
  readWords: string;
  endWords: string;
  /** Writes the whole dump, as the database's tool takes it, to standard output; each call begins anew. */
  stage(onLog: NonNullable<Parameters<ResticEngine['dumpStage']>[1]>): Stage;
  classify(outcome: StageOutcome): { reason: Reason; message: string };
  /** How much of the dump's `sizeBytes` has been read when the stage has written so much. */
  countRead(writtenBytes: number): number;
  /** Version of the server it was made of; undefined: it does not say. Throws what keeps it from being known. */
  readVersion(reader: HeadReader): Promise<string | undefined>;
  /** Throws when it is not what it was at the beginning. */
  assertSame(): void;
}

/** More than one read from storage may be needed: indexes, a tree, a pack. */
const HEAD_MS = 5 * PROCESS.toolTimeoutMs;

/** The dump's own words about where it came from. Throws `target_refused` when they are not this engine's. */
async function readStoredVersion(reader: HeadReader, { engine, ...stored }: StoredDump): Promise<string> {
  const { bytes, read } = reader.restore.head;
  const dump = { access: stored.repository.access, snapshotId: stored.engineId, fileName: stored.fileName };
  const result = await reader.exec.runTool({
    stage: engine.dumpStage(dump),
    workDir: reader.workDir,
    signal: reader.signal,
    timeoutMs: HEAD_MS,
    outputBytes: bytes,
    enoughBytes: bytes,
    stdoutEncoding: 'latin1',
  });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed');
  if (result.stdout === '') {
    const failure = engine.classifyDump(result);
    throw createReasonError(failure.reason, failure.message);
  }
  const head = read(result.stdout);
  if (!head)
    throw createReasonError('target_refused', 'The snapshot does not begin as a dump for this kind of database server does');
  return head.serverVersion;
}

export function createStoredOrigin(stored: StoredDump): DumpOrigin {
  const { engine, repository, engineId, fileName } = stored;
  return {
    noun: 'repository',
    readWords: 'The whole snapshot was read and authenticated before anything was changed.',
    endWords: 'restic and the database’s tool ended well',
    stage: (onLog) => engine.dumpStage({ access: repository.access, snapshotId: engineId, fileName }, onLog),
    classify: (outcome) => engine.classifyDump(outcome),
    countRead: (writtenBytes) => writtenBytes,
    readVersion: (reader) => readStoredVersion(reader, stored),
    assertSame: () => undefined,
  };
}
