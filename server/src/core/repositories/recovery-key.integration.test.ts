import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { MAINTENANCE, RECOVERY } from '@holdfast/shared/limits.ts';
import { openCatalogRig, SECRETS } from '../fixtures/catalog-rig.ts';
import { judgePassword } from './password-proof.ts';
import { createRecoveryRound } from './recovery-copies.ts';
import {
  askForRecoveryCode,
  createRecoveryKey,
  findRecoveryKey,
  proveRecoveryKey,
  removeRecoveryKey,
  sealRecoveryKit,
  setRecoveryKey,
} from './recovery-key.ts';
import { readRecoverySheet } from './recovery-sheet.ts';
import { formatRecoverySheet } from './recovery-text.ts';
import { deleteRepository, getRepository, updateRepository } from './repositories.ts';

const ENGINE_ID = 'e'.repeat(64);

/** A catalogue with a recovery key, whose identity the test has and the server has not. */
async function openRig(t: TestContext) {
  const rig = await openCatalogRig(t);
  const { context, admin, repository, host } = rig;
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-recovery-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const key = context.recovery.makeKey();
  const keyFile = join(folder, 'key.txt');
  await writeFile(keyFile, `${key.identity}\n`, { mode: 0o600 });
  const opened = (sealed: string) =>
    new Promise<string>((resolve, reject) => {
      const child = execFile('age', ['-d', '-i', keyFile], (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
      child.stdin?.end(sealed);
    });
  const readCopy = async (id = repository.id) => (await context.store.recovery.findRecoveryCopies(admin.tenant, [id]))[0];
  const readSpecVersion = async () => (await context.store.hosts.findHost(admin.tenant, host.id))?.specVersion;
  const listActs = async () =>
    (await context.store.trail.listAudit(admin.tenant, { target: 'recovery_key' }, { limit: 50 })).rows.map(
      ({ action }) => action,
    );
  const set = () => setRecoveryKey(context, admin, { recipient: key.recipient });
  return { ...rig, key, set, opened, readCopy, readSpecVersion, listActs };
}

describe('The recovery key', () => {
  it('is set once the repositories are sealed to it, and the copy opens with age and holds what opens the repository', async (t) => {
    const rig = await openRig(t);
    const { context, admin, viewer, repository } = rig;
    assert.equal(await findRecoveryKey(context, viewer), undefined);
    const before = await rig.readSpecVersion();
    const view = await rig.set();
    assert.deepEqual([view.standing, view.repositories, view.sealed], ['never', 1, 1]);
    const copy = await rig.readCopy();
    const text = await rig.opened(copy?.sealed ?? '');
    assert.match(text, new RegExp(`\\n${SECRETS.repository}\\nEND\\n`));
    assert.match(text, /Address: {3}\/var\/backups\/local\n/);
    assert.ok(!text.includes('db-1/'), 'nothing of sources, which change more often');
    assert.ok(((await rig.readSpecVersion()) ?? 0) > (before ?? 0), 'hosts are told');
    assert.deepEqual((await getRepository(context, admin, repository.id)).sealedCopy, { madeAt: rig.clock.now() });
    assert.match(formatRecoverySheet(await readRecoverySheet(context, viewer)), new RegExp(`Recovery key: ${rig.key.recipient}`));
  });

  it('is refused where it is none, or the secret half, which no message says again', async (t) => {
    const rig = await openRig(t);
    const { context, admin, operator } = rig;
    const fails = async (recipient: string) => {
      const error = await setRecoveryKey(context, admin, { recipient }).then(
        () => assert.fail('it was taken'),
        (thrown: { code: string; message: string; details: object }) => thrown,
      );
      assert.equal(error.code, 'invalid');
      return JSON.stringify([error.message, error.details]);
    };
    const said = await fails(rig.key.identity);
    assert.match(said, /the secret half/);
    assert.ok(!said.includes(rig.key.identity));
    await fails(`${rig.key.recipient.slice(0, -1)}q`);
    await assert.rejects(setRecoveryKey(context, operator, { recipient: rig.key.recipient }), { code: 'forbidden' });
    assert.deepEqual(await rig.listActs(), []);
  });

  it('gives way to another one that names it; then every copy is for the new one, and nothing is proven any more', async (t) => {
    const rig = await openRig(t);
    const { context, admin } = rig;
    await rig.set();
    await context.store.recovery.proveRecoveryKey(admin.tenant, rig.key.recipient, { at: rig.clock.now(), by: 'ada' });
    const first = await rig.readCopy();
    await assert.rejects(createRecoveryKey(context, admin, undefined), { code: 'conflict' });
    const made = await createRecoveryKey(context, admin, rig.key.recipient);
    const second = await rig.readCopy();
    assert.deepEqual([first?.recipient, second?.recipient], [rig.key.recipient, made.recipient]);
    assert.equal((await findRecoveryKey(context, admin))?.standing, 'never');
    const { rows } = await context.store.trail.listAudit(admin.tenant, {}, { limit: 200 });
    assert.ok(!JSON.stringify([rows, rig.logged, rig.published]).includes('AGE-SECRET-KEY'));
    assert.deepEqual(await rig.listActs(), ['recovery_key.set', 'recovery_key.set']);
  });

  it('is removed with every copy, and hosts are told', async (t) => {
    const rig = await openRig(t);
    const { context, admin } = rig;
    await rig.set();
    await assert.rejects(removeRecoveryKey(context, admin, 'age1other'), { code: 'conflict' });
    const before = await rig.readSpecVersion();
    await removeRecoveryKey(context, admin, rig.key.recipient);
    assert.equal(await rig.readCopy(), undefined);
    assert.equal(await findRecoveryKey(context, admin), undefined);
    assert.ok(((await rig.readSpecVersion()) ?? 0) > (before ?? 0));
  });
});

describe('A sealed copy', () => {
  it('is made with the repository, and anew when its secrets, address, name or id of restic change, and for nothing else', async (t) => {
    const rig = await openRig(t);
    const { context, admin } = rig;
    await rig.set();
    const made = await rig.addRepository('off-site', 'rest');
    const seen: string[] = [];
    const note = async () => void seen.push((await rig.readCopy(made.id))?.sealed ?? 'none');
    await note();
    await updateRepository(context, admin, made.id, { runsAtOnce: 2 });
    await note();
    await updateRepository(context, admin, made.id, { name: 'far away' });
    await note();
    await updateRepository(context, admin, made.id, { secrets: { password: 'another password' } });
    await note();
    assert.deepEqual(
      seen.map((sealed) => seen.indexOf(sealed)),
      [0, 0, 2, 3],
    );
    assert.match(await rig.opened(seen[3] ?? ''), /\nanother password\nEND\n/);
    assert.equal((await findRecoveryKey(context, admin))?.sealed, 2, 'each is a copy of what the repository is now');
    await deleteRepository(context, admin, made.id);
    assert.equal(await rig.readCopy(made.id), undefined);
  });

  it('that is missing or old is made by the next round; one that cannot be made is logged once and keeps nothing from the others', async (t) => {
    const rig = await openRig(t);
    const { context, admin, repository, host } = rig;
    const broken = await rig.addRepository('a broken one');
    const stored = await getRepository(context, admin, broken.id);
    const other = context.cipher.encryptField({ tenant: admin.tenant, table: 'sources', row: 'x', field: 'password' }, 'x');
    await context.store.repositories.updateRepository({ ...stored, secrets: { password: other }, version: 2 }, 1);
    const round = createRecoveryRound(context, admin.tenant);
    await round();
    assert.equal(await rig.readCopy(), undefined, 'there is no key');
    await rig.set();
    const first = await rig.readCopy();
    await context.store.repositories.pinEngineId(admin.tenant, repository.id, ENGINE_ID, host.id);
    assert.equal((await getRepository(context, admin, repository.id)).sealedCopy, undefined);
    rig.logged.length = 0;
    await round();
    await round();
    assert.notEqual((await rig.readCopy())?.sealed, first?.sealed);
    assert.match(await rig.opened((await rig.readCopy())?.sealed ?? ''), /on the disk of db-1\nrestic id: e{64}\n/);
    assert.equal(await rig.readCopy(broken.id), undefined);
    assert.equal(rig.logged.filter((line) => line.includes('cannot be sealed')).length, 1);
    assert.ok(!JSON.stringify(rig.logged).includes(SECRETS.repository));
  });

  it('is looked at once after a start, and made anew where what stands in it would be another', async (t) => {
    const rig = await openRig(t);
    const { context, admin, repository } = rig;
    await rig.set();
    const before = await rig.readCopy();
    assert.ok(before);
    await context.store.recovery.putRecoveryCopy({ ...before, mark: 'of another release', sealed: 'older words' });
    await createRecoveryRound(context, admin.tenant)();
    const after = await rig.readCopy(repository.id);
    assert.equal(after?.mark, before.mark);
    assert.match(await rig.opened(after.sealed), /Recovery copy of one repository/);
  });
});

describe('The proof of the recovery key', () => {
  it('is the code that was sealed to it, typed back; every repository sealed to it is then proven for a quarter', async (t) => {
    const rig = await openRig(t);
    const { context, admin, viewer, repository, host } = rig;
    await context.store.repositories.pinEngineId(admin.tenant, repository.id, ENGINE_ID, host.id);
    await rig.set();
    const judge = async () => judgePassword(await getRepository(context, admin, repository.id), rig.clock.now());
    assert.equal(await judge(), 'never');
    const asked = await askForRecoveryCode(context, admin);
    const code = await rig.opened(asked.sealed);
    assert.match(code, /^[A-Z2-9]{5}(-[A-Z2-9]{5}){5}\n$/);
    const proof = await proveRecoveryKey(context, admin, ` ${code.toLowerCase().replaceAll('-', ' ')} `);
    assert.deepEqual(proof, { at: rig.clock.now(), by: admin.actor.name });
    assert.equal(await judge(), 'proven');
    const sheet = await readRecoverySheet(context, viewer);
    assert.match(formatRecoverySheet(sheet), /proven on .* by admin, with the recovery key\nSealed: {4}/);
    await assert.rejects(proveRecoveryKey(context, admin, code), { code: 'precondition' }, 'a code serves once');
    const { rows } = await context.store.trail.listAudit(admin.tenant, {}, { limit: 200 });
    assert.ok(!JSON.stringify([rows, rig.logged, rig.published]).includes(code.trim()));
    rig.clock.advance(MAINTENANCE.passwordProvenMs + 1);
    assert.equal(await judge(), 'old');
  });

  it('is none for a wrong code, after five of them, after half an hour, or without a key', async (t) => {
    const rig = await openRig(t);
    const { context, admin, operator } = rig;
    await assert.rejects(askForRecoveryCode(context, admin), { code: 'precondition' });
    await rig.set();
    await assert.rejects(askForRecoveryCode(context, operator), { code: 'forbidden' });
    const first = await rig.opened((await askForRecoveryCode(context, admin)).sealed);
    const second = await rig.opened((await askForRecoveryCode(context, admin)).sealed);
    for (let tries = 0; tries < RECOVERY.codeTries; tries += 1)
      await assert.rejects(proveRecoveryKey(context, admin, first), { code: 'invalid' });
    await assert.rejects(proveRecoveryKey(context, admin, second), { code: 'precondition' });
    const third = await rig.opened((await askForRecoveryCode(context, admin)).sealed);
    rig.clock.advance(RECOVERY.codeLifeMs);
    await assert.rejects(proveRecoveryKey(context, admin, third), { code: 'precondition' });
    assert.equal((await findRecoveryKey(context, admin))?.standing, 'never');
    assert.equal((await rig.listActs()).filter((action) => action === 'recovery_key.refused').length, RECOVERY.codeTries);
  });
});

describe('The whole kit', () => {
  it('is sealed to the key with sources and newest backups, for who may change settings, and that is in the audit', async (t) => {
    const rig = await openRig(t);
    const { context, admin, operator, source, repository } = rig;
    await assert.rejects(sealRecoveryKit(context, admin), { code: 'precondition' });
    await rig.reportBackup(source, repository, 'succeeded');
    await rig.set();
    const { sealed } = await sealRecoveryKit(context, admin);
    const text = await rig.opened(sealed);
    assert.match(text, new RegExp(`\\n${SECRETS.repository}\\nEND\\n`));
    assert.match(text, /db-1 \/ shop .*newest good backup/);
    await assert.rejects(sealRecoveryKit(context, operator), { code: 'forbidden' });
    const { rows } = await context.store.trail.listAudit(admin.tenant, { action: 'recovery_kit.sealed' }, { limit: 5 });
    assert.deepEqual(rows[0]?.change, { recipient: rig.key.recipient, repositories: ['local'] });
  });
});
