/** The snapshots that a restore by hand can take: from every repository of this host that answers. */
import type { Spec, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { findTags, SAFETY_PLAN } from '@holdfast/shared/domain/snapshot.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { AgentConfig } from '../config.ts';
import type { StoredSnapshot } from '../engines/restic/parse.ts';
import { listConsoleSnapshots } from '../journal/console-record.ts';
import { glanceAtLedger } from '../journal/peek.ts';
import { prepareRepository, withWorkDir } from '../runs/inputs.ts';
import type { HostTooling } from '../tooling.ts';
import { printJson, printTable } from './output.ts';
import type { RestoreWishes } from './restore-wishes.ts';
import { createMissingError, isOpenable } from './secrets-by-hand.ts';

/** One thing that can be restored. */
export interface Restorable {
  source: SpecSource;
  repository: SpecRepository;
  snapshot: StoredSnapshot;
  /** Whether a clean run of this host vouches for it, as far as this host remembers. */
  vouched: 'yes' | 'no' | 'unknown';
  /** Made before a restore, of what that was about to change: only ever restored by its name. */
  isSafety: boolean;
}

async function listOf(tooling: HostTooling, spec: Spec, config: AgentConfig, repository: SpecRepository): Promise<Restorable[]> {
  const listed = await withWorkDir(tooling, (workDir) => {
    const { access } = prepareRepository(tooling, repository, workDir);
    return tooling.engine(tooling.exec).listSnapshots({ access, workDir, tags: [`host:${spec.host}`, 'role:data'] });
  });
  if (listed.failure) throw createReasonError(listed.failure.reason, `${repository.name}: ${listed.failure.message}`);
  const ledger = glanceAtLedger(config.stateDir);
  const byHand = new Set(listConsoleSnapshots(config.stateDir));
  return listed.snapshots.flatMap((snapshot) => {
    const tags = findTags(snapshot.tags);
    const source = spec.sources.find((candidate) => candidate.id === tags?.source);
    if (!source) return [];
    const state = ledger.get(snapshot.engineId) ?? (byHand.has(snapshot.engineId) ? 'vouched' : undefined);
    return [
      {
        source,
        repository,
        snapshot,
        vouched: state === undefined ? 'unknown' : state === 'vouched' || state === 'partial' ? 'yes' : 'no',
        isSafety: tags?.plan === SAFETY_PLAN,
      },
    ];
  });
}

/** By name or id. Throws `not_found` with the names there are. */
export function getRepository({ repositories }: Spec, wanted: string): SpecRepository {
  const found = repositories.find(({ id, name }) => id === wanted || name === wanted);
  if (found) return found;
  const names = repositories.map(({ name }) => name).join(', ');
  throw new AppError('not_found', `this host has no repository ${JSON.stringify(wanted)}; it has ${names || 'none'}`);
}

/** By name or id. Throws `not_found`. */
export function getSource({ sources }: Spec, wanted: string): SpecSource {
  const found = sources.find(({ id, name }) => id === wanted || name === wanted);
  if (found) return found;
  throw new AppError(
    'not_found',
    `this host has no source ${JSON.stringify(wanted)}; of one that is switched off only the server knows`,
  );
}

/** Those whose secrets are here. Throws `precondition` with what is missing where that is none of them. */
function pickOpenable(tooling: HostTooling, spec: Spec, config: AgentConfig, wanted: string | undefined): SpecRepository[] {
  const asked = wanted === undefined ? spec.repositories : [getRepository(spec, wanted)];
  const closed = asked.filter((repository) => !isOpenable(repository, config.givenSecrets));
  if (closed.length > 0) {
    const missing = createMissingError('repository', closed);
    if (closed.length === asked.length) throw missing;
    tooling.log.warn({}, `not looked into: ${missing.message}`);
  }
  return asked.filter((one) => !closed.includes(one));
}

/**
 * Newest first. One repository that is away does not keep a person from what lies in another: it is said and passed over. Throws why the
 * first does not answer where none does.
 */
export async function listRestorable(
  tooling: HostTooling,
  spec: Spec,
  config: AgentConfig,
  { source, repository: wanted }: RestoreWishes,
): Promise<Restorable[]> {
  const found: Restorable[] = [];
  const asked = pickOpenable(tooling, spec, config, wanted);
  const away: { name: string; error: AppError }[] = [];
  for (const repository of asked) {
    try {
      found.push(...(await listOf(tooling, spec, config, repository)));
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === 'internal') throw thrown;
      away.push({ name: repository.name, error });
    }
  }
  const [first] = away;
  if (first && away.length === asked.length) throw first.error;
  for (const { name, error } of away)
    tooling.log.warn({ repository: name }, `not looked into, so newer snapshots may lie there: ${error.message}`);
  return found
    .filter((entry) => source === undefined || entry.source.id === source || entry.source.name === source)
    .sort((a, b) => b.snapshot.createdAt - a.snapshot.createdAt);
}

/** The one that is asked for, or the newest that a clean run vouches for. Throws `not_found`; `precondition` for what no clean run does. */
export function chooseRestorable(found: readonly Restorable[], wanted = 'latest'): Restorable {
  if (wanted === 'latest') {
    // What this host does not remember may be what a dying agent left; without any memory it is all there is.
    const planned = found.filter((entry) => !entry.isSafety);
    const newest = planned.find((entry) => entry.vouched === 'yes') ?? planned.find((entry) => entry.vouched === 'unknown');
    if (!newest) throw new AppError('not_found', 'there is no snapshot of that source; see "holdfast-agent restore --list"');
    return newest;
  }
  const matching = found.filter((entry) => entry.snapshot.engineId.startsWith(wanted));
  if (wanted.length < 8 || matching.length !== 1)
    throw new AppError('not_found', 'give at least the first eight letters of one snapshot; see "holdfast-agent restore --list"');
  const [only] = matching as [Restorable];
  if (only.vouched === 'no')
    throw new AppError(
      'precondition',
      'no clean run vouches for this snapshot: it was made by a run that failed, so it is not restored',
    );
  return only;
}

export function printRestorable(found: readonly Restorable[], json: boolean): void {
  const rows = found.map(({ source, repository, snapshot, vouched, isSafety }) => ({
    snapshot: snapshot.engineId,
    source: source.name,
    kind: source.kind,
    repository: repository.name,
    createdAt: snapshot.createdAt,
    vouched,
    isSafety,
  }));
  if (json) {
    printJson(rows);
    return;
  }
  printTable(
    ['SNAPSHOT', 'SOURCE', 'KIND', 'REPOSITORY', 'MADE', 'VOUCHED'],
    rows.map((row) => [
      row.snapshot.slice(0, 8),
      row.source,
      row.kind,
      row.repository,
      new Date(row.createdAt).toISOString(),
      row.isSafety ? `${row.vouched}, before a restore` : row.vouched,
    ]),
  );
}
