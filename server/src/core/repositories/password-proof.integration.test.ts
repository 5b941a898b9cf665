import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import { REQUESTS, type RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { openCatalogRig, SECRETS } from '../fixtures/catalog-rig.ts';
import { judgePassword, provePassword } from './password-proof.ts';
import { readRecoveryKit, readRecoverySheet } from './recovery-sheet.ts';
import { formatRecoverySheet } from './recovery-text.ts';
import { getRepository, updateRepository } from './repositories.ts';

const ENGINE_ID = 'e'.repeat(64);
const READY = { state: 'ready', message: 'opens', engineId: ENGINE_ID, latencyMs: 5 } as const;

/** A repository that a host opened, and a host that opens it with what it is sent. */
async function openRig(t: TestContext) {
  const rig = await openCatalogRig(t);
  const { context, admin, host, repository } = rig;
  await context.store.repositories.pinEngineId(admin.tenant, repository.id, ENGINE_ID, host.id);
  const answers: RequestResult<'repository.test'>[] = [];
  const sent: { password: string | undefined; pinnedId: string | undefined }[] = [];
  rig.connect(host.id, (type, body) => {
    assert.equal(type, 'repository.test');
    const { ref, draft, pinnedId } = REQUESTS['repository.test'].body.parse(body);
    assert.ok(draft.secrets);
    const binding = { host: host.id, purpose: 'request' as const, ref, version: 1 };
    const { values } = openSealed(context.crypto, host.sealing, context.identity.publicKey, binding, draft.secrets);
    sent.push({ password: values['password'], pinnedId });
    return answers.shift() ?? READY;
  });
  const prove = (password: string) => provePassword(context, admin, repository.id, { host: host.id, password });
  const read = () => getRepository(context, admin, repository.id);
  const listActs = async () => (await context.store.trail.listAudit(admin.tenant, { target: repository.id }, { limit: 50 })).rows;
  return { ...rig, answers, sent, prove, read, listActs };
}

describe('The proof that a password is kept elsewhere', () => {
  it('is that the host opens the pinned repository with what was typed, and it is kept nowhere', async (t) => {
    const rig = await openRig(t);
    const { admin, host } = rig;
    const proven = await rig.prove('from a paper');
    assert.deepEqual(rig.sent, [{ password: 'from a paper', pinnedId: ENGINE_ID }]);
    assert.deepEqual(proven, { at: rig.clock.now(), by: admin.actor.name, host: host.id });
    assert.deepEqual((await rig.read()).passwordProof, proven);
    const acts = await rig.listActs();
    assert.ok(acts.some(({ action }) => action === 'repository.password_proven'));
    assert.ok(!JSON.stringify([acts, proven, rig.logged, rig.published]).includes('from a paper'));
    rig.clock.advance(MAINTENANCE.passwordProvenMs + 1);
    assert.equal(judgePassword(await rig.read(), rig.clock.now()), 'old');
  });

  it('is none where the password is refused or empty, or the host cannot tell', async (t) => {
    const rig = await openRig(t);
    const failed = { state: 'failed', message: 'no', latencyMs: 5 } as const;
    rig.answers.push({ ...failed, reason: 'repository_password' }, { ...failed, reason: 'repository_unreachable' });
    await assert.rejects(rig.prove('wrong'), { code: 'invalid' });
    await assert.rejects(rig.prove('right'), { code: 'tool_failed' });
    for (const empty of ['', '\n', '  ']) await assert.rejects(rig.prove(empty), { code: 'invalid' });
    assert.equal(rig.sent.length, 2, 'an empty one would have been the stored one');
    assert.equal((await rig.read()).passwordProof, undefined);
    const acts = (await rig.listActs()).map(({ action }) => action);
    assert.deepEqual([acts.includes('repository.password_refused'), acts.includes('repository.password_proven')], [true, false]);
    const question = { host: rig.host.id, password: 'right' };
    await assert.rejects(provePassword(rig.context, rig.viewer, rig.repository.id, question), { code: 'forbidden' });
  });

  it('stays over other changes, and goes with the password it was of', async (t) => {
    const rig = await openRig(t);
    const { context, admin, repository } = rig;
    await rig.prove('from a paper');
    await updateRepository(context, admin, repository.id, { name: 'renamed', secrets: { password: SECRETS.repository } });
    assert.ok((await rig.read()).passwordProof);
    await updateRepository(context, admin, repository.id, { secrets: { password: 'another one' } });
    assert.equal((await rig.read()).passwordProof, undefined);
  });

  it('is not kept of a repository that was changed while the host tried', async (t) => {
    const rig = await openRig(t);
    const { context, admin, repository, host } = rig;
    const session = rig.connect(host.id, async () => {
      await updateRepository(context, admin, repository.id, { secrets: { password: 'another one' } });
      return READY;
    });
    assert.ok(session);
    await assert.rejects(rig.prove('from a paper'), { code: 'conflict' });
    assert.equal((await rig.read()).passwordProof, undefined);
  });
});

describe('The recovery sheet', () => {
  it('says how each repository is opened and what lies in it, with a word in place of each secret', async (t) => {
    const rig = await openRig(t);
    const { context, viewer, source, files, repository } = rig;
    await rig.addRepository('off-site', 'rest');
    await rig.reportBackup(source, repository, 'succeeded');
    const sheet = await readRecoverySheet(context, viewer);
    assert.deepEqual(
      sheet.repositories.map(({ name, password, sources }) => [name, password, sources.map(({ id }) => id)]),
      [
        ['local', 'never', [files.id, source.id]],
        ['off-site', 'unopened', []],
      ],
    );
    const text = formatRecoverySheet(sheet);
    assert.match(text, /Address: {3}\/var\/backups\/local, on the disk of db-1/);
    assert.match(text, /\nPASSWORD\nEND\n/);
    assert.match(text, /\nrestic restore ID --target \/restored --verify\n/);
    assert.match(text, /Password, or where it is kept: _+/);
    assert.ok(!text.includes(SECRETS.repository));
    const one = await readRecoverySheet(context, viewer, [repository.id]);
    assert.equal(one.repositories.length, 1);
  });

  it('has the secrets themselves on the console of the server alone, and says so in the audit', async (t) => {
    const rig = await openRig(t);
    const { context, admin, operator } = rig;
    await assert.rejects(readRecoveryKit(context, operator), { code: 'forbidden' });
    const text = formatRecoverySheet(await readRecoveryKit(context, admin));
    assert.match(text, new RegExp(`\\n${SECRETS.repository}\\nEND\\n`));
    const { rows } = await context.store.trail.listAudit(admin.tenant, { action: 'recovery_kit.printed' }, { limit: 1 });
    assert.deepEqual(rows[0]?.change, { repositories: ['local'] });
    assert.ok(!JSON.stringify(rows).includes(SECRETS.repository));
  });
});
