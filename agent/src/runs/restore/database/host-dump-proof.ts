/** The first pass over a dump file of this host: all of it is read, and nothing is touched. */
import type { DumpedObject } from '@holdfast/shared/adapters/filling.ts';
import type { ScriptLook } from '@holdfast/shared/adapters/script.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { getModeRule } from '@holdfast/shared/domain/restore.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import type { PipelineResult, Stage } from '../../../exec/contract.ts';
import { createRate } from '../../rate.ts';
import { getBinary } from '../../workbench.ts';
import { RESTORE_STALL_MS } from '../restore-part.ts';
import type { HostDump } from './host-dump.ts';
import { planRenaming } from './renaming.ts';
import type { DatabaseRestorePart } from './restore-ask.ts';
import type { FillsHow } from './restore-checks.ts';
import { readComing } from './restore-filling.ts';
import { hasLostItsReader } from './restore-pour.ts';
import { planLook } from './restore-proof.ts';

function planReader(part: DatabaseRestorePart, look: string | undefined, toolVersion: string, lines: string[]): Stage {
  if (look !== undefined) return planLook(part, look, lines);
  const command = part.restore.planProof?.(part.connection.input);
  if (!command) throw createReasonError('dump_refused', 'Archives of this kind cannot be proven whole');
  return { command, binary: getBinary(part.tooling, command.tool, toolVersion || undefined) };
}

/** Throws `dump_refused` for a whole script that cannot do what is wanted of it in this mode. */
function assertFitsMode(part: DatabaseRestorePart, path: string, look: ScriptLook, fills: FillsHow): void {
  // What is restored by way of a private database may drop there what it likes.
  if (part.restore.planTake) return;
  const { changesExisting, isBuiltBeside } = getModeRule(part.mode);
  const isDirect = changesExisting && !isBuiltBeside;
  if (isDirect && look.endsTransactionAt !== undefined)
    throw createReasonError(
      'dump_refused',
      `${path} ends a transaction in line ${look.endsTransactionAt}, as scripts with large objects do, so it cannot be added to a database as one. Restore it into a new database, or drop and recreate`,
    );
  if (fills === 'in_one' && look.endsTransactionAt !== undefined)
    throw createReasonError(
      'dump_refused',
      `${path} ends a transaction in line ${look.endsTransactionAt}, as scripts with large objects do, so half of it might stay in ${part.database}, which is there: take the name of a database that is not, or drop and recreate`,
    );
  if (isDirect && look.dropsAt !== undefined)
    throw createReasonError(
      'dump_refused',
      `${path} drops in line ${look.dropsAt} what stands there, as scripts of pg_dump --clean do, so it cannot be added to a database. Restore it into a new database, or drop and recreate`,
    );
  if (!isDirect && look.dropsUnaskedAt !== undefined)
    throw createReasonError(
      'dump_refused',
      `${path} drops in line ${look.dropsUnaskedAt} what a new database does not have, as scripts of pg_dump --clean do: make it again with --if-exists as well, or without --clean, or take the lines out that begin with DROP`,
    );
}

function judgeScript(
  part: DatabaseRestorePart,
  { path }: HostDump,
  { look, fills }: { look: ScriptLook; fills: FillsHow },
  result: PipelineResult,
): void {
  if (look.refusal !== undefined) throw createReasonError('dump_refused', `${path}: ${look.refusal}`);
  if (result.verdict !== 'complete' || result.consumer.exitCode !== 0) {
    const words = result.consumer.stderr.trim() || 'its lines could not be read to their end';
    throw createReasonError('dump_damaged', `${path}: ${words}`);
  }
  if (!look.isWhole)
    throw createReasonError(
      'dump_damaged',
      `${path} does not end with the line by which its tool says that the dump is complete: it was cut off, or written without comments`,
    );
  assertFitsMode(part, path, look, fills);
}

function judge(
  part: DatabaseRestorePart,
  file: HostDump,
  script: Parameters<typeof judgeScript>[2] | undefined,
  result: PipelineResult,
): void {
  if (result.verdict === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed');
  if (result.verdict === 'stalled')
    throw createReasonError('stalled', 'No byte came from the file for an hour; nothing was changed');
  if (result.verdict === 'producer_failed' && !hasLostItsReader(result)) {
    const failure = file.classify(result.producer);
    throw createReasonError(failure.reason, failure.message);
  }
  if (script) {
    judgeScript(part, file, script, result);
    return;
  }
  const verdict = part.restore.judgeProof?.(result.consumer);
  if (verdict?.ok !== false) return;
  const failure = part.connection.adapter.classifyFailure(result.consumer);
  if (failure.reason === 'tool_outdated') throw createReasonError(failure.reason, failure.message);
  throw createReasonError('dump_damaged', `${file.path}: ${verdict.message}`);
}

/**
 * What came of the file, and how many bytes of it at least: those that were written up to a second before the end, since a gzip file tells its
 * content’s size only below 4 GiB. Throws when the file cannot be read to its end, is no whole dump, or holds what no restore carries out.
 */
export async function readWholeFile(
  part: DatabaseRestorePart,
  file: HostDump,
  toolVersion: string,
  fills: FillsHow,
): Promise<{ evidence: Evidence; unpackedBytes: number; coming?: readonly DumpedObject[] }> {
  const { recorder, restore } = part;
  const script = file.dump.format === 'plain' ? restore.script : undefined;
  const isListed = fills === 'listed';
  const program = script && `${script.look}${isListed ? (restore.filling?.names ?? '') : ''}`;
  const lines: string[] = [];
  const rate = createRate(part.tooling.clock);
  const result = await part.exec.runPipeline({
    producer: file.rawStage(),
    // A script is looked through as it will be carried out.
    filter: script ? planRenaming(restore.renaming, part.workDir) : undefined,
    consumer: planReader(part, program, toolVersion, lines),
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    onProgress({ writtenBytes }) {
      const bytes = Math.min(file.countRead(writtenBytes), file.sizeBytes);
      recorder.progress({ stage: 'read', bytes, totalBytes: file.sizeBytes, bytesPerSecond: rate.look(bytes) });
    },
  });
  const printed = lines.join('\n');
  judge(part, file, script && { look: script.readLook(printed), fills }, result);
  file.assertSame();
  recorder.log('info', file.readWords);
  const evidence: Evidence = { check: 'fully_read', ok: true, seen: file.readWords };
  const coming = isListed ? { coming: readComing(part, printed).objects } : {};
  return { evidence, unpackedBytes: Math.max(file.sizeBytes, result.producedBytes), ...coming };
}
