import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type SealPurpose, sealFor } from '@holdfast/shared/crypto/sealed.ts';
import type { RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type AgentRig, HOST, openAgentRig } from '../session/fixtures/agent-rig.ts';
import { prepareRepository, prepareRepositoryDraft, prepareSource, prepareSourceDraft, withWorkDir } from './inputs.ts';

const SECRET = 'canary 7f3a/ü';
const WORK = '/run/work';
const SOURCE = { id: 'src_1' as SourceId, name: 'shop', kind: 'postgres', config: { user: 'u', database: 'shop' }, version: 3 };
const REPOSITORY = { id: 'repo_1' as RepositoryId, name: 'disk', kind: 'local', config: { path: '/backup' }, version: 2 };

async function openTrusting(t: TestContext): Promise<AgentRig> {
  const rig = await openAgentRig(t);
  await rig.trust('http://127.0.0.1:1');
  return rig;
}

function seal(
  rig: AgentRig,
  purpose: SealPurpose,
  ref: string,
  version: number,
  { host = HOST as string, keys = rig.serverKeys, key = rig.workbench.identity.sealing.publicKey } = {},
) {
  return sealFor(rig.crypto, key, keys, { host, purpose, ref, version }, { password: SECRET });
}

function refusalOf(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.message.includes('canary'), false);
    return error;
  }
  return assert.fail('was not refused');
}

describe('The secrets of a source or repository', () => {
  it('open under the binding they were sealed for, and are known to the redactor in every form', async (t) => {
    const rig = await openTrusting(t);
    const source: SpecSource = { ...SOURCE, secrets: seal(rig, 'source', 'src_1', 3) };
    const { input, redact, adapter } = prepareSource(rig.workbench, source, WORK);
    assert.deepEqual([adapter.kind, input.secrets, input.workDir], ['postgres', { password: SECRET }, WORK]);
    const repository: SpecRepository = { ...REPOSITORY, secrets: seal(rig, 'repository', 'repo_1', 2) };
    const prepared = prepareRepository(rig.workbench, repository, WORK);
    assert.deepEqual(
      prepared.access.files.map(({ content }) => content.trim()),
      [SECRET],
    );
    assert.equal(JSON.stringify([prepared.access.env, prepared.access.args]).includes('canary'), false);
    const forms = [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64')];
    for (const form of forms) {
      for (const hide of [redact, prepared.redact]) assert.equal(hide(`a ${form} z`).includes(form), false, form);
    }
  });

  it('of a request open for its reference alone', async (t) => {
    const rig = await openTrusting(t);
    const draft = { kind: 'postgres', config: SOURCE.config, secrets: seal(rig, 'request', 'req_1', 1) };
    assert.equal(prepareSourceDraft(rig.workbench, draft, 'req_1', WORK).input.secrets['password'], SECRET);
    const other = refusalOf(() => prepareSourceDraft(rig.workbench, draft, 'req_2', WORK));
    assert.deepEqual([other.code, other.details['reason']], ['precondition', 'secrets_unreadable']);
    assert.match(other.message, /Save the source or repository again/);
  });

  it('stay closed for another object, version, purpose, host, server or key', async (t) => {
    const rig = await openTrusting(t);
    const foreign = rig.crypto.makeSigningKeys();
    const wrong = {
      object: seal(rig, 'source', 'src_2', 3),
      version: seal(rig, 'source', 'src_1', 2),
      purpose: seal(rig, 'repository', 'src_1', 3),
      host: seal(rig, 'source', 'src_1', 3, { host: 'host_other' }),
      server: seal(rig, 'source', 'src_1', 3, { keys: foreign }),
      key: seal(rig, 'source', 'src_1', 3, { key: rig.crypto.makeSealingKeys().publicKey }),
    };
    for (const [title, secrets] of Object.entries(wrong)) {
      const refused = refusalOf(() => prepareSource(rig.workbench, { ...SOURCE, secrets }, WORK));
      assert.equal(refused.details['reason'], 'secrets_unreadable', title);
    }
  });

  it('are not even tried on a host that is not enrolled', async (t) => {
    const rig = await openAgentRig(t);
    const secrets = seal(rig, 'source', 'src_1', 3);
    assert.equal(refusalOf(() => prepareSource(rig.workbench, { ...SOURCE, secrets }, WORK)).code, 'precondition');
    assert.deepEqual(prepareSource(rig.workbench, SOURCE, WORK).input.secrets, {}, 'without secrets nothing has to be trusted');
  });
});

describe('A configuration', () => {
  it('gets the defaults of this agent’s own adapter', async (t) => {
    const rig = await openTrusting(t);
    const { config } = prepareSource(rig.workbench, SOURCE, WORK).input;
    assert.deepEqual([config['host'], config['port'], config['database']], ['127.0.0.1', 5432, 'shop']);
  });

  it('is refused with the field’s name when the adapter of this agent does not know or accept it', async (t) => {
    const rig = await openTrusting(t);
    const cases: [string, SpecSource['config'], RegExp][] = [
      ['postgres', { user: 'u', database: 'd', command: 'rm' }, /command/],
      ['postgres', { user: 'u' }, /database/],
      ['postgres', { user: 'u', database: 'd', port: 70_000 }, /port/],
      ['postgres', { user: 'u', database: 'd', host: '-h x' }, /host: must be one host name/],
      ['files', { paths: ['etc'] }, /paths\.0: must be an absolute path/],
      ['files', { paths: [] }, /paths: needs at least one entry/],
    ];
    for (const [kind, config, words] of cases) {
      const refused = refusalOf(() => prepareSourceDraft(rig.workbench, { kind, config }, 'req_1', WORK));
      assert.equal(refused.code, 'invalid');
      assert.match(refused.message, words);
    }
    assert.match(refusalOf(() => prepareSourceDraft(rig.workbench, { kind: 'tape', config: {} }, 'r', WORK)).message, /"tape"/);
    const repository = { kind: 'local', config: { path: 'relative' } };
    assert.match(
      refusalOf(() => prepareRepositoryDraft(rig.workbench, repository, 'r', WORK)).message,
      /path: must be an absolute/,
    );
  });

  it('of a repository without its password is refused', async (t) => {
    const rig = await openTrusting(t);
    assert.match(refusalOf(() => prepareRepository(rig.workbench, REPOSITORY, WORK)).message, /password/);
  });
});

describe('A private directory', () => {
  it('is there for the work alone, closed to others, and gone afterwards, whatever happened', async (t) => {
    const { workbench } = await openAgentRig(t);
    const seen = await withWorkDir(workbench, async (workDir) => {
      writeFileSync(join(workDir, 'password'), SECRET);
      assert.equal((statSync(workDir).mode & 0o777).toString(8), '700');
      return workDir;
    });
    assert.equal(existsSync(seen), false);
    const fall = withWorkDir(workbench, async (workDir) => {
      writeFileSync(join(workDir, 'password'), SECRET);
      throw new Error('fell over');
    });
    await assert.rejects(fall, /fell over/);
    assert.deepEqual(readdirSync(workbench.workDirs.root), []);
  });

  it('is another one for each work at the same time', async (t) => {
    const { workbench } = await openAgentRig(t);
    const paths = await Promise.all([1, 2, 3].map(() => withWorkDir(workbench, async (workDir) => workDir)));
    assert.equal(new Set(paths).size, 3);
  });
});
