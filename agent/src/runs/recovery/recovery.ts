/**
 * After a crash: processes that are proven ours are ended; runs that were under way are reported as interrupted, or, for a backup of the
 * schedule, as an attempt that another one follows; runs that only waited are put back.
 */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecRepository } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { endGroup } from '../../exec/leftovers.ts';
import { isUncollected, readBootId, toEpochMs } from '../../exec/proc.ts';
import { findOptions, followCrash } from '../attempts/next-attempt.ts';
import { endPart, summariseParts, toFailure } from '../attempts/part.ts';
import { callOwedHook } from '../backup/hook-calls.ts';
import { settleOwedScratches, settleScratch } from '../drill/scratch-recovery.ts';
import type { Executor } from '../executor.ts';
import { prepareRepository, withWorkDir } from '../inputs.ts';
import {
  type JournaledBackup,
  type JournaledDrill,
  type JournaledForget,
  type JournaledMaintenance,
  type JournaledRunBody,
  type JournaledSnapshots,
  journaledRunSchema,
} from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { writeIfPossible } from '../possible-write.ts';
import { settleCutRestore } from '../restore/restore-inquiry.ts';
import { settleOwedRestores } from '../restore/restore-owed.ts';
import { endCutSafety } from '../restore/restore-recovery.ts';
import type { Workbench } from '../workbench.ts';

const listPids = (processes: readonly { pid: number }[]) => processes.map(({ pid }) => pid);

/**
 * Ends what an earlier life of this agent left running, and tells how many. A pid alone proves nothing: boot and start time must match, and
 * where the recorded process is gone, what is left of its group must show our mark. What is not proven lives on and is named in the log.
 */
export function endLeftovers(workbench: Workbench): number {
  const { log, workDirs, drillGround, journal } = workbench;
  const boot = readBootId();
  let ended = 0;
  for (const { run, stage, pid, startTime, bootId } of journal.runs.listProcesses()) {
    if (bootId === boot) {
      const left = endGroup({ pid, startTime }, (path) => workDirs.owns(path) || drillGround.owns(path));
      if (left.ended.length > 0) log.warn({ run, pids: listPids(left.ended) }, 'ended processes that an earlier agent left');
      if (left.unproven.length > 0)
        log.warn({ run, pids: listPids(left.unproven) }, 'processes in the group of a run are not proven to be ours and live on');
      ended += left.ended.length;
      const endedAt = workbench.clock.now();
      // A tool below another may have taken the lock: all of them are remembered, not only the one that was recorded.
      const members = left.ended.filter((member) => member.pid !== pid);
      for (const each of [{ pid, startTime }, ...members])
        workbench.rememberProcess({ pid: each.pid, startedAt: toEpochMs(each.startTime), endedAt });
    }
    writeIfPossible(log, 'a process that is gone stays on the list', () => journal.runs.endProcess(run, stage, pid));
  }
  return ended;
}

/**
 * Processes of earlier lives that may have left locks are known again, so that the locks can be proven ours; returns where to look. What ran
 * when the host went down is gone with its boot, whatever has its number now.
 */
function rememberDead({ journal, rememberProcess }: Workbench): Set<RepositoryId> {
  const boot = readBootId();
  const dead = journal.runs.listDead();
  for (const { pid, startTime, bootId, recordedAt, endedAt } of dead)
    rememberProcess({ pid, startedAt: bootId === boot ? toEpochMs(startTime) : recordedAt, endedAt });
  return new Set(dead.flatMap(({ repository }) => (repository === undefined ? [] : [repository])));
}

/** How long, and how often, the dead are waited for. Some systems never collect them; their locks are then left to a person. */
const COLLECT_MS = 10_000;
const COLLECT_LOOK_MS = 250;

/**
 * Waits until holders of locks that are dead are collected too. Until then restic takes them for alive and keeps their locks; the first
 * process of a system, which inherits what a killed agent leaves, may take seconds over it.
 */
async function awaitCollected(workbench: Workbench, pids: readonly number[]): Promise<boolean> {
  let waited = 0;
  for (; waited < COLLECT_MS && pids.some(isUncollected); waited += COLLECT_LOOK_MS)
    await new Promise<void>((resolve) => workbench.setTimer(COLLECT_LOOK_MS, resolve));
  return waited > 0;
}

/**
 * Removes the locks that processes of interrupted runs left, as far as they are proven to be ours. `unreachable` when the repository could not be
 * asked, `left` when locks of ours had to stay for now.
 */
export async function clearLocks(workbench: Workbench, repository: SpecRepository): Promise<'cleared' | 'left' | 'unreachable'> {
  const onLog = (_level: string, text: string) => workbench.log.warn({ repository: repository.id }, text);
  const tellUnreachable = ({ message }: { message: string }) => {
    onLog('warn', `Locks that an interrupted run may have left could not be looked for: ${message}`);
    return 'unreachable' as const;
  };
  return await withWorkDir(workbench, async (workDir) => {
    const { access } = prepareRepository(workbench, repository, workDir);
    const { failure, left } = await workbench.engine(workbench.exec).clearOwnLocks({
      access,
      workDir,
      pinnedId: repository.pinnedId,
      onLog,
      awaitEnding: (pids) => awaitCollected(workbench, pids),
    });
    if (failure) return tellUnreachable(failure);
    if (left.length === 0) return 'cleared';
    onLog('warn', `${left.length} locks of interrupted runs are left in the repository`);
    return 'left';
  });
}

const listOpenSources = (body: JournaledBackup) =>
  body.sources.filter((source) => !body.ended.some((part) => part.source === source));

/**
 * Ends a backup that was cut off: what had ended stays as it ended, with its snapshots; everything else failed, and nobody vouches for
 * what it may have stored. A run all of whose parts had ended is as good as they are.
 */
function endBackup(workbench: Workbench, recorder: Recorder, body: JournaledBackup, durationMs: number): void {
  const { snapshots, runs } = workbench.journal;
  const { run } = recorder;
  const told = summariseParts(body.ended);
  const open = listOpenSources(body);
  const interrupted = createReasonError('interrupted', 'The agent ended in the middle of this run');
  if (open.length === 0) recorder.log('warn', 'The agent ended when every source of this run had been dealt with');
  else recorder.log('error', interrupted.message);
  for (const source of open) {
    const { state, failure } = endPart(source, interrupted);
    body.ended = [...body.ended, { source, state, failure }];
    recorder.finishPart({ source, state, warnings: [], bytes: 0, durationMs: 0, failure }, () => {
      runs.revise(run, body);
      for (const { engineId, ...made } of snapshots.listByRepository(body.repository))
        if (made.run === run && made.source === source) snapshots.setState(body.repository, engineId, 'unvouched');
    });
  }
  const { state } = summariseParts(body.ended);
  const why = open.length === 0 && told.failure ? told.failure : toFailure(interrupted);
  const failure = state === 'succeeded' ? undefined : why;
  recorder.finish({ state, failure, evidence: told.evidence, bytes: told.bytes, durationMs });
}

/** Whether a backup that was cut off is tried again; journaled when it is. */
function goesOn(workbench: Workbench, recorder: Recorder, body: JournaledBackup, spec: Spec | undefined): boolean {
  return followCrash({ workbench, recorder, body }, findOptions(spec, body), listOpenSources(body));
}

/** What was removed before the end is found out when the repository is compared with the ledger. */
function endForget({ journal }: Workbench, recorder: Recorder, body: JournaledForget, durationMs: number): void {
  const interrupted = createReasonError('interrupted', 'The agent ended in the middle of this run');
  recorder.log('error', interrupted.message);
  for (const source of body.sources) {
    if (body.ended.some((part) => part.source === source)) continue;
    const { state, failure } = endPart(source, interrupted);
    body.ended = [...body.ended, { source, state, failure }];
    recorder.finishPart({ source, state, warnings: [], bytes: 0, durationMs: 0, failure }, () =>
      journal.runs.revise(recorder.run, body),
    );
  }
  const { state, failure } = summariseParts(body.ended);
  recorder.finish({ state, failure, evidence: [], bytes: 0, durationMs });
}

/** What ends without a word about sources. What was removed or copied before the end is found when the repository is compared with the ledger. */
type Upkeep = JournaledMaintenance | JournaledSnapshots;
const UPKEEP: ReadonlySet<string> = new Set<Upkeep['kind']>([
  'check',
  'prune',
  'unlock',
  'verify',
  'delete_snapshot',
  'retention',
  'copy',
]);
const isUpkeep = (body: JournaledRunBody): body is Upkeep => UPKEEP.has(body.kind);

/** None of these, cut off, leaves a repository in which anything is missing. */
function endMaintenance({ journal }: Workbench, recorder: Recorder, body: Upkeep, durationMs: number): void {
  const failure = toFailure(createReasonError('interrupted', 'The agent ended in the middle of this run'));
  recorder.log('error', failure.message);
  recorder.finish({ state: 'failed', failure, evidence: [], bytes: 0, durationMs }, () => {
    if (body.kind === 'copy') journal.runs.revise(recorder.run, { ...body, state: 'failed' });
  });
}

/** What was restored is thrown away with the directories of all drills; nothing is known of the backup. */
async function endDrill(workbench: Workbench, recorder: Recorder, given: JournaledDrill, durationMs: number): Promise<void> {
  const { journal } = workbench;
  const { scratch: _dropped, ...rest } = given;
  const body = (await settleScratch(workbench, given)) ? rest : given;
  const interrupted = createReasonError('interrupted', 'The agent ended in the middle of this run');
  recorder.log('error', interrupted.message);
  const { state, failure } = endPart(body.order.source, interrupted);
  const part = { source: body.order.source, state, warnings: [], bytes: 0, durationMs: 0, failure };
  recorder.finishPart(part, () => journal.runs.revise(recorder.run, body));
  recorder.finish({ state, failure, evidence: [], bytes: 0, durationMs });
}

export interface Recovered {
  interrupted: number;
  requeued: number;
  /** Where interrupted runs may have left a lock. */
  repositories: ReadonlySet<RepositoryId>;
}

/** Neither begun, nor in the middle of anything: waiting for a slot or for its next attempt. */
const isWaiting = (body: JournaledRunBody): boolean => !body.started || (body.kind === 'backup' && body.retryAt !== undefined);

const IPCRM = '/usr/bin/ipcrm';

/** After the processes that used them are gone. */
async function sweepDrills(workbench: Workbench): Promise<void> {
  const { drillGround, exec, log } = workbench;
  const lost = drillGround.listLostSegments();
  if (lost.length > 0) {
    const command = { args: lost.flatMap((id) => ['-m', String(id)]), env: {}, files: [] };
    await withWorkDir(workbench, (workDir) =>
      exec.runTool({ stage: { binary: IPCRM, command }, workDir, timeoutMs: PROCESS.toolTimeoutMs }),
    );
  }
  try {
    const swept = await drillGround.sweep();
    if (swept > 0) log.warn({ swept }, 'removed what interrupted drills had restored');
  } catch (error) {
    log.error({ err: error }, 'what an interrupted drill restored could not be removed');
  }
}

/** Runs the scripts that were owed when the agent ended: what they put right comes before everything else. */
async function settleOwedHooks(workbench: Workbench, executor: Executor, spec: Spec | undefined): Promise<void> {
  const calls = workbench.journal.runs.listOpen().map(async (run) => {
    const body = journaledRunSchema.safeParse(run.body);
    if (!body.success || body.data.kind !== 'backup' || body.data.owedHook === undefined) return;
    const recorder = executor.createRecorderFor(run.run, run.logLines);
    workbench.log.warn({ run: run.run, hook: body.data.owedHook }, 'a script that an earlier agent owed is run now');
    await callOwedHook({ workbench, recorder, body: body.data, spec }, 'interrupted');
  });
  await Promise.all(calls);
}

/**
 * Call once at start, before anything new begins: the executor is paused meanwhile. Takes as long as the scripts that are owed, which is
 * no time where there are none.
 */
export async function recoverRuns(workbench: Workbench, executor: Executor, spec: Spec | undefined): Promise<Recovered> {
  endLeftovers(workbench);
  await sweepDrills(workbench);
  const repositories = rememberDead(workbench);
  await settleOwedHooks(workbench, executor, spec);
  let interrupted = 0;
  let requeued = 0;
  for (const run of workbench.journal.runs.listOpen()) {
    const body = journaledRunSchema.safeParse(run.body);
    if (body.success && isWaiting(body.data)) {
      executor.enqueueAgain(run.run, body.data);
      requeued += 1;
      continue;
    }
    const recorder = executor.createRecorderFor(run.run, run.logLines);
    if (body.success) {
      repositories.add(body.data.kind === 'restore' ? body.data.order.repository.id : body.data.repository);
      if (body.data.kind === 'copy') repositories.add(body.data.from);
      // How far it really got nobody knows: until now at the latest.
      const durationMs = Math.max(0, workbench.clock.now() - run.openedAt);
      if (body.data.kind === 'backup' && goesOn(workbench, recorder, body.data, spec)) {
        executor.enqueueAgain(run.run, body.data);
        requeued += 1;
        continue;
      }
      if (body.data.kind === 'backup') endBackup(workbench, recorder, body.data, durationMs);
      else if (body.data.kind === 'forget') endForget(workbench, recorder, body.data, durationMs);
      else if (isUpkeep(body.data)) endMaintenance(workbench, recorder, body.data, durationMs);
      else if (body.data.kind === 'drill') await endDrill(workbench, recorder, body.data, durationMs);
      else if (body.data.kind === 'safety') endCutSafety(workbench, recorder, body.data, durationMs);
      else await settleCutRestore({ workbench, executor, recorder, body: body.data, openedAt: run.openedAt });
    } else {
      recorder.finish({
        state: 'failed',
        failure: { code: 'internal', message: 'the journal’s row of this run is not readable' },
        evidence: [],
        bytes: 0,
      });
      writeIfPossible(workbench.log, 'snapshots of an unreadable run stay unjudged, which nothing offers for restore', () =>
        workbench.journal.snapshots.setStateOfRun(run.run, 'unvouched'),
      );
    }
    interrupted += 1;
  }
  await settleOwedRestores(workbench);
  await settleOwedScratches(workbench);
  return { interrupted, requeued, repositories };
}
