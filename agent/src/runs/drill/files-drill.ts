/** Restores a sample of files and compares it: with the repository by the engine itself, and with the live files where they are unchanged. */
import { join } from 'node:path';
import type { Canary } from '@holdfast/shared/domain/contents.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { DRILL } from '@holdfast/shared/limits.ts';
import type { SampledFile } from '../../engines/restic/sample.ts';
import { hashFile, hashSteady } from '../file-hash.ts';
import { createRate } from '../rate.ts';
import { inStage, RESTORE_STALL_MS, type RestorePart } from '../restore/restore-part.ts';
import { assertHolds, type DrillFindings } from './findings.ts';
import { countNoun } from './structure.ts';

/** Paths named in the evidence. */
const NAMED = 3;
const PATH_CHARS = 100;

export interface FilesDrillPart extends RestorePart {
  /** A private directory that exists and is empty. */
  target: string;
  measureRoom(): number;
  /** Files that must come back as they were noted. */
  canaries: readonly Canary[];
  /** The files were of this host, so live ones may lie beside them. */
  isOwn: boolean;
  findings: DrillFindings;
  /** Makes sure that the repository is there and the pinned one. */
  checkRepository(): Promise<void>;
}

/** The hash of the live file, if it is still the one that was backed up. */
const hashLive = ({ path, sizeBytes, modifiedNs }: SampledFile, signal: AbortSignal) =>
  hashSteady(path, ({ size, mtimeNs }) => size === BigInt(sizeBytes) && mtimeNs === modifiedNs, signal);

/** Whatever the sample is, these have to be in the backup, as they were on the host when it was made. */
async function compareCanaries(part: FilesDrillPart, files: readonly SampledFile[]): Promise<void> {
  const { canaries, findings, signal, target } = part;
  if (canaries.length === 0) return;
  const restored = new Set(files.map(({ path }) => path));
  const wrong: string[] = [];
  for (const { path, sha256 } of canaries) {
    if (!restored.has(path)) wrong.push(`${path.slice(-PATH_CHARS)} is not in the backup`);
    else if ((await hashFile(join(target, path), signal)) !== sha256)
      wrong.push(`${path.slice(-PATH_CHARS)} came back with other content`);
  }
  const ok = wrong.length === 0;
  const seen = ok
    ? `${countNoun(canaries.length, 'canary file')} came back as noted at the time of the backup`
    : `Canaries: ${wrong.slice(0, NAMED).join('; ')}`;
  findings.evidence.push({ check: 'same_content', ok, seen });
}

async function compareWithLive(part: FilesDrillPart, files: readonly SampledFile[]): Promise<void> {
  const { findings, recorder, signal, target } = part;
  const different: string[] = [];
  let compared = 0;
  for (const file of files) {
    if (signal.aborted) throw createReasonError('cancelled', 'Cancelled; what was restored is removed');
    const live = await hashLive(file, signal);
    if (live === undefined) continue;
    compared += 1;
    if ((await hashFile(join(target, file.path), signal)) !== live) different.push(file.path);
  }
  if (compared === 0) {
    recorder.log('info', 'no file of the sample is unchanged on the host, so none is compared with it');
    return;
  }
  const named = different.slice(0, NAMED).map((path) => path.slice(-PATH_CHARS));
  findings.evidence.push({
    check: 'same_content',
    ok: different.length === 0,
    seen:
      different.length === 0
        ? `${compared} of ${files.length} files are unchanged on the host since, and equal byte for byte`
        : `${different.length} of ${compared} files differ from those on the host, which were not changed since: ${named.join(', ')}`,
  });
}

async function drawSample(part: FilesDrillPart): Promise<readonly SampledFile[]> {
  const { engine, recorder, repository, workDir, engineId, signal } = part;
  await part.checkRepository();
  const sampled = await engine.sampleFiles({
    access: repository.access,
    workDir,
    snapshotId: engineId,
    seed: recorder.run,
    limits: { files: DRILL.sampleFiles, bytes: DRILL.sampleBytes, pathBytes: DRILL.samplePathBytes },
    named: part.canaries.map(({ path }) => path),
    signal,
  });
  if (sampled.failure) throw createReasonError(sampled.failure.reason, sampled.failure.message);
  const { fileCount, named } = sampled;
  const drawn = sampled.files.filter((file) => !named.some(({ path }) => path === file.path));
  const files = [...named, ...drawn];
  if (files.length === 0) throw createReasonError('drill_failed', 'The snapshot holds no file that could be tried out');
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (part.measureRoom() < bytes + DRILL.spareBytes)
    throw createReasonError('disk_full', `The sample has ${bytes} bytes, and there is not enough room on this host`);
  recorder.log('info', `a sample of ${files.length} of ${fileCount} files with ${bytes} bytes, drawn by chance`);
  return files;
}

/** Throws the reason when it cannot be carried out or when the restore fails; what does not hold is in the findings. */
export async function drillFiles(part: FilesDrillPart): Promise<void> {
  const { recorder, tooling, engine, findings, target } = part;
  const files = await inStage(recorder, 'preflight', () => drawSample(part));
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  await inStage(recorder, 'restore', async () => {
    const startedAt = tooling.clock.monotonicMs();
    const rate = createRate(tooling.clock);
    const outcome = await engine.restoreTree({
      access: part.repository.access,
      workDir: part.workDir,
      snapshotId: part.engineId,
      target,
      includes: files.map(({ path }) => path),
      signal: part.signal,
      stallMs: RESTORE_STALL_MS,
      onProgress: ({ bytes }) => recorder.progress({ stage: 'restore', bytes, totalBytes, bytesPerSecond: rate.look(bytes) }),
      onLog: (level, text) => recorder.log(level, text),
    });
    findings.evidence.push(...outcome.evidence);
    if (outcome.failure) throw createReasonError(outcome.failure.reason, outcome.failure.message);
    findings.restoreMs = Math.max(0, Math.round(tooling.clock.monotonicMs() - startedAt));
    findings.things = files.length;
    findings.bytes = totalBytes;
  });
  await inStage(recorder, 'evidence', async () => {
    await compareCanaries(part, files);
    if (part.isOwn) await compareWithLive(part, files);
    for (const { ok, seen } of findings.evidence)
      recorder.log(ok ? 'info' : 'error', `${ok ? 'holds' : 'does not hold'}: ${seen}`);
    assertHolds(findings);
  });
}
