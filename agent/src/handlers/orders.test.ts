import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type SignedDocument, signDocument } from '@holdfast/shared/crypto/envelope.ts';
import { sealFor } from '@holdfast/shared/crypto/sealed.ts';
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { type AgentRig, HOST, openAgentRig, TOKENS } from '../session/fixtures/agent-rig.ts';

async function openEnrolled(t: Parameters<typeof openAgentRig>[0]): Promise<AgentRig> {
  const rig = await openAgentRig(t);
  await rig.trust('http://127.0.0.1:1');
  return rig;
}

const PLAN = 'plan_1' as PlanId;
const specOf = (version: number, change: object = {}) => ({
  tenant: 'ten_default',
  host: HOST,
  hostName: 'db-1',
  version,
  issuedAt: 1,
  concurrency: 3,
  sources: [{ id: 'src_1', name: 'etc', kind: 'files', config: { paths: ['/etc'] }, version: 1 }],
  repositories: [{ id: 'repo_1', name: 'r', kind: 'local', config: { path: '/r' }, version: 1 }],
  plans: [
    {
      id: PLAN,
      name: 'p',
      sourceIds: ['src_1'],
      repositoryId: 'repo_1',
      enabled: true,
      options: DEFAULT_PLAN_OPTIONS,
      effectiveFrom: 0,
    },
  ],
  ...change,
});
const sign = (rig: AgentRig, spec: object, keys = rig.serverKeys): SignedDocument => signDocument(rig.crypto, keys, 'spec', spec);
const put = async (rig: AgentRig, signed: SignedDocument, version: number) =>
  rig.handlers['spec.put']({ ...signed, version }, 'req_spec');

describe('A spec', () => {
  it('is believed when the pinned server signed it, and kept for the time without a server', async (t) => {
    const rig = await openEnrolled(t);
    const signed = sign(rig, specOf(3));
    assert.deepEqual(await put(rig, signed, 3), { version: 3 });
    assert.deepEqual(await put(rig, signed, 3), { version: 3 }, 'a repeat is harmless');
    assert.equal(rig.journal.spec.load()?.document, signed.document);
  });

  it('is refused when it is forged, changed, older, for another host, or not what its frame says', async (t) => {
    const rig = await openEnrolled(t);
    await put(rig, sign(rig, specOf(3)), 3);
    const good = sign(rig, specOf(4));
    const refused: [SignedDocument, number, string][] = [
      [sign(rig, specOf(4), rig.crypto.makeSigningKeys()), 4, 'integrity'],
      [{ ...good, document: good.document.replace('/etc', '/srv') }, 4, 'integrity'],
      [{ ...good, signature: 'A'.repeat(86) }, 4, 'integrity'],
      [sign(rig, specOf(4, { host: 'host_other' })), 4, 'integrity'],
      [good, 5, 'integrity'],
      [sign(rig, specOf(2)), 2, 'conflict'],
      [sign(rig, specOf(3, { concurrency: 9 })), 3, 'conflict'],
      [sign(rig, specOf(4, { plans: 'none' })), 4, 'invalid'],
    ];
    for (const [signed, version, code] of refused)
      await assert.rejects(put(rig, signed, version), { code }, signed.document.slice(0, 80));
    assert.deepEqual([rig.specs.length, rig.journal.spec.load()?.version], [1, 3]);
  });
});

describe('An order to run a plan', () => {
  const order = (rig: AgentRig): RequestBody<'run.start'> => ({
    run: 'run_1' as RunId,
    plan: PLAN,
    trigger: 'manual',
    requestedBy: 'ada',
    notAfter: rig.clock.now() + 60_000,
  });

  it('is carried out once, however often and however late it is repeated', async (t) => {
    const rig = await openEnrolled(t);
    await put(rig, sign(rig, specOf(1)), 1);
    const body = order(rig);
    assert.deepEqual(await rig.handlers['run.start'](body, 'req_1'), { run: 'run_1' });
    rig.clock.shift(3_600_000);
    assert.deepEqual(await rig.handlers['run.start'](body, 'req_1'), { run: 'run_1' });
    await rig.executor.drain();
    const anew = rig.beginAnew();
    assert.deepEqual(await anew.handlers['run.start'](body, 'req_1'), { run: 'run_1' }, 'also after a restart');
    await anew.executor.drain();
    const created = rig.journal.outbox.read(0, 100, 1_000_000).filter(({ event }) => event.type === 'run.created');
    assert.equal(created.length, 1);
  });

  it('is refused after its end, for a plan that is not here, and leaves nothing behind', async (t) => {
    const rig = await openEnrolled(t);
    const attempt = async (body: RequestBody<'run.start'>) => rig.handlers['run.start'](body, 'req_2');
    await assert.rejects(attempt({ ...order(rig), notAfter: rig.clock.now() - 1 }), {
      code: 'cancelled',
      details: { reason: 'expired' },
    });
    await assert.rejects(attempt(order(rig)), { code: 'not_found' });
    assert.equal(rig.journal.outbox.lastSeq(), 0);
  });
});

describe('A new token', () => {
  const rotate = async (rig: AgentRig, ref: string, token: string, keys = rig.serverKeys) => {
    const binding = { host: HOST, purpose: 'token' as const, ref, version: 7 };
    const sealed = sealFor(rig.crypto, rig.workbench.identity.sealing.publicKey, keys, binding, { token });
    return rig.handlers['token.rotate']({ sealed, version: 7 }, 'req_3');
  };

  it('is kept beside the old one, and believed only from the pinned server and for this use', async (t) => {
    const rig = await openEnrolled(t);
    await assert.rejects(rotate(rig, HOST, TOKENS.unknown, rig.crypto.makeSigningKeys()), { code: 'integrity' });
    await assert.rejects(rotate(rig, 'ann_1', TOKENS.unknown), { code: 'integrity' });
    assert.deepEqual(await rotate(rig, HOST, TOKENS.second), { accepted: true });
    assert.deepEqual(rig.credentials.listTokens(), [TOKENS.second, TOKENS.first]);
  });
});
