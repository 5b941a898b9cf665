import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifyDocument } from '@holdfast/shared/crypto/envelope.ts';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { specSchema } from '@holdfast/shared/domain/plan.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { type CatalogRig, openCatalogRig, SECRETS } from '../fixtures/catalog-rig.ts';
import { factsOf } from '../fixtures/core-rig.ts';
import { createPlan } from '../plans/plans.ts';
import { createSource } from '../sources/sources.ts';
import { announceHost, approveHost } from './enrolment.ts';
import { updateHost } from './hosts.ts';
import { buildSecrets, buildSpec } from './spec.ts';
import { measureSpec } from './spec-size.ts';

const ABLE = { ...factsOf('db-1'), capabilities: ['secrets.put'] };

async function getRow(rig: CatalogRig) {
  const row = await rig.context.store.hosts.findHost(rig.admin.tenant, rig.host.id);
  assert.ok(row);
  return row;
}

/** The rig's host as one whose agent can do without keeping secrets. */
async function openAbleRig(t: Parameters<typeof openCatalogRig>[0]): Promise<CatalogRig> {
  const rig = await openCatalogRig(t);
  await rig.context.store.hosts.recordContact(rig.host.id, { at: rig.clock.now(), facts: ABLE });
  return rig;
}

const turnOff = (rig: CatalogRig) => updateHost(rig.context, rig.admin, rig.host.id, { secretsMode: 'just_in_time' });

describe('A host that keeps no secrets', () => {
  it('is told so by a spec that has none, not even sealed, and gets them apart, bound to it', async (t) => {
    const rig = await openAbleRig(t);
    const { context, host } = rig;
    const before = await getRow(rig);
    assert.equal((await turnOff(rig)).secretsMode, 'just_in_time');
    const row = await getRow(rig);
    assert.ok(row.specVersion > before.specVersion);

    const issued = await buildSpec(context, rig.admin.tenant, host.id);
    assert.ok(!issued.document.includes('"secrets"') && !issued.document.includes('"box"'));
    const spec = specSchema.parse(verifyDocument(context.crypto, context.identity.publicKey, 'spec', issued));
    assert.equal(spec.secretsMode, 'just_in_time');
    assert.deepEqual(spec.sources.map(({ name, secretsApart }) => [name, secretsApart]).sort(), [
      ['etc', undefined],
      ['shop', true],
    ]);
    assert.deepEqual(
      spec.repositories.map(({ secretsApart }) => secretsApart),
      [true],
    );

    const { specVersion, items } = await buildSecrets(context, row);
    assert.equal(specVersion, row.specVersion);
    const opened = items.map(({ purpose, ref, version, sealed }) => {
      const binding = { host: host.id, purpose, ref, version };
      return openSealed(context.crypto, host.sealing, context.identity.publicKey, binding, sealed).values['password'];
    });
    assert.deepEqual(opened, [SECRETS.database, SECRETS.repository]);
    const { rows } = await context.store.trail.listAudit(rig.admin.tenant, {}, { limit: 50 });
    assert.match(JSON.stringify(rows.find(({ action }) => action === 'host.updated')), /just_in_time/);
  });

  it('needs an agent that can, at its approval and later, and that is said of the field', async (t) => {
    const rig = await openCatalogRig(t);
    await assert.rejects(turnOff(rig), { code: 'precondition', message: /needs an agent that can: it runs version 0\.1\.0/ });
    assert.equal((await getRow(rig)).secretsMode, 'kept');
    const announce = (hostname: string, facts: typeof ABLE) => {
      const [signing, sealing] = [rig.context.crypto.makeSigningKeys(), rig.context.crypto.makeSealingKeys()];
      const keys = { signingKey: signing.publicKey, sealingKey: sealing.publicKey };
      return announceHost(rig.context, { hostname, facts, ...keys }, '127.0.0.1');
    };
    const admission = { name: 'x', tags: [], secretsMode: 'just_in_time' as const };
    const old = await announce('old', { ...ABLE, capabilities: [] });
    await assert.rejects(approveHost(rig.context, rig.admin, old.announcement, admission), { code: 'precondition' });
    const able = await announce('able', ABLE);
    assert.equal((await approveHost(rig.context, rig.admin, able.announcement, admission)).secretsMode, 'just_in_time');
  });

  it('has room in two frames, and keeps its secrets again only when they fit into one', async (t) => {
    const rig = await openAbleRig(t);
    const { context, admin } = rig;
    await turnOff(rig);
    const secrets = { password: 'x'.repeat(8000), clientKey: 'y'.repeat(8000), clientCert: 'z'.repeat(8000) };
    const added = [];
    for (let n = 0; n < 5; n += 1) {
      const paths = Array.from({ length: 6 }, (_, index) => `/${n}${index}/${'p'.repeat(4000)}`);
      const heavy = { host: rig.host.id, name: `files ${n}`, kind: 'files', config: { paths }, secrets: {} };
      added.push(await createSource(context, admin, heavy), await rig.addDatabase(rig.host, `db${n}`));
    }
    await createPlan(context, admin, { name: 'all', repository: rig.repository.id, sources: added.map(({ id }) => id) });
    const cipher = (row: string) =>
      Object.fromEntries(
        Object.entries(secrets).map(([field, value]) => [
          field,
          context.cipher.encryptField({ tenant: admin.tenant, table: 'sources', row, field }, value),
        ]),
      );
    for (const source of added.filter(({ kind }) => kind === 'postgres'))
      await context.store.sources.updateSource({ ...source, secrets: cipher(source.id), version: 2 }, 1);
    const row = await getRow(rig);
    const real = Math.max(
      Buffer.byteLength(JSON.stringify(await buildSpec(context, admin.tenant, rig.host.id))),
      Buffer.byteLength(JSON.stringify(await buildSecrets(context, row))),
    );
    const weighed = await measureSpec(context, row);
    assert.ok(weighed >= real && weighed < WIRE.frameBytes, `${weighed} for ${real}`);
    await assert.rejects(updateHost(context, admin, rig.host.id, { secretsMode: 'kept' }), { code: 'limit' });
    assert.equal((await getRow(rig)).secretsMode, 'just_in_time');
  });
});
