/** Executes a drill: one snapshot is restored into something private, judged, and thrown away whatever happens. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { type DrillVerdict, drillVerdictSchema } from '@holdfast/shared/domain/drill.ts';
import type { RunLimits, Spec } from '@holdfast/shared/domain/plan.ts';
import { createReasonError, findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { DRILL } from '@holdfast/shared/limits.ts';
import { endPart, type PartResult } from '../attempts/part.ts';
import { startTimeLimit } from '../attempts/time-limit.ts';
import {
  type PreparedRepository,
  prepareRepository,
  prepareRepositoryDraft,
  prepareSourceDraft,
  withWorkDir,
} from '../inputs.ts';
import type { JournaledDrill } from '../journaled-run.ts';
import { openLimitedExec } from '../limited-exec.ts';
import type { Recorder } from '../log/recorder.ts';
import { demandRepository } from '../open-repository.ts';
import { createReading } from '../reading.ts';
import type { RestorePart } from '../restore/restore-part.ts';
import { toOrderedRef } from '../secrets/maintenance-secrets.ts';
import type { Workbench } from '../workbench.ts';
import { drillDatabase } from './database-drill.ts';
import { drillFiles, type FilesDrillPart } from './files-drill.ts';
import { createFindings, type DrillFindings } from './findings.ts';
import type { DrillDir } from './ground.ts';
import { createMishaps } from './mishaps.ts';
import { drillInScratch } from './scratch-drill.ts';
import { toServerRef } from './scratch-recovery.ts';

export interface DrillExecution {
  workbench: Workbench;
  recorder: Recorder;
  body: JournaledDrill;
  spec: Spec | undefined;
  signal: AbortSignal;
}

/** Failures that say something of the backup; all others say that the drill could not be carried out. */
const DISPROVING: ReadonlySet<Reason> = new Set<Reason>([
  'restore_failed',
  'drill_failed',
  'evidence_failed',
  'repository_damaged',
  'snapshot_missing',
  'snapshot_damaged',
]);

interface Ready {
  kind: string;
  limits: RunLimits;
  timeoutMinutes: number;
  pinnedId: string | undefined;
  openRepository(workDir: string): PreparedRepository;
}

/** The host's own copies of plan, source and repository; what the order brings of those of another host. */
function getReady({ workbench, recorder, body, spec }: DrillExecution): Ready {
  const { foreign } = body.order;
  if (foreign) {
    const { kind, limits, timeoutMinutes, repository: ordered } = foreign;
    const ref = toOrderedRef(recorder.run);
    const openRepository = (workDir: string) => prepareRepositoryDraft(workbench, ordered.draft, ref, workDir);
    return { kind, limits, timeoutMinutes, pinnedId: ordered.pinnedId, openRepository };
  }
  const plan = spec?.plans.find((candidate) => candidate.id === body.order.plan);
  const source = spec?.sources.find((candidate) => candidate.id === body.order.source);
  const repository = spec?.repositories.find((candidate) => candidate.id === body.repository);
  if (!plan || !source || !repository)
    throw new AppError('not_found', 'this host does not have the plan with that source and repository any more');
  const { limits, timeoutMinutes } = plan.options;
  const openRepository = (workDir: string) => prepareRepository(workbench, repository, workDir);
  return { kind: source.kind, limits, timeoutMinutes, pinnedId: repository.pinnedId, openRepository };
}

async function checkRepository(part: RestorePart, { pinnedId }: Ready): Promise<void> {
  const { engine, repository: prepared, workDir, signal } = part;
  await demandRepository({ engine, prepared, pinnedId, writes: false, workDir, signal });
}

async function tryOut(execution: DrillExecution, ready: Ready, dir: DrillDir, findings: DrillFindings): Promise<void> {
  const { workbench, recorder, body, signal } = execution;
  const { order } = body;
  await withWorkDir(workbench, async (workDir) => {
    const repository = ready.openRepository(workDir);
    recorder.addRedaction(repository.redact);
    const limited = openLimitedExec(workbench, recorder, ready.limits);
    const mishaps = createMishaps(limited.limits.memoryMiB);
    const exec = mishaps.watch(limited);
    const { engineId, sizeBytes } = order;
    const engine = workbench.engine(exec);
    const part: RestorePart = { tooling: workbench, exec, engine, recorder, repository, engineId, sizeBytes, workDir, signal };
    const reading = createReading(part);
    const checkAndWatch = async () => {
      await checkRepository(part, ready);
      await reading.open();
    };
    await restoreAndJudge(execution, ready, dir, part, { checkRepository: checkAndWatch, findings }).catch(async (thrown) => {
      const failure = toAppError(await reading.judge(thrown));
      const told = mishaps.judge(failure);
      if (told !== failure) recorder.log('error', failure.message);
      throw told;
    });
  });
}

/** What a drill of either kind is given beside what every restore is. */
type Opening = Pick<FilesDrillPart, 'checkRepository' | 'findings'>;

async function restoreAndJudge(
  { workbench, recorder, body }: DrillExecution,
  ready: Ready,
  dir: DrillDir,
  part: RestorePart,
  opening: Opening,
): Promise<void> {
  const { order } = body;
  const { fileName } = order;
  const { drill, label } = getSourceAdapter(ready.kind);
  const ground = workbench.drillGround;
  if (fileName === undefined) {
    // The engine restores with the rights it read with, into a directory that nobody else may enter.
    await drillFiles({
      ...part,
      ...opening,
      target: ground.seclude(dir),
      measureRoom: () => ground.measureRoom(),
      canaries: order.canaries ?? [],
      isOwn: order.foreign === undefined,
    });
    return;
  }
  if (!drill) throw new AppError('unsupported', `a dump of the kind “${label}” cannot be tried out on a host`);
  const { assertions, recorded } = order;
  if (order.server !== undefined) {
    const owe = (scratch: string | undefined) => {
      body.scratch = scratch;
      workbench.journal.runs.revise(recorder.run, body);
    };
    const connection = prepareSourceDraft(workbench, order.server, toServerRef(recorder.run), part.workDir);
    const isSealed = order.server.secrets !== undefined || order.server.secretsApart === true;
    return drillInScratch({ ...part, ...opening, isSealed, connection, drill, fileName, assertions, recorded, owe });
  }
  await drillDatabase({
    ...part,
    ...opening,
    ground,
    dir,
    drill,
    fileName,
    assertions,
    recorded,
  });
}

/** What the findings come to; undefined where the drill was not carried out. */
function judge(findings: DrillFindings, ageMs: number, failure: AppError | undefined): DrillVerdict | undefined {
  const reason = failure && findReason(failure);
  if (failure && !(reason !== undefined && DISPROVING.has(reason))) return undefined;
  const { restoreMs = 0, rows, things } = findings;
  return drillVerdictSchema.parse({
    isProven: failure === undefined,
    restoreMs,
    snapshotAgeMs: ageMs,
    things,
    ...(rows === undefined ? {} : { rows }),
  });
}

async function runToVerdict(execution: DrillExecution, ready: Ready, findings: DrillFindings): Promise<void> {
  const { drillGround } = execution.workbench;
  const dir = drillGround.create();
  try {
    await tryOut(execution, ready, dir, findings);
  } finally {
    await drillGround.remove(dir);
  }
}

/** Runs to its end; whatever happens is recorded, nothing is thrown. */
export async function executeDrill(execution: DrillExecution): Promise<void> {
  const { workbench, recorder, body, signal } = execution;
  const { order, repository } = body;
  const startedAt = workbench.clock.monotonicMs();
  const findings = createFindings();
  const ageMs = Math.max(0, workbench.clock.now() - order.createdAt);
  let failure: AppError | undefined;
  let result: PartResult = { source: order.source, state: 'succeeded', warnings: [], bytes: 0, evidence: [] };
  let minutes: number = DRILL.minutes;
  try {
    if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before it began');
    body.started = true;
    recorder.start(() => workbench.journal.runs.revise(recorder.run, body));
    const ready = getReady(execution);
    minutes = ready.timeoutMinutes || DRILL.minutes;
    const limit = startTimeLimit(workbench, workbench.clock.now(), minutes, signal);
    try {
      await runToVerdict({ ...execution, signal: limit.signal }, ready, findings);
    } catch (thrown) {
      if (limit.signal.aborted && !signal.aborted)
        throw createReasonError('timed_out', `This drill took longer than ${minutes} minutes and was ended`);
      throw thrown;
    } finally {
      limit.stop();
    }
  } catch (thrown) {
    failure = toAppError(thrown);
    if (failure.code === 'internal') workbench.log.error({ err: thrown, run: recorder.run }, 'a drill failed unexpectedly');
    const ended = endPart(order.source, failure, signal);
    recorder.log('error', ended.failure.message);
    result = ended;
  }
  const verdict = judge(findings, ageMs, failure);
  const durationMs = Math.max(0, Math.round(workbench.clock.monotonicMs() - startedAt));
  const { state, failure: told } = result;
  recorder.finishPart(
    {
      source: order.source,
      state,
      warnings: [...findings.warnings],
      bytes: findings.bytes,
      durationMs,
      ...(told ? { failure: told } : {}),
      ...(verdict ? { drill: verdict } : {}),
    },
    () => {
      if (!verdict) return;
      const at = verdict.isProven ? workbench.clock.now() : undefined;
      workbench.journal.snapshots.markProven(repository, order.engineId, at);
    },
  );
  recorder.finalize();
  recorder.finish({ state, failure: told, evidence: findings.evidence, bytes: findings.bytes });
}
