import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { signDocument } from '@holdfast/shared/crypto/envelope.ts';
import { sealFor } from '@holdfast/shared/crypto/sealed.ts';
import type { SecretsMode } from '@holdfast/shared/domain/plan.ts';
import { type AgentRig, HOST, openAgentRig } from '../session/fixtures/agent-rig.ts';

const REF = 'repo_1';

async function openHost(t: TestContext, mode: SecretsMode): Promise<AgentRig> {
  const rig = await openAgentRig(t);
  await rig.trust('http://127.0.0.1:9');
  putSpec(rig, 3, mode);
  return rig;
}

function putSpec(rig: AgentRig, version: number, secretsMode: SecretsMode) {
  const spec = {
    tenant: 'ten_default',
    host: HOST,
    hostName: 'db-1',
    version,
    issuedAt: 1,
    concurrency: 1,
    secretsMode,
    sources: [],
    repositories: [{ id: REF, name: 'disk', kind: 'local', config: { path: '/x' }, secretsApart: true, version: 1 }],
    plans: [],
  };
  const signed = signDocument(rig.crypto, rig.serverKeys, 'spec', spec);
  return rig.handlers['spec.put']({ ...signed, version }, `req_${version}`);
}

function makeItem(rig: AgentRig, keys = rig.serverKeys) {
  const binding = { host: HOST, purpose: 'repository' as const, ref: REF, version: 1 };
  const sealed = sealFor(rig.crypto, rig.workbench.identity.sealing.publicKey, keys, binding, { password: 'canary-5d1e' });
  return { purpose: 'repository' as const, ref: REF, version: 1, sealed };
}

const NAME = { purpose: 'repository' as const, ref: REF };

describe('secrets.put', () => {
  it('is held for the spec the host works by, or a newer one, and may be repeated', async (t) => {
    const rig = await openHost(t, 'just_in_time');
    for (const specVersion of [3, 3, 4])
      assert.deepEqual(await rig.handlers['secrets.put']({ specVersion, items: [makeItem(rig)] }, 'req_s'), { specVersion });
    assert.ok(rig.workbench.secrets.isHeld(NAME));
    assert.equal(rig.journal.orders.find('req_s'), undefined, 'the order book knows nothing of it');
    await rig.handlers['secrets.put']({ specVersion: 4, items: [] }, 'req_t');
    assert.equal(rig.workbench.secrets.isHeld(NAME), false);
  });

  it('is refused where it is older than the spec, not the server’s, or the host keeps its secrets; what is held stays', async (t) => {
    const rig = await openHost(t, 'just_in_time');
    await rig.handlers['secrets.put']({ specVersion: 3, items: [makeItem(rig)] }, 'req_s');
    const put = async (specVersion: number, item = makeItem(rig)) =>
      rig.handlers['secrets.put']({ specVersion, items: [item] }, 'req_u');
    await assert.rejects(put(2), { code: 'conflict' });
    await assert.rejects(put(3, makeItem(rig, rig.crypto.makeSigningKeys())), { code: 'integrity' });
    const broken = makeItem(rig);
    await assert.rejects(put(3, { ...broken, sealed: { ...broken.sealed, box: `A${broken.sealed.box}` } }), {
      code: 'integrity',
    });
    assert.ok(rig.workbench.secrets.isHeld(NAME));
    await putSpec(rig, 4, 'kept');
    assert.equal(rig.workbench.secrets.find(NAME), undefined, 'the mode changed');
    await assert.rejects(put(4), { code: 'precondition' });
  });
});
