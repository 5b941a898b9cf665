/**
 * The safety backup: what stands at the target of a restore, stored by a backup run of its own in the repository that the restore reads. It
 * belongs to no plan, so no retention removes it.
 */
import { filesSource } from '@holdfast/shared/adapters/sources/files.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { SAFETY_PLAN } from '@holdfast/shared/domain/snapshot.ts';
import { dropCovered, findParentPath, isPlainText } from '@holdfast/shared/domain/stored-path.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { OrderedRepository } from '@holdfast/shared/protocol/drafts.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { showName } from '../../engines/restic/classify.ts';
import type { NewRun } from '../../journal/run-journal.ts';
import { endPart, type PartResult } from '../attempts/part.ts';
import { backUpSource } from '../backup/backup.ts';
import { type PreparedSource, prepareRepositoryDraft, withWorkDir } from '../inputs.ts';
import type { JournaledSafety } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Workbench } from '../workbench.ts';
import { nameStaging } from './files/restore-staging.ts';
import type { RestorePart } from './restore-part.ts';

/** The repository that a safety backup goes to, with what its secrets are sealed for. */
export interface SafetyPlace {
  repository: OrderedRepository;
  ref: string;
}

export interface SafetyPorts {
  workbench: Workbench;
  spec: Spec | undefined;
  order: RequestBody<'restore.start'>;
  /** Where the restore itself reads from, so that it is known to answer. */
  place: SafetyPlace;
  /** Journals a run with its first event, all or nothing. */
  record(run: NewRun, event: DurableEvent): void;
  createRecorder(run: NewRun['run']): Recorder;
  /** Whether a lock of the backup may lie in the repository now. */
  onLock(isLeft: boolean): void;
}

/** What the restore it belongs to lends it. */
export type SafetyPart = Pick<RestorePart, 'exec' | 'engine' | 'recorder' | 'signal'>;

/** What stands at the target, as a source whose secrets are open. */
export interface Standing {
  source: SpecSource;
  prepared: PreparedSource;
}

/** The connection with the target's name in it. */
export function describeDatabase(connection: PreparedSource, source: SourceId, database: string): Standing {
  const { adapter, input } = connection;
  const found = adapter.discovery?.configFor(input.config, { name: database }) ?? input.config;
  const config = { ...found } as SpecSource['config'];
  return {
    source: { id: source, name: database, kind: adapter.kind, config, version: 1 },
    prepared: { ...connection, input: { ...input, config } },
  };
}

/** The path itself, or the deepest place above it whose name a tool can be told. */
function findPlainPlace(path: string): string {
  return isPlainText(path) ? path : findPlainPlace(findParentPath(path));
}

/**
 * Files and directories that are there, texts of `domain/stored-path.ts`, with everything below them on their own disk: a restore in place
 * goes to no other one. Throws `safety_failed` where that would be the whole host.
 */
export function describePlaces(source: SourceId, paths: readonly string[]): Standing {
  const places = dropCovered(paths.map(findPlainPlace));
  if (places.includes('/')) throw createReasonError('safety_failed', 'A name at the root of this host is no UTF-8');
  const { kind } = filesSource;
  // What the source leaves out today may be in an older snapshot of it; only what restores themselves put there is nobody's.
  const config = { paths: places, excludes: [nameStaging('*')], canaries: [], oneFileSystem: true, floorBytes: 0 };
  return {
    source: { id: source, name: showName(filesSource.describe(config)), kind, config, version: 1 },
    prepared: { adapter: filesSource, input: { config, secrets: {}, workDir: '' }, redact: (text) => text },
  };
}

async function store(
  ports: SafetyPorts,
  part: SafetyPart,
  recorder: Recorder,
  { source, prepared: opened }: Standing,
): Promise<PartResult> {
  const { workbench, spec, place } = ports;
  const { repository } = place;
  if (!spec) throw createReasonError('safety_failed', 'This host has no spec yet, so nothing can be backed up');
  const { journal } = workbench;
  return withWorkDir(workbench, (workDir) => {
    const draft = prepareRepositoryDraft(workbench, repository.draft, place.ref, workDir);
    recorder.addRedaction(draft.redact);
    const prepared: PreparedSource = { ...opened, input: { ...opened.input, workDir } };
    return backUpSource({
      workbench,
      exec: part.exec,
      engine: part.engine,
      recorder,
      source,
      prepared,
      repository: { ...draft, pinnedId: repository.pinnedId },
      tags: { tenant: spec.tenant, host: spec.host, plan: SAFETY_PLAN, source: source.id, run: recorder.run },
      takesLinks: true,
      volumes: [],
      // Nobody tries out what lives until the restore is over.
      countRows: 'none',
      workDir,
      signal: part.signal,
      onStore: () => ports.onLock(true),
      onLockLook: ({ failure, left }) => ports.onLock(failure !== undefined || left.length > 0),
      journalSnapshot: ({ id, engineId }) =>
        journal.snapshots.record({
          repository: repository.id,
          engineId,
          snapshot: id,
          run: recorder.run,
          source: source.id,
          state: 'made',
        }),
    });
  });
}

/** Throws `safety_failed` when no clean backup came of it, and `cancelled` when a person cancelled. */
export async function backUpTarget(ports: SafetyPorts, part: SafetyPart, standing: Standing): Promise<Evidence> {
  const { workbench, order } = ports;
  const { journal, clock } = workbench;
  const { id: source, name } = standing.source;
  const run = workbench.createId('run');
  const repository = ports.place.repository.id;
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
  recorder.log('info', `what stands in ${name} is backed up before restore ${order.run}`);
  part.recorder.log('info', `safety backup of ${name}: ${run}`);
  const ended: { end: PartResult; thrown?: unknown } = await store(ports, part, recorder, standing)
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
