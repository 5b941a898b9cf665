/**
 * The safety backup: what stands at the target of a restore, stored by a backup run of its own in the repository of the restore. It belongs
 * to no plan, so no retention removes it.
 */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { SAFETY_PLAN } from '@holdfast/shared/domain/snapshot.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import { endPart, type PartResult } from '../attempts/part.ts';
import { backUpSource } from '../backup/backup.ts';
import { type PreparedSource, prepareRepositoryDraft, withWorkDir } from '../inputs.ts';
import type { JournaledSafety } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { toRestoreRefs } from '../secrets/secrets-apart.ts';
import type { Workbench } from '../workbench.ts';
import type { RestorePart } from './restore-part.ts';

export interface SafetyPorts {
  workbench: Workbench;
  spec: Spec | undefined;
  order: RequestBody<'restore.start'>;
  /** Journals a run with its first event, all or nothing. */
  record(run: NewRun, event: DurableEvent): void;
  createRecorder(run: NewRun['run']): Recorder;
  /** Whether a lock of the backup may lie in the repository now. */
  onLock(isLeft: boolean): void;
}

/** What the restore it belongs to lends it. */
export type SafetyPart = Pick<RestorePart, 'exec' | 'engine' | 'recorder' | 'signal'>;

/** The target as a source: the connection with the target's name in it. */
export function describeTarget(connection: PreparedSource, source: SourceId, database: string): SpecSource {
  const { adapter, input } = connection;
  const config = adapter.discovery?.configFor(input.config, { name: database }) ?? input.config;
  return { id: source, name: database, kind: adapter.kind, config: { ...config } as SpecSource['config'], version: 1 };
}

async function store(
  ports: SafetyPorts,
  part: SafetyPart,
  recorder: Recorder,
  target: SpecSource,
  from: PreparedSource,
): Promise<PartResult> {
  const { workbench, spec, order } = ports;
  if (!spec) throw createReasonError('safety_failed', 'This host has no spec yet, so nothing can be backed up');
  const { journal } = workbench;
  return withWorkDir(workbench, (workDir) => {
    const draft = prepareRepositoryDraft(workbench, order.repository.draft, toRestoreRefs(order).repository, workDir);
    recorder.addRedaction(draft.redact);
    const prepared: PreparedSource = { ...from, input: { ...from.input, config: target.config, workDir } };
    return backUpSource({
      workbench,
      exec: part.exec,
      engine: part.engine,
      recorder,
      source: target,
      prepared,
      repository: { ...draft, pinnedId: order.repository.pinnedId },
      tags: { tenant: spec.tenant, host: spec.host, plan: SAFETY_PLAN, source: target.id, run: recorder.run },
      // Nobody tries out what lives until the restore is over.
      countRows: 'none',
      workDir,
      signal: part.signal,
      onStore: () => ports.onLock(true),
      onLockLook: ({ failure, left }) => ports.onLock(failure !== undefined || left.length > 0),
      journalSnapshot: ({ id, engineId }) =>
        journal.snapshots.record({
          repository: order.repository.id,
          engineId,
          snapshot: id,
          run: recorder.run,
          source: target.id,
          state: 'made',
        }),
    });
  });
}

/** Throws `safety_failed` when no clean backup came of it, and `cancelled` when a person cancelled. */
export async function backUpTarget(
  ports: SafetyPorts,
  part: SafetyPart,
  from: PreparedSource,
  database: string,
): Promise<Evidence> {
  const { workbench, order } = ports;
  const { journal, clock } = workbench;
  if (order.target.kind !== 'database') throw createReasonError('safety_failed', 'Only databases are backed up before a restore');
  const source = order.safetySource ?? order.target.source;
  const run = workbench.createId('run');
  const repository = order.repository.id;
  const body: JournaledSafety = { kind: 'safety', repository, source, started: true };
  ports.record(
    { run, kind: 'backup', body },
    {
      type: 'run.created',
      run,
      at: clock.now(),
      kind: 'backup',
      trigger: order.trigger,
      repository,
      sources: [source],
      requestedBy: order.requestedBy,
    },
  );
  const recorder = ports.createRecorder(run);
  const startedAt = clock.monotonicMs();
  recorder.start(() => undefined);
  recorder.log('info', `what stands in ${database} is backed up before restore ${order.run}`);
  part.recorder.log('info', `safety backup of ${database}: ${run}`);
  const ended: { end: PartResult; thrown?: unknown } = await store(
    ports,
    part,
    recorder,
    describeTarget(from, source, database),
    from,
  )
    .then((end) => ({ end }))
    .catch((thrown: unknown) => ({ end: endPart(source, thrown, part.signal), thrown }));
  const { state, failure, warnings, bytes, evidence } = ended.end;
  if (failure) recorder.log('error', failure.message);
  const durationMs = Math.max(0, Math.round(clock.monotonicMs() - startedAt));
  recorder.finishPart({ source, state, warnings: [...warnings], bytes, durationMs, ...(failure ? { failure } : {}) }, () =>
    journal.snapshots.setStateOfRun(run, state === 'succeeded' ? 'vouched' : 'unvouched'),
  );
  if (state === 'succeeded') {
    ports.onLock(false);
    recorder.finalize();
  }
  recorder.finish({ state, failure, evidence, bytes });
  if (state === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed', ended.thrown);
  if (state !== 'succeeded')
    throw createReasonError('safety_failed', failure?.message ?? 'The safety backup is not clean', toAppError(ended.thrown));
  const seen = `Backed up by ${run} before anything was changed.`;
  return { check: 'safety_backup', ok: true, seen };
}
