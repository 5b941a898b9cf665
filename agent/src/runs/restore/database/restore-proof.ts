/** Reads the whole snapshot before anything is changed: every byte is decrypted and authenticated by restic, none goes through this process. */

import type { DumpedObject } from '@holdfast/shared/adapters/filling.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import type { PipelineResult, Stage } from '../../../exec/contract.ts';
import { createRate } from '../../rate.ts';
import { getBinary } from '../../workbench.ts';
import { RESTORE_STALL_MS } from '../restore-part.ts';
import { findHostProgram } from './host-program.ts';
import type { DatabaseRestorePart } from './restore-ask.ts';
import { readComing } from './restore-filling.ts';

/** What is kept of a dump whose last bytes show that it is whole. */
const END_BYTES = 1024;

const SCRIPT_NAME = 'dump-look.sed';

/** A reader of lines by a program of sed, whose own are kept in `lines`. */
export function planLook({ workDir }: Pick<DatabaseRestorePart, 'workDir'>, program: string, lines: string[]): Stage {
  const path = `${workDir}/${SCRIPT_NAME}`;
  const command = { args: ['-n', '-f', path], env: { LC_ALL: 'C' }, files: [{ path, content: program }] };
  return { command, binary: findHostProgram('sed'), onStdoutLine: (line) => lines.push(line) };
}

/** The engine's own reader of dumps where it has one, else one that keeps the end, or `look`. */
function planReader(part: DatabaseRestorePart, toolVersion: string, look: string | undefined, lines: string[]): Stage {
  if (look !== undefined) return planLook(part, look, lines);
  const command = part.restore.planProof?.(part.connection.input);
  if (!command) return { command: { args: [`--bytes=${END_BYTES}`], env: {}, files: [] }, binary: findHostProgram('tail') };
  return { command, binary: getBinary(part.tooling, command.tool, toolVersion || undefined) };
}

function judge(part: DatabaseRestorePart, result: PipelineResult): void {
  switch (result.verdict) {
    case 'cancelled':
      throw createReasonError('cancelled', 'Cancelled before anything was changed');
    case 'stalled':
      throw createReasonError('stalled', 'No byte came from the repository for an hour; nothing was changed');
    case 'producer_failed': {
      const failure = part.origin.classify(result.producer);
      throw createReasonError(failure.reason, `${failure.message.replace(/\.$/u, '')}. Nothing was changed`);
    }
    case 'consumer_failed':
    case 'complete': {
      const verdict = part.restore.judgeProof?.(result.consumer);
      if (verdict?.ok === false) throw createReasonError(verdict.reason, verdict.message);
      if (verdict === undefined && result.consumer.exitCode !== 0)
        throw createReasonError('snapshot_damaged', result.consumer.stderr.trim() || 'The dump could not be read');
    }
  }
}

/**
 * Reads all of it; with `isFilling`, what comes with it is read out of it. Throws when the snapshot cannot be read to its end, or is no whole
 * dump.
 */
export async function readWhole(
  part: DatabaseRestorePart,
  toolVersion: string,
  isFilling: boolean,
): Promise<{ evidence: Evidence; coming?: readonly DumpedObject[] }> {
  const { recorder, restore } = part;
  const lines: string[] = [];
  const rate = createRate(part.tooling.clock);
  const result = await part.exec.runPipeline({
    producer: part.origin.stage((level, text) => recorder.log(level, text)),
    consumer: planReader(part, toolVersion, isFilling ? restore.filling?.look : undefined, lines),
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    onProgress: ({ writtenBytes }) =>
      recorder.progress({
        stage: 'read',
        bytes: Math.min(writtenBytes, part.sizeBytes),
        totalBytes: part.sizeBytes,
        bytesPerSecond: rate.look(writtenBytes),
      }),
  });
  judge(part, result);
  const coming = isFilling ? readComing(part, lines.join('\n')) : undefined;
  if (coming ? !coming.isWhole : restore.isWholeEnd?.(result.consumer.stdout) === false)
    throw createReasonError('snapshot_damaged', 'The dump does not end as a whole one does');
  const { readWords } = part.origin;
  recorder.log('info', readWords);
  return { evidence: { check: 'fully_read', ok: true, seen: readWords }, ...(coming ? { coming: coming.objects } : {}) };
}
