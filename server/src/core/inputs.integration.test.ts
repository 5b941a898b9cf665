import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnnouncementId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { ENGINE, openCatalogRig } from './fixtures/catalog-rig.ts';
import { factsOf } from './fixtures/core-rig.ts';
import { approveHost, createEnrolmentToken, announceHost as knock } from './hosts/enrolment.ts';
import { updateHost } from './hosts/hosts.ts';
import { listPendingHosts } from './hosts/pending-hosts.ts';
import { createPlan, updatePlan } from './plans/plans.ts';
import { createRepository, testRepository, updateRepository } from './repositories/repositories.ts';
import { startRestore } from './restores/restores.ts';
import { createSource, testSource, updateSource } from './sources/sources.ts';

/** The names of the fields that an act was refused for. */
async function findRefused(act: Promise<unknown>): Promise<string[]> {
  try {
    await act;
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'invalid', String(error));
    return Object.keys(error.details).filter((key) => key.startsWith('field.'));
  }
  return [];
}

const BAD_NAMES = ['', '   ', 'two\nlines', 'turned \u202e around', 'x'.repeat(TEXT.nameChars + 1)];

describe('A name, whoever calls the core', () => {
  it('is one plain line for everything that has one', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host } = rig;
    const database = { host: host.id, kind: 'postgres', config: { ...ENGINE, database: 'x' }, secrets: {} };
    const local = { kind: 'local', config: { path: '/var/x' }, secrets: { password: 'geheim' } };
    const plan = { repository: rig.repository.id, sources: [rig.source.id] };
    for (const name of BAD_NAMES) {
      const acts = [
        createSource(context, admin, { ...database, name }),
        updateSource(context, admin, rig.source.id, { name }),
        createRepository(context, admin, { ...local, name }),
        updateRepository(context, admin, rig.repository.id, { name }),
        createPlan(context, admin, { ...plan, name }),
        updatePlan(context, admin, rig.plan.id, { name }),
        updateHost(context, admin, host.id, { name }),
      ];
      for (const act of acts) assert.deepEqual(await findRefused(act), ['field.name'], JSON.stringify(name));
    }
    assert.equal((await updateSource(context, admin, rig.source.id, { name: '  trimmed ' })).name, 'trimmed');
  });

  it('and the tags are checked when a host is let in, and the note of an enrolment token', async (t) => {
    const { context, admin, host } = await openCatalogRig(t);
    const { crypto } = context;
    const keys = { signingKey: crypto.makeSigningKeys().publicKey, sealingKey: crypto.makeSealingKeys().publicKey };
    await knock(context, { hostname: 'new', facts: factsOf('new'), ...keys }, '127.0.0.1');
    const [pending] = await listPendingHosts(context, admin);
    const approve = (name: string, tags: readonly string[]) =>
      approveHost(context, admin, pending?.id ?? ('' as AnnouncementId), { name, tags });
    assert.deepEqual(await findRefused(approve('a\nb', [])), ['field.name']);
    assert.deepEqual(await findRefused(approve('new', ['-no'])), ['field.tags']);
    assert.deepEqual(await findRefused(updateHost(context, admin, host.id, { tags: Array(TEXT.tags + 1).fill('x') })), [
      'field.tags',
    ]);
    const token = { note: 'a\u0000b', tags: [], paths: [], uses: 1, lifeMs: 1000 };
    assert.deepEqual(await findRefused(createEnrolmentToken(context, admin, token)), ['field.note']);
    assert.equal((await createEnrolmentToken(context, admin, { ...token, note: '' })).row.note, '');
  });
});

describe('Values that clash with one another', () => {
  it('are refused when a source is saved, beside their field', async (t) => {
    const { context, admin, host, source } = await openCatalogRig(t);
    const config = { ...ENGINE, database: 'shop-2', sslMode: 'verify-full' };
    const create = createSource(context, admin, { host: host.id, name: 'shop-2', kind: 'postgres', config, secrets: {} });
    assert.deepEqual(await findRefused(create), ['field.sslRootCert']);
    assert.deepEqual(await findRefused(updateSource(context, admin, source.id, { config })), ['field.sslRootCert']);
    const broken = updateSource(context, admin, source.id, { secrets: { password: 'two\nlines' } });
    assert.deepEqual(await findRefused(broken), ['field.password']);
    assert.equal((await context.store.sources.findSource(admin.tenant, source.id))?.version, source.version);
  });

  it('are refused when a repository is saved, the stored secrets counted in', async (t) => {
    const { context, admin, addRepository } = await openCatalogRig(t);
    const config = { url: 'https://backup.example.com/r/' };
    const secrets = { password: 'geheim-1', restPassword: 'geheim-2' };
    const create = createRepository(context, admin, { name: 'r', kind: 'rest', config, secrets });
    assert.deepEqual(await findRefused(create), ['field.username']);
    const made = await createRepository(context, admin, {
      name: 'r',
      kind: 'rest',
      config: { ...config, username: 'u' },
      secrets,
    });
    assert.deepEqual(await findRefused(updateRepository(context, admin, made.id, { config })), ['field.username']);
    const plain = await addRepository('plain', 'rest');
    assert.equal((await updateRepository(context, admin, plain.id, { config })).version, 2);
  });
});

describe('Stored secrets', () => {
  it('stand in for a draft of the same kind on the same host only', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, host, source, repository } = rig;
    const other = await rig.enrol('db-2');
    for (const one of [host, other]) rig.connect(one.id, () => ({ ok: true, warnings: [] }));
    const draft = { kind: 'postgres', config: { ...ENGINE, database: 'x' }, secrets: {}, base: source.id };
    assert.deepEqual(await findRefused(testSource(context, admin, { ...draft, host: other.id })), ['field.base']);
    assert.deepEqual(await findRefused(testSource(context, admin, { ...draft, kind: 'mariadb', host: host.id })), ['field.base']);
    await testSource(context, admin, { ...draft, host: host.id });
    const rest = { kind: 'rest', config: { url: 'https://evil.example.com/' }, secrets: {}, base: repository.id, host: host.id };
    assert.deepEqual(await findRefused(testRepository(context, admin, rest)), ['field.base']);
    assert.deepEqual(
      rig.asked.map((one) => [one.host, one.type]),
      [[host.id, 'source.test']],
    );
  });
});

describe('The target of a restore', () => {
  it('is an absolute path in one line, or a name that the engine can give a database', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, host } = rig;
    const tree = await rig.reportBackup(rig.files, rig.repository, 'succeeded');
    const dump = await rig.reportBackup(rig.source, rig.repository, 'succeeded');
    for (const path of ['', 'relative', '/a\u0000b', '/a\nb', `/${'x'.repeat(TEXT.pathChars)}`]) {
      const start = startRestore(context, operator, { snapshot: tree, host: host.id, target: { kind: 'directory', path } });
      assert.deepEqual(await findRefused(start), ['field.target.path'], JSON.stringify(path));
    }
    for (const database of ['', 'a\u0000b', 'x'.repeat(64), 'a\nb']) {
      const target = { kind: 'database' as const, source: rig.source.id, database };
      const start = startRestore(context, operator, { snapshot: dump, host: host.id, target });
      assert.deepEqual(await findRefused(start), ['field.target.database'], JSON.stringify(database));
    }
    assert.equal((await context.store.orders.listWaitingOrders(host.id, rig.clock.now())).length, 0);
  });

  it('is reached through a connection of the host that restores', async (t) => {
    const rig = await openCatalogRig(t);
    const rest = await rig.addRepository('remote', 'rest');
    const dump = await rig.reportBackup(rig.source, rest, 'succeeded');
    const other = await rig.enrol('db-2');
    const there = await rig.addDatabase(other, 'there');
    const start = (host: typeof other.id, source: typeof there.id) =>
      startRestore(rig.context, rig.operator, { snapshot: dump, host, target: { kind: 'database', source, database: 'new' } });
    assert.deepEqual(await findRefused(start(other.id, rig.source.id)), ['field.target.source']);
    assert.deepEqual(await findRefused(start(rig.host.id, there.id)), ['field.target.source']);
    assert.equal((await start(other.id, there.id)).host, other.id);
  });
});
