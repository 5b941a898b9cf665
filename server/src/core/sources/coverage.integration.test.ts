import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COVERAGE } from '@holdfast/shared/limits.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { runCoverageRound } from './coverage-looks.ts';
import { adoptFinding, countFindings, ignoreFinding, listFindings, summarizeLooks, watchFinding } from './findings.ts';

const GIB = 1024 ** 3;
const HOSTILE = 'orders"; drop <b>';

/** What the host answers; undefined for a server that refuses. */
interface Answers {
  databases: readonly { name: string; sizeBytes?: number }[] | undefined;
  directories: readonly { path: string; sizeBytes: number; isWhole: boolean }[];
}

async function openFound(t: TestContext, answers: Answers): Promise<CatalogRig & { questions: string[] }> {
  const rig = await openCatalogRig(t);
  const questions: string[] = [];
  const { context } = rig;
  const { hosts } = context.store;
  const facts = (await hosts.findHost(DEFAULT_TENANT, rig.host.id))?.facts ?? assert.fail('the host has no facts');
  await hosts.recordContact(rig.host.id, {
    at: rig.clock.now(),
    facts: { ...facts, capabilities: ['directories.look'] },
  });
  context.directory.isOnline = (host) => host === rig.host.id;
  context.directory.request = (async (_host: string, type: string) => {
    questions.push(type);
    if (type === 'source.test') return { ok: true, message: '', serverVersion: '15.18', warnings: [], latencyMs: 1 };
    if (type === 'directories.look') return { found: answers.directories };
    if (answers.databases === undefined) throw new AppError('unavailable', 'connection refused');
    return { found: answers.databases };
  }) as typeof context.directory.request;
  // Whoever sets a host up has the time to finish.
  assert.equal(await runCoverageRound(context), 0);
  rig.clock.advance(COVERAGE.firstMs);
  return { ...rig, questions };
}

const named = async ({ context, admin }: CatalogRig, ignored?: boolean) =>
  (await listFindings(context, admin, { ignored }, { limit: 50 })).rows.map(({ name }) => name).sort();

test('a host is asked once a day; what is a source, or lies in one, is no finding, and what appears later is new', async (t) => {
  const answers: Answers = {
    databases: [
      { name: 'postgres', sizeBytes: 7_500_000 },
      { name: 'shop', sizeBytes: GIB },
      { name: 'crm', sizeBytes: 2 * GIB },
      { name: HOSTILE },
    ],
    directories: [
      { path: '/srv/media', sizeBytes: 5 * GIB, isWhole: true },
      { path: '/etc', sizeBytes: 2 * GIB, isWhole: true },
      { path: '/etc/ssl', sizeBytes: 2 * GIB, isWhole: true },
    ],
  };
  const rig = await openFound(t, answers);
  const { context, admin, clock } = rig;
  assert.equal(await runCoverageRound(context), 1);
  assert.deepEqual(await named(rig), ['/srv/media', 'crm', HOSTILE].sort());
  assert.equal(await runCoverageRound(context), 0);
  assert.deepEqual(rig.questions, ['source.discover', 'directories.look'], 'one question for each server, however many sources');
  clock.advance(COVERAGE.everyMs);
  answers.databases = [...(answers.databases ?? []), { name: 'billing' }];
  await runCoverageRound(context);
  assert.deepEqual(await countFindings(context, admin), { open: 4, fresh: 1 });
});

test('a server that does not answer keeps its findings and is named with its words; a host that is away is tried in an hour', async (t) => {
  const answers: Answers = { databases: [{ name: 'crm' }], directories: [] };
  const rig = await openFound(t, answers);
  const { context, admin, clock, host } = rig;
  await runCoverageRound(context);
  answers.databases = undefined;
  clock.advance(COVERAGE.everyMs);
  await runCoverageRound(context);
  assert.deepEqual(await named(rig), ['crm']);
  const { looked, failed, newestFailed } = await summarizeLooks(context, admin, 5);
  assert.deepEqual([looked, failed], [2, 1]);
  assert.deepEqual(
    newestFailed.map((look) => [look.host, look.place, look.failure]),
    [[host.id, '127.0.0.1:5432', 'connection refused']],
  );
  context.directory.isOnline = () => false;
  clock.advance(COVERAGE.everyMs);
  assert.equal(await runCoverageRound(context), 0);
  context.directory.isOnline = () => true;
  assert.equal(await runCoverageRound(context), 0);
  clock.advance(COVERAGE.againMs);
  assert.equal(await runCoverageRound(context), 1);
});

test('a finding becomes a source with the connection it was found through, or is left alone for a reason that is kept', async (t) => {
  const rig = await openFound(t, {
    databases: [{ name: HOSTILE }, { name: 'scratch' }, { name: 'two\nlines' }],
    directories: [{ path: '/srv/media', sizeBytes: 5 * GIB, isWhole: true }],
  });
  const { context, admin, viewer } = rig as typeof rig & { viewer?: typeof admin };
  await runCoverageRound(context);
  const { rows } = await listFindings(context, admin, {}, { limit: 50 });
  const find = (name: string) => rows.find((row) => row.name === name)?.id ?? assert.fail(name);
  const made = await adoptFinding(context, admin, find(HOSTILE));
  assert.equal(made.config['database'], HOSTILE);
  assert.equal(made.config['host'], '127.0.0.1');
  await assert.rejects(adoptFinding(context, admin, find('two\nlines')), { code: 'invalid' });
  assert.deepEqual(Object.keys(made.secrets), ['password']);
  const files = await adoptFinding(context, admin, find('/srv/media'), { tested: true });
  assert.equal(rig.questions.at(-1), 'source.test');
  assert.deepEqual(files.config['paths'], ['/srv/media']);
  await assert.rejects(adoptFinding(context, admin, find('/srv/media')), { code: 'not_found' });
  const scratch = find('scratch');
  await assert.rejects(ignoreFinding(context, admin, scratch, '  '), { code: 'invalid' });
  const readOnly = { ...(viewer ?? admin), role: 'viewer' as const };
  await assert.rejects(ignoreFinding(context, readOnly, scratch, 'why not'), { code: 'forbidden' });
  await assert.rejects(adoptFinding(context, readOnly, scratch), { code: 'forbidden' });
  await ignoreFinding(context, admin, scratch, 'made anew each night');
  assert.deepEqual([await named(rig, false), await named(rig, true)], [['two\nlines'], ['scratch']]);
  await watchFinding(context, admin, scratch);
  assert.deepEqual(await named(rig, false), ['scratch', 'two\nlines']);
  const audit = await context.store.trail.listAudit(DEFAULT_TENANT, { target: scratch }, { limit: 10 });
  assert.deepEqual(audit.rows.map(({ action }) => action).sort(), ['coverage.ignored', 'coverage.watched']);
});
