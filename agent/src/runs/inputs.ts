/** Opens sealed secrets and turns sources and repositories into what adapters plan with. */
import { getRepositoryAdapter, getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { type Config, createConfigSchema, type Secrets } from '@holdfast/shared/adapters/field.ts';
import { connectAs } from '@holdfast/shared/adapters/login.ts';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { PlanInput, SourceAdapter } from '@holdfast/shared/adapters/source.ts';
import { chooseTools } from '@holdfast/shared/adapters/tool-sets.ts';
import { openSealed, type SealBinding, type SealedSecrets } from '@holdfast/shared/crypto/sealed.ts';
import type { SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Credential } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { AdapterDraft } from '@holdfast/shared/protocol/messages.ts';
import { createRedactor, type Redact } from './log/redact.ts';
import type { SecretName } from './secrets/secret-holder.ts';
import type { Tooling } from './workbench.ts';

type Binding = Omit<SealBinding, 'host' | 'purpose'> & SecretName;

function openSecrets(tooling: Tooling, binding: Binding, { name, secrets, secretsApart }: SecretsOwner): Secrets {
  if (secrets) return openSealedSecrets(tooling, binding, secrets);
  if (!secretsApart) return {};
  const found = tooling.secrets?.find(binding);
  if (found === undefined)
    throw createReasonError(
      'secrets_missing',
      `The secrets ${name === undefined ? 'that came with this order' : `of ${name}`} are not on this host`,
    );
  return 'values' in found ? found.values : openSealedSecrets(tooling, binding, found.sealed);
}

function openSealedSecrets(tooling: Tooling, binding: Binding, sealed: SealedSecrets): Secrets {
  const host = tooling.hostId();
  const serverKey = tooling.serverKey();
  if (!host || !serverKey) throw new AppError('precondition', 'this host is not enrolled, so it trusts no server’s secrets');
  try {
    return openSealed(tooling.crypto, tooling.identity.sealing, serverKey, { host, ...binding }, sealed).values;
  } catch (error) {
    throw createReasonError('secrets_unreadable', error instanceof Error ? error.message : String(error), error);
  }
}

/** The config again through the adapter's own schema: the agent believes its own rules, not the server's. */
function checkConfig(fields: SourceAdapter['fields'], config: Config): Config {
  const parsed = createConfigSchema(fields).safeParse(config);
  if (parsed.success) return parsed.data;
  throw new AppError(
    'invalid',
    `the configuration does not fit this agent: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
  );
}

export interface PreparedSource {
  adapter: SourceAdapter;
  input: PlanInput;
  redact: Redact;
  /** Its user was given for one restore, in the place of the source's own. */
  isGiven?: boolean | undefined;
}

export interface PreparedRepository {
  access: RepositoryAccess;
  /** The id of the repository that was first opened there. */
  pinnedId?: string | undefined;
  /** Its directory, where it lies on this host. */
  localPath?: string | undefined;
  redact: Redact;
}

interface SecretsOwner {
  name?: string | undefined;
  secrets?: SealedSecrets | undefined;
  secretsApart?: boolean | undefined;
}

type SourceLike = Pick<SpecSource, 'kind' | 'config'> & SecretsOwner;

function chooseSet(tooling: Tooling, adapter: SourceAdapter): Pick<PlanInput, 'tools'> {
  if (adapter.otherTools === undefined) return {};
  const toolbox = tooling.toolbox();
  return { tools: chooseTools(adapter, (tool) => toolbox.find(tool) !== undefined) };
}

function prepareSourceWith(tooling: Tooling, source: SourceLike, binding: Binding, workDir: string): PreparedSource {
  const adapter = getSourceAdapter(source.kind);
  const secrets = openSecrets(tooling, binding, source);
  return {
    adapter,
    input: { config: checkConfig(adapter.fields, source.config), secrets, workDir, ...chooseSet(tooling, adapter) },
    redact: createRedactor(Object.values(secrets)),
  };
}

export function prepareSource(tooling: Tooling, source: SpecSource, workDir: string): PreparedSource {
  return prepareSourceWith(tooling, source, { purpose: 'source', ref: source.id, version: source.version }, workDir);
}

/** `ref` is the reference the request was sealed for. */
export function prepareSourceDraft(tooling: Tooling, draft: AdapterDraft, ref: string, workDir: string): PreparedSource {
  return prepareSourceWith(tooling, draft, { purpose: 'request', ref, version: 1 }, workDir);
}

/** The same connection as another user of its server, who may be given for one restore. */
export function prepareLogin(prepared: PreparedSource, credential: Credential): PreparedSource {
  const { adapter, input, redact } = prepared;
  if (!adapter.restore) throw new AppError('unsupported', 'sources of this kind are not restored into a database');
  const as = connectAs(adapter.restore, input, credential);
  const redactGiven = createRedactor([credential.password]);
  const config = checkConfig(adapter.fields, as.config);
  return { adapter, input: { ...as, config }, redact: (text) => redactGiven(redact(text)), isGiven: true };
}

/** What came with an order under this reference and is in memory alone; undefined where it is gone. Throws as any sealed secrets. */
export function findRequestSecrets(tooling: Tooling, ref: string): Secrets | undefined {
  const found = tooling.secrets?.find({ purpose: 'request', ref });
  if (found === undefined) return undefined;
  return 'values' in found ? found.values : openSealedSecrets(tooling, { purpose: 'request', ref, version: 1 }, found.sealed);
}

function prepareRepositoryWith(tooling: Tooling, repository: SourceLike, binding: Binding, workDir: string): PreparedRepository {
  const adapter = getRepositoryAdapter(repository.kind);
  const secrets = openSecrets(tooling, binding, repository);
  const config = checkConfig(adapter.fields, repository.config);
  const planned = adapter.planAccess({ config, secrets, workDir });
  // A host that keeps no secrets keeps no machine key either.
  const keepsNone = repository.secretsApart || tooling.secrets?.keepsNone === true;
  const access = keepsNone ? { ...planned, store: undefined } : planned;
  const localPath = adapter.localPath?.(config);
  return { access, localPath, redact: createRedactor([...Object.values(secrets), ...access.redact]) };
}

export function prepareRepository(tooling: Tooling, repository: SpecRepository, workDir: string): PreparedRepository {
  const { id, version, pinnedId } = repository;
  return { ...prepareRepositoryWith(tooling, repository, { purpose: 'repository', ref: id, version }, workDir), pinnedId };
}

export function prepareRepositoryDraft(tooling: Tooling, draft: AdapterDraft, ref: string, workDir: string): PreparedRepository {
  return prepareRepositoryWith(tooling, draft, { purpose: 'request', ref, version: 1 }, workDir);
}

/** Gives `work` a private directory that is gone afterwards, whatever happened. */
export async function withWorkDir<T>(tooling: Tooling, work: (workDir: string) => Promise<T>): Promise<T> {
  const workDir = tooling.workDirs.create();
  try {
    return await work(workDir);
  } finally {
    tooling.workDirs.remove(workDir);
  }
}
