/** `holdfast-agent restore` into a database: what a restore by hand adds to the restore of any run. */
import type { Spec, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import type { Credential } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { GivenSecrets } from '../given-secrets.ts';
import { type PreparedSource, prepareLogin, prepareSource } from '../runs/inputs.ts';
import type { DatabaseRestorePart } from '../runs/restore/database/restore-ask.ts';
import type { HostTooling } from '../tooling.ts';
import { getRepository, getSource } from './restorables.ts';
import type { DatabaseWay } from './restore-way.ts';
import type { RestoreWishes } from './restore-wishes.ts';
import { backUpByHand, describeDatabaseByHand } from './safety-by-hand.ts';
import { createMissingError, isOpenable } from './secrets-by-hand.ts';

/** What every restore by hand is given. */
export interface ByHand {
  tooling: HostTooling;
  spec: Spec;
  wishes: RestoreWishes;
  given: GivenSecrets | undefined;
  /** Another user than the connection's own. */
  credential: Credential | undefined;
  signal: AbortSignal;
  /** Where this host keeps its journal. */
  stateDir: string;
}

/** A source with its secrets here. Throws `not_found`, and `precondition` with what is missing. */
export function getOpenSource({ spec, given }: Pick<ByHand, 'spec' | 'given'>, wanted: string): SpecSource {
  const source = getSource(spec, wanted);
  if (!isOpenable(source, given)) throw createMissingError('source', [source]);
  return source;
}

/**
 * Where a safety backup goes: the named repository, that of a plan with this source, or any that can be opened. Throws `precondition` without
 * one.
 */
export function chooseSafetyPlace({ spec, wishes, given }: ByHand, source: SpecSource): SpecRepository {
  if (wishes.repository !== undefined) return getRepository(spec, wishes.repository);
  const planned = spec.plans.filter(({ sourceIds }) => sourceIds.includes(source.id)).map(({ repositoryId }) => repositoryId);
  const open = spec.repositories.filter((repository) => isOpenable(repository, given));
  const chosen = open.find(({ id }) => planned.includes(id)) ?? open[0];
  if (chosen) return chosen;
  throw new AppError(
    'precondition',
    'what stands at the target cannot be backed up first, because no repository of this host can be opened; --no-safety-backup restores without it',
  );
}

export interface OpenedTarget {
  through: SpecSource;
  connection: PreparedSource;
  restore: NonNullable<PreparedSource['adapter']['restore']>;
  way: DatabaseWay;
}

/** The server that takes the database. Throws `invalid` for a source of files. */
export function openTarget(
  { tooling, credential }: ByHand,
  through: SpecSource,
  way: DatabaseWay,
  workDir: string,
): OpenedTarget {
  const own = prepareSource(tooling, through, workDir);
  const connection = credential === undefined ? own : prepareLogin(own, credential);
  const { restore } = connection.adapter;
  if (!restore) throw new AppError('invalid', 'this source is a tree of files; give one of a database');
  return { through, connection, restore, way };
}

/** What `restoreDatabase` wants besides the dump and the running restore. */
export function describeTarget(
  byHand: ByHand,
  { through, connection, restore, way }: OpenedTarget,
  safetyPlace: () => SpecRepository,
): Pick<
  DatabaseRestorePart,
  'connection' | 'restore' | 'database' | 'mode' | 'tables' | 'remember' | 'isByHand' | 'backUpTarget'
> {
  const { tooling, spec, signal, stateDir } = byHand;
  const { database, mode, tables } = way;
  return {
    database,
    mode,
    tables,
    connection,
    restore,
    isByHand: true,
    remember: () => undefined,
    backUpTarget() {
      const standing = describeDatabaseByHand(spec, through, connection, database);
      return backUpByHand({ tooling, spec, repository: safetyPlace, signal, stateDir }, standing);
    },
  };
}
