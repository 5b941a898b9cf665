/**
 * What opens the repositories without this server, its hosts and Holdfast: where each is, what restic has to be told, what lies in it, and whether
 * somebody has shown that its password is kept elsewhere. Without secrets, unless it is made on the server's own console.
 */
import { findSourceAdapter, getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Secrets } from '@holdfast/shared/adapters/field.ts';
import { listOpeningLines, nameSecret } from '@holdfast/shared/adapters/opening-by-hand.ts';
import type { RepositoryId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { quoteWord } from '@holdfast/shared/shell-word.ts';
import type { PasswordProof, Repository } from '../../store/repositories.ts';
import type { Source } from '../../store/sources.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { readCredential } from './admin-credential.ts';
import { judgePassword, type PasswordStanding } from './password-proof.ts';

/** Where the files that the lines make lie on the machine of whoever restores. */
const FOLDER = '/root/holdfast-recovery';
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

export interface SheetRepository {
  id: RepositoryId;
  name: string;
  kind: string;
  where: string;
  engineId?: string | undefined;
  /** The host on whose disk it lies; undefined for one that is reached from anywhere. */
  onHost?: string | undefined;
  password: PasswordStanding;
  proof?: (PasswordProof & { hostName: string }) | undefined;
  /** Lines for a POSIX shell after which plain `restic` works. */
  opening: readonly string[];
  /** Words in these lines that a person replaces, with what belongs there; empty where the secrets stand in them. */
  blanks: readonly { word: string; label: string }[];
  sources: readonly SheetSource[];
  /** Sources beyond those named. */
  more: number;
}

export interface RecoverySheet {
  madeAt: number;
  server: string;
  /** The secrets themselves stand in the lines. */
  hasSecrets: boolean;
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

/** A word in place of each secret that the repository has. */
function nameSecrets({ secrets }: Repository): Secrets {
  return Object.fromEntries(Object.keys(secrets).map((field) => [field, nameSecret(field)]));
}

/** A directory's name that says whose it is, without anything a shell or ssh would read in it. */
function nameFolder({ name, id }: Repository): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 40);
  return `${FOLDER}/${plain === '' ? id : plain}`;
}

async function describeRepository(context: CoreContext, repository: Repository, hasSecrets: boolean): Promise<SheetRepository> {
  const { store, clock } = context;
  const { id, name, kind, config, engineId, testedFrom, passwordProof, tenant } = repository;
  const adapter = getRepositoryAdapter(kind);
  const hosts = await store.hosts.findHosts(
    tenant,
    [testedFrom, passwordProof?.host].filter((host) => host !== undefined),
  );
  const nameOf = (host: string | undefined) => hosts.find((one) => one.id === host)?.name;
  const secrets = hasSecrets ? readCredential(context, repository, 'everyday').secrets : nameSecrets(repository);
  const labels = new Map(adapter.fields.map((field) => [field.name, field.label]));
  let opening: readonly string[];
  try {
    opening = listOpeningLines(adapter, { config, secrets, folder: nameFolder(repository) });
  } catch (error) {
    // Config of an older release that this one cannot plan with: the others are needed all the same.
    opening = [`# ${toAppError(error).message}`];
  }
  return {
    id,
    name,
    kind: adapter.label,
    where: adapter.describe(config),
    engineId,
    onHost: adapter.localPath === undefined ? undefined : nameOf(testedFrom),
    password: judgePassword(repository, clock.now()),
    proof: passwordProof && { ...passwordProof, hostName: nameOf(passwordProof.host) ?? passwordProof.host },
    opening,
    blanks: hasSecrets
      ? []
      : Object.keys(repository.secrets).map((field) => ({ word: nameSecret(field), label: labels.get(field) ?? field })),
    ...(await listSources(context, repository)),
  };
}

async function listEvery({ store }: CoreContext, tenant: TenantId): Promise<readonly Repository[]> {
  const all: Repository[] = [];
  let after: string | undefined;
  do {
    const page = await store.repositories.listRepositories(tenant, {}, { limit: HTTP.pageSizeMax, after });
    all.push(...page.rows);
    after = page.next;
  } while (after !== undefined);
  return all;
}

async function makeSheet(context: CoreContext, caller: Caller, wanted: readonly RepositoryId[] | undefined, hasSecrets: boolean) {
  const { repositories: kept } = context.store;
  const found =
    wanted === undefined ? await listEvery(context, caller.tenant) : await kept.findRepositories(caller.tenant, wanted);
  const repositories: SheetRepository[] = [];
  for (const repository of found) repositories.push(await describeRepository(context, repository, hasSecrets));
  return { madeAt: context.clock.now(), server: context.baseUrl, hasSecrets, repositories };
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

/**
 * The sheet with every password and key in it. For the console of the server alone, where whoever asks has the master key anyway: no page and no
 * end-point gives it. That it was made is in the audit.
 */
export async function readRecoveryKit(context: CoreContext, caller: Caller): Promise<RecoverySheet> {
  demand(caller, 'settings.manage');
  const sheet = await makeSheet(context, caller, undefined, true);
  const names = sheet.repositories.map(({ name }) => name);
  await recordAct(context, caller, {
    action: 'recovery_kit.printed',
    target: { kind: 'settings', id: 'recovery_kit', name: 'recovery kit' },
    change: { repositories: names },
  });
  return sheet;
}
