/**
 * The safety backup of a restore by hand: what stands at the target, stored before it is changed. No journal keeps it and no server hears of it,
 * so it is found by listing the repository, and restored by its name.
 */
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { SAFETY_PLAN } from '@holdfast/shared/domain/snapshot.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { type BackupPart, backUpSource } from '../runs/backup/backup.ts';
import { type PreparedSource, prepareRepository, withWorkDir } from '../runs/inputs.ts';
import { describeDatabase, type Standing } from '../runs/restore/restore-safety.ts';
import type { HostTooling } from '../tooling.ts';
import { createConsoleRecorder } from './console-run.ts';

export interface SafetyByHand {
  tooling: HostTooling;
  spec: Spec;
  /** Where it goes. Throws where there is no such place. */
  repository(): SpecRepository;
  signal: AbortSignal;
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

/** Throws `safety_failed` when no clean backup came of it, and `cancelled` when a person cancelled. */
export async function backUpByHand(safety: SafetyByHand, { source, prepared: opened }: Standing): Promise<Evidence> {
  const { tooling, spec, signal } = safety;
  const repository = safety.repository();
  const recorder = createConsoleRecorder(tooling);
  let stored = '';
  recorder.log('info', `what stands in ${source.name} is backed up into ${repository.name} first`);
  try {
    const { state, failure } = await withWorkDir(tooling, (workDir) => {
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
        countRows: 'none',
        workDir,
        signal,
        onStore: () => undefined,
        onLockLook: ({ left }) => {
          if (left.length > 0) recorder.log('warn', `a lock of it lies in ${repository.name}`);
        },
        journalSnapshot(made) {
          if (made.role === 'data') stored = made.engineId.slice(0, 8);
        },
      });
    });
    if (state !== 'succeeded') throw refuse(failure?.message ?? 'The safety backup is not clean');
  } catch (thrown) {
    const error = toAppError(thrown);
    if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before anything was changed', thrown);
    throw error.code === 'internal' ? thrown : refuse(error.message, thrown);
  } finally {
    recorder.settle();
  }
  return {
    check: 'safety_backup',
    ok: true,
    seen: `Stored as snapshot ${stored} in ${repository.name} before anything was changed.`,
  };
}
