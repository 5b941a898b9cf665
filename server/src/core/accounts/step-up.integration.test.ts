import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { Caller } from '../caller.ts';
import { type CatalogRig, openCatalogRig } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { announceHost, approveHost, createEnrolmentToken } from '../hosts/enrolment.ts';
import { revokeHost } from '../hosts/hosts.ts';
import { readInstallation, updateInstallation } from '../installation-settings.ts';
import { removeAdminCredential, setAdminCredential } from '../repositories/admin-credential.ts';
import { createRecoveryKey, removeRecoveryKey, setRecoveryKey } from '../repositories/recovery-key.ts';
import { deleteRepository, updateRepository } from '../repositories/repositories.ts';
import { startFileRestore } from '../restores/file-restores.ts';
import { startRestore } from '../restores/restores.ts';
import { createApiKey } from './api-keys.ts';
import { changePerson, createPerson, issuePasswordLink } from './people.ts';
import { findUnconfirmed } from './proof-age.ts';

type Act = (rig: CatalogRig, caller: Caller) => Promise<unknown>;

const admission = { name: 'web-9', tags: [] };
const credential = { config: { username: 'keeper' }, secrets: { restPassword: 'may-remove' } };

async function announce({ context }: CatalogRig) {
  const keys = { signingKey: context.crypto.makeSigningKeys().publicKey, sealingKey: context.crypto.makeSealingKeys().publicKey };
  return (await announceHost(context, { hostname: 'web-9', facts: factsOf('web-9'), ...keys }, '127.0.0.1')).announcement;
}

async function addRest(rig: CatalogRig) {
  return (await rig.addRepository('remote', 'rest')).id;
}

/** Each prepares what it needs as somebody whose proof is fresh. */
const CONFIRMED: Readonly<Record<string, (rig: CatalogRig) => Promise<Act>>> = {
  'approve a host': async (rig) => {
    const id = await announce(rig);
    return ({ context }, caller) => approveHost(context, caller, id, admission);
  },
  'make an enrolment token': async () => (rig, caller) =>
    createEnrolmentToken(rig.context, caller, { note: 'n', tags: [], paths: [], uses: 1, lifeMs: 1000 }),
  'revoke a host': async () => (rig, caller) => revokeHost(rig.context, caller, rig.host.id),
  'change how a repository is reached': async () => (rig, caller) =>
    updateRepository(rig.context, caller, rig.repository.id, { secrets: { password: 'another-one' } }),
  'delete a repository': async (rig) => {
    const id = await addRest(rig);
    return ({ context }, caller) => deleteRepository(context, caller, id);
  },
  'change a credential': async (rig) => {
    const id = await addRest(rig);
    return ({ context }, caller) => setAdminCredential(context, caller, id, credential);
  },
  'remove a credential': async (rig) => {
    const id = await addRest(rig);
    await setAdminCredential(rig.context, rig.admin, id, credential);
    return ({ context }, caller) => removeAdminCredential(context, caller, id);
  },
  'set the recovery key': async () => (rig, caller) =>
    setRecoveryKey(rig.context, caller, { recipient: rig.context.recovery.makeKey().recipient }),
  'remove the recovery key': async (rig) => {
    const { recipient } = await createRecoveryKey(rig.context, rig.admin, undefined);
    return ({ context }, caller) => removeRecoveryKey(context, caller, recipient);
  },
  'make an API key': async () => (rig, caller) => createApiKey(rig.context, caller, { name: 'script' }),
  'add a person': async () => (rig, caller) => createPerson(rig.context, caller, { name: 'grace', role: 'viewer' }),
  'make a link that sets a password': async (rig) => {
    const { user } = await createPerson(rig.context, rig.admin, { name: 'grace', role: 'viewer' });
    return ({ context }, caller) => issuePasswordLink(context, caller, user.id);
  },
  'change what a person may do': async (rig) => {
    const { user } = await createPerson(rig.context, rig.admin, { name: 'grace', role: 'viewer' });
    return ({ context }, caller) => changePerson(context, caller, user.id, { role: 'operator' });
  },
  'change when sessions confirm': async () => (rig, caller) => updateInstallation(rig.context, caller, { confirmAfterMin: 720 }),
  'restore over what is there': async (rig) => {
    const snapshot = await rig.reportBackup(rig.source, rig.repository, 'succeeded');
    const facts = { ...factsOf('db-1'), capabilities: [...AGENT_CAPABILITIES] };
    await rig.context.store.hosts.recordContact(rig.host.id, { at: rig.clock.now(), facts });
    return ({ context, host, source }, caller) =>
      startRestore(context, caller, {
        snapshot,
        host: host.id,
        target: { kind: 'database', source: source.id, database: 'shop', mode: 'replace' },
        understood: true,
        databaseName: 'shop',
      });
  },
};

const signedIn = ({ admin, clock }: CatalogRig, agoMs: number): Caller => ({ ...admin, provenAt: clock.now() - agoMs });
const isFor = (what: string) => (thrown: unknown) => findUnconfirmed(thrown) === what;

describe('An act that asks who it is', () => {
  for (const [what, prepare] of Object.entries(CONFIRMED)) {
    it(`${what}: is refused to a session that proved it too long ago, changes nothing, and is done for one that just did`, async (t) => {
      const rig = await openCatalogRig(t);
      const act = await prepare(rig);
      const count = async () => (await rig.context.store.trail.listAudit(rig.admin.tenant, {}, { limit: 200 })).rows.length;
      const before = await count();
      await assert.rejects(act(rig, signedIn(rig, 10 * MINUTE_MS + 1)), isFor(what));
      assert.equal(await count(), before);
      await act(rig, signedIn(rig, 10 * MINUTE_MS));
      assert.ok((await count()) > before);
    });
  }

  it('asks nobody who has no session: a program with its key, and who sits at the server', async (t) => {
    const rig = await openCatalogRig(t);
    await createApiKey(rig.context, rig.admin, { name: 'script' });
  });

  it('asks in place too, and for nothing that stands beside what is there', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, host, files, repository } = rig;
    const snapshot = await rig.reportBackup(files, repository, 'succeeded');
    const facts = { ...factsOf('db-1'), capabilities: [...AGENT_CAPABILITIES] };
    await context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts });
    const stale = signedIn(rig, 60 * MINUTE_MS);
    const target = { kind: 'in_place' as const, paths: ['/etc/app'] };
    const inPlace = startFileRestore(context, stale, { snapshot, host: host.id, target, hostName: 'db-1' });
    await assert.rejects(inPlace, isFor('restore over what is there'));
    await startRestore(context, stale, { snapshot, host: host.id, target: { kind: 'directory', path: '/restore/here' } });
    await updateRepository(context, stale, repository.id, { name: 'another name' });
  });

  it('asks after as many minutes as the installation says', async (t) => {
    const rig = await openCatalogRig(t);
    await updateInstallation(rig.context, rig.admin, { confirmAfterMin: 2 });
    assert.equal((await readInstallation(rig.context)).confirmAfterMin, 2);
    const make = (agoMs: number) => createApiKey(rig.context, signedIn(rig, agoMs), { name: 'script' });
    await make(2 * MINUTE_MS);
    await assert.rejects(make(2 * MINUTE_MS + 1), { code: 'forbidden', message: /more than 2 minutes ago/ });
    for (const confirmAfterMin of [0, 721, 1.5])
      await assert.rejects(updateInstallation(rig.context, rig.admin, { confirmAfterMin }), { code: 'invalid' });
  });
});
