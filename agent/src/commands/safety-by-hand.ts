/**
 * The safety backup of a restore by hand: what stands at the target, stored before it is changed. Its run is recorded for the agent of this host,
 * which journals it and tells the server; see `journal/console-record.ts`.
 */
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { SAFETY_PLAN } from '@holdfast/shared/domain/snapshot.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { type ConsoleRecord, openConsoleRecord } from '../journal/console-record.ts';
import { endPart, type PartResult } from '../runs/attempts/part.ts';
import { type BackupPart, backUpSource } from '../runs/backup/backup.ts';
import { type PreparedSource, prepareRepository, withWorkDir } from '../runs/inputs.ts';
import type { Recorder } from '../runs/log/recorder.ts';
import { describeDatabase, type Standing } from '../runs/restore/restore-safety.ts';
import type { HostTooling } from '../tooling.ts';
import { createConsoleRecorder, createConsoleRun } from './console-run.ts';

export interface SafetyByHand {
  tooling: HostTooling;
  spec: Spec;
  /** Where it goes. Throws where there is no such place. */
  repository(): SpecRepository;
  signal: AbortSignal;
  /** Of the agent that is to hear of it. */
  stateDir: string;
}

/** The source that the database at the target is, when it is one of this host: its safety backup belongs to it. */
function findTargetSource({ sources }: Spec, connection: PreparedSource, database: string): SpecSource | undefined {
  const { discovery, describe, kind } = connection.adapter;
  if (!discovery) return undefined;
  const wanted = describe(discovery.configFor(connection.input.config, { name: database }));
  return sources.find((source) => source.kind === kind && describe(source.config) === wanted);
}

const refuse = (words: string, cause?: unknown) =>
  createReasonError('safety_failed', `${words}. --no-safety-backup restores without it`, cause);

function openBench({ tooling }: SafetyByHand): BackupPart['workbench'] {
  return {
    ...tooling,
    createId: (kind) => createId(kind, { clock: tooling.clock, randomBytes: systemRandomBytes }),
    setTimer(ms, callback) {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
  };
}

/** What stands in the database at the target: it belongs to the source that it is, and otherwise to the one whose connection is used. */
export function describeDatabaseByHand(spec: Spec, through: SpecSource, connection: PreparedSource, database: string): Standing {
  const { id } = findTargetSource(spec, connection, database) ?? through;
  return describeDatabase(connection, id, database);
}

/** Writes down what the agent is to know. A disk that refuses it keeps nobody from a restore: then the repository alone knows of the backup. */
function createKeeper({ tooling, stateDir }: SafetyByHand, run: RunId): { keep(event: DurableEvent): void; close(): void } {
  let record: ConsoleRecord | undefined;
  const attempt = (write: () => void): void => {
    try {
      write();
    } catch (error) {
      tooling.log.warn(
        { reason: (error as Error).message },
        'the safety backup cannot be written down for the agent: only the repository will know of it',
      );
      record?.discard();
      record = undefined;
    }
  };
  attempt(() => {
    record = openConsoleRecord(stateDir, run);
  });
  return {
    keep(event) {
      if ('run' in event) attempt(() => record?.append(event));
    },
    close: () => record?.close(),
  };
}

async function store(
  safety: SafetyByHand,
  { source, prepared: opened }: Standing,
  repository: SpecRepository,
  recorder: Recorder,
): Promise<PartResult & { snapshot: string }> {
  const { tooling, spec, signal } = safety;
  let snapshot = '';
  const result = await withWorkDir(tooling, (workDir) => {
    const prepared = prepareRepository(tooling, repository, workDir);
    recorder.addRedaction(prepared.redact);
    return backUpSource({
      workbench: openBench(safety),
      exec: tooling.exec,
      engine: tooling.engine(tooling.exec),
      recorder,
      source,
      prepared: { ...opened, input: { ...opened.input, workDir } },
      repository: prepared,
      tags: { tenant: spec.tenant, host: spec.host, plan: SAFETY_PLAN, source: source.id, run: recorder.run },
      takesLinks: true,
      volumes: [],
      countRows: 'none',
      workDir,
      signal,
      onStore: () => undefined,
      onLockLook: ({ left }) => {
        if (left.length > 0) recorder.log('warn', `a lock of it lies in ${repository.name}`);
      },
      journalSnapshot(made) {
        if (made.role === 'data') snapshot = made.engineId.slice(0, 8);
      },
    });
  });
  return { ...result, snapshot };
}

/** Throws `safety_failed` when no clean backup came of it, and `cancelled` when a person cancelled. */
export async function backUpByHand(safety: SafetyByHand, standing: Standing): Promise<Evidence> {
  const { tooling, signal } = safety;
  const { source } = standing;
  const repository = safety.repository();
  const run = createConsoleRun(tooling);
  const keeper = createKeeper(safety, run);
  const recorder = createConsoleRecorder(tooling, run, keeper.keep);
  const [at, sources] = [tooling.clock.now(), [source.id]];
  keeper.keep({ type: 'run.created', run, at, kind: 'backup', trigger: 'local', repository: repository.id, sources });
  recorder.start(() => undefined);
  recorder.log('info', `what stands in ${source.name} is backed up into ${repository.name} first, before a restore by hand`);
  const ended: { end: PartResult & { snapshot?: string }; thrown?: unknown } = await store(safety, standing, repository, recorder)
    .then((end) => ({ end }))
    .catch((thrown: unknown) => ({ end: endPart(source.id, thrown, signal), thrown }));
  const { end, thrown } = ended;
  const { state, failure, warnings, bytes, evidence } = end;
  const durationMs = Math.max(0, tooling.clock.now() - at);
  recorder.finishPart(
    { source: source.id, state, warnings: [...warnings], bytes, durationMs, ...(failure ? { failure } : {}) },
    () => undefined,
  );
  if (state === 'succeeded') recorder.finalize();
  recorder.finish({ state, failure, evidence, bytes });
  keeper.close();
  if (signal.aborted && thrown !== undefined)
    throw createReasonError('cancelled', 'Cancelled before anything was changed', thrown);
  if (thrown !== undefined && toAppError(thrown).code === 'internal') throw thrown;
  if (state !== 'succeeded') throw refuse(failure?.message ?? 'The safety backup is not clean', thrown);
  return {
    check: 'safety_backup',
    ok: true,
    seen: `Stored as snapshot ${end.snapshot} in ${repository.name} before anything was changed.`,
  };
}
