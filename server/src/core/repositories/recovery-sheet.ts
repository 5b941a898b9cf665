/**
 * What opens the repositories without this server, its hosts and Holdfast: where each is, what restic has to be told, what lies in it, and whether
 * somebody has shown that its password is kept elsewhere. Without secrets, unless it is made on the server's own console.
 */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { quoteWord } from '@holdfast/shared/shell-word.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Source } from '../../store/sources.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { readWholeList } from '../whole-list.ts';
import { findProof, judgePassword, type PasswordStanding } from './password-proof.ts';
import { describeOpening, type RepositoryOpening } from './repository-opening.ts';

/** Of each repository; more sources than are named are counted. */
const PLANS_READ = HTTP.pageSizeMax;
const SOURCES_NAMED = 200;

export interface SheetSource {
  id: SourceId;
  name: string;
  host: string;
  kind: string;
  /** The newest good backup in this repository when the sheet was made. */
  newest?: { engineId: string; createdAt: number } | undefined;
  /** Lines for a POSIX shell that bring one back; `ID` stands for the snapshot. */
  lines: readonly string[];
}

export interface SheetProof {
  at: number;
  by: string;
  /** The host that opened it, by name; undefined where the recovery key was shown. */
  from?: string | undefined;
}

export interface SheetRepository extends RepositoryOpening {
  id: RepositoryId;
  password: PasswordStanding;
  proof?: SheetProof | undefined;
  /** When what opens it was sealed to the recovery key, as it is now. */
  sealedAt?: number | undefined;
  sources: readonly SheetSource[];
  /** Sources beyond those named. */
  more: number;
}

export interface RecoverySheet {
  madeAt: number;
  server: string;
  /** The secrets themselves stand in the lines. */
  hasSecrets: boolean;
  /** The recovery key, `age1…`; undefined where none is set. */
  recipient?: string | undefined;
  repositories: readonly SheetRepository[];
}

function listRestoreLines(kind: string, fileName: string | undefined): readonly string[] {
  if (fileName === undefined) return ['restic restore ID --target /restored --verify'];
  const lines = findSourceAdapter(kind)?.byHand?.(fileName) ?? [];
  const reader = lines.at(-1);
  const dump = `restic dump ID ${quoteWord(`/${fileName}`)}`;
  if (reader === undefined) return [`${dump} > ${quoteWord(fileName)}`];
  return [...lines.slice(0, -1), `set -o pipefail; ${dump} | ${reader}`];
}

async function describeSource(
  { store }: CoreContext,
  repository: Repository,
  source: Source,
  host: string,
): Promise<SheetSource> {
  const { rows } = await store.snapshots.listSnapshots(
    repository.tenant,
    { source: source.id, repository: repository.id, role: 'data', state: 'good' },
    { limit: 1 },
  );
  const newest = rows[0];
  return {
    id: source.id,
    name: source.name,
    host,
    kind: findSourceAdapter(source.kind)?.label ?? source.kind,
    newest: newest && { engineId: newest.engineId, createdAt: newest.createdAt },
    lines: newest === undefined ? [] : listRestoreLines(source.kind, newest.fileName),
  };
}

/** Sources whose plans store or copy into it, by host and name. */
async function listSources(context: CoreContext, repository: Repository): Promise<Pick<SheetRepository, 'sources' | 'more'>> {
  const { plans, sources: kept, hosts } = context.store;
  const { tenant, id } = repository;
  const [own, copied] = await Promise.all([
    plans.listPlans(tenant, { repository: id }, { limit: PLANS_READ }),
    plans.listPlans(tenant, { copyRepository: id }, { limit: PLANS_READ }),
  ]);
  const ids = [...new Set([...own.rows, ...copied.rows].flatMap(({ sources }) => sources))];
  const found = await kept.findSources(tenant, ids);
  const names = new Map(
    (
      await hosts.findHosts(
        tenant,
        found.map(({ host }) => host),
      )
    ).map((host) => [host.id, host.name]),
  );
  const named = found
    .map((source) => ({ source, host: names.get(source.host) ?? source.host }))
    .toSorted((a, b) => a.host.localeCompare(b.host, 'en') || a.source.name.localeCompare(b.source.name, 'en'));
  const sources: SheetSource[] = [];
  for (const { source, host } of named.slice(0, SOURCES_NAMED))
    sources.push(await describeSource(context, repository, source, host));
  return { sources, more: named.length - sources.length };
}

async function describeProof(context: CoreContext, repository: Repository): Promise<SheetProof | undefined> {
  const proof = findProof(repository);
  if (proof?.host === undefined) return proof;
  const { at, by, host } = proof;
  return { at, by, from: (await context.store.hosts.findHost(repository.tenant, host))?.name ?? host };
}

async function describeRepository(context: CoreContext, repository: Repository, hasSecrets: boolean): Promise<SheetRepository> {
  const { id, testedFrom, tenant, sealedCopy } = repository;
  const tested = testedFrom === undefined ? undefined : await context.store.hosts.findHost(tenant, testedFrom);
  return {
    id,
    ...describeOpening(context, repository, tested?.name, hasSecrets),
    password: judgePassword(repository, context.clock.now()),
    proof: await describeProof(context, repository),
    sealedAt: sealedCopy?.madeAt,
    ...(await listSources(context, repository)),
  };
}

async function makeSheet(
  context: CoreContext,
  caller: Caller,
  wanted: readonly RepositoryId[] | undefined,
  hasSecrets: boolean,
): Promise<RecoverySheet> {
  const { repositories: kept } = context.store;
  const found =
    wanted === undefined
      ? await readWholeList((page) => kept.listRepositories(caller.tenant, {}, page))
      : await kept.findRepositories(caller.tenant, wanted);
  const repositories: SheetRepository[] = [];
  for (const repository of found) repositories.push(await describeRepository(context, repository, hasSecrets));
  const recipient = (await context.store.recovery.findRecoveryKey(caller.tenant))?.recipient;
  return { madeAt: context.clock.now(), server: context.baseUrl, hasSecrets, recipient, repositories };
}

/** Of all repositories by name, or of these. No secret is in it. */
export async function readRecoverySheet(
  context: CoreContext,
  caller: Caller,
  wanted?: readonly RepositoryId[],
): Promise<RecoverySheet> {
  demand(caller, 'view');
  return makeSheet(context, caller, wanted, false);
}

/** The sheet with every password and key in it: for the console of the server, and to be sealed. */
export async function makeRecoveryKit(context: CoreContext, caller: Caller): Promise<RecoverySheet> {
  demand(caller, 'settings.manage');
  return makeSheet(context, caller, undefined, true);
}

/**
 * The kit for the console of the server alone, where whoever asks has the master key anyway: no page and no end-point gives it. That it was made
 * is in the audit.
 */
export async function readRecoveryKit(context: CoreContext, caller: Caller): Promise<RecoverySheet> {
  const sheet = await makeRecoveryKit(context, caller);
  const names = sheet.repositories.map(({ name }) => name);
  await recordAct(context, caller, {
    action: 'recovery_kit.printed',
    target: { kind: 'settings', id: 'recovery_kit', name: 'recovery kit' },
    change: { repositories: names },
  });
  return sheet;
}
