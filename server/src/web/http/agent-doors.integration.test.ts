import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { signAnnounceClaim } from '@holdfast/shared/crypto/proof.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { ENROLMENT } from '@holdfast/shared/limits.ts';
import { announceReplySchema, claimReplySchema, wireErrorSchema } from '@holdfast/shared/protocol/messages.ts';
import { createCliCaller } from '../../core/accounts/accounts.ts';
import { approveHost } from '../../core/hosts/enrolment.ts';
import { type ServedApp, type ServedOptions, serveApp } from './fixtures/served-app.ts';

let served: ServedApp;
const start = async (options: ServedOptions = {}) => {
  served = await serveApp(options);
};
beforeEach(() => start());
afterEach(() => served.close());

function describeHost(hostname: string) {
  const { crypto } = served.context;
  const signing = crypto.makeSigningKeys();
  const sealing = crypto.makeSealingKeys();
  const facts = {
    hostname,
    os: 'Debian 12',
    arch: 'x64',
    kernel: '6.1',
    cpus: 2,
    memoryBytes: 1,
    agentVersion: '0.1.0',
    zone: 'UTC',
    bootedAt: 1,
    pdeathsig: true,
  };
  return { signing, sealing, body: { hostname, facts, signingKey: signing.publicKey, sealingKey: sealing.publicKey } };
}

describe('A host that announces itself', () => {
  it('is pending, and gets its sealed token once it is approved and proves its keys', async () => {
    const host = describeHost('db-1');
    const announced = await served.ask('/api/agents/announce', { json: host.body });
    assert.equal(announced.status, 201);
    assert.equal(announced.headers['cache-control'], 'no-store');
    const reply = announceReplySchema.parse(announced.json());
    const claim = (nonce: string, secretKey = host.signing.secretKey) => {
      const about = { serverKey: reply.serverKey, nonce, signingKey: host.body.signingKey, sealingKey: host.body.sealingKey };
      const proof = signAnnounceClaim(served.context.crypto, secretKey, about);
      return served.ask(`/api/agents/announcements/${reply.announcement}/claim`, { json: { proof } });
    };
    const other = describeHost('db-1');
    const forged = await claim(reply.nonce, other.signing.secretKey);
    assert.equal(forged.status, 401);
    assert.equal(wireErrorSchema.parse(forged.json()).code, 'unauthenticated');
    const pending = claimReplySchema.parse((await claim(reply.nonce)).json());
    assert.equal(pending.state, 'pending');
    await approveHost(served.context, createCliCaller('test'), reply.announcement, { name: 'db-1', tags: [] });
    const approved = claimReplySchema.parse((await claim(pending.state === 'pending' ? pending.nonce : '')).json());
    assert.equal(approved.state, 'approved');
  });

  it('is refused by name for what does not belong in its announcement', async () => {
    const { body } = describeHost('db-1');
    const unknown = await served.ask('/api/agents/announce', { json: { ...body, admin: true } });
    assert.equal(unknown.status, 400);
    assert.match(wireErrorSchema.parse(unknown.json()).message, /admin: unknown field/);
    const { hostname: _, ...nameless } = body;
    assert.equal((await served.ask('/api/agents/announce', { json: nameless })).status, 400);
    assert.equal((await served.ask('/api/agents/announce', { body: '{"a":', method: 'POST' })).status, 400);
    assert.equal((await served.ask('/api/agents/announce', { method: 'POST' })).status, 400);
    const text = await served.ask('/api/agents/announce', {
      body: JSON.stringify(body),
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
    });
    assert.equal(text.status, 415);
    assert.equal((await served.context.store.hosts.listPending(DEFAULT_TENANT, served.clock.now())).length, 0);
  });

  it('may do so only so often from one address', async () => {
    for (let n = 0; n < ENROLMENT.announcementsPerMinutePerAddress; n += 1) {
      assert.equal((await served.ask('/api/agents/announce', { json: describeHost(`db-${n}`).body })).status, 201);
    }
    const refused = await served.ask('/api/agents/announce', { json: describeHost('one-too-many').body });
    assert.equal(refused.status, 429);
    assert.match(String(refused.headers['retry-after']), /^[1-9]\d?$/);
    assert.equal(wireErrorSchema.parse(refused.json()).retry, 'later');
  });

  it('waits among so many others at most', async () => {
    await served.close();
    await start({ limits: { announcementsPerMinute: 10_000 } });
    for (let n = 0; n < ENROLMENT.pendingAnnouncements; n += 1) {
      assert.equal((await served.ask('/api/agents/announce', { json: describeHost(`db-${n}`).body })).status, 201);
    }
    const refused = await served.ask('/api/agents/announce', { json: describeHost('one-too-many').body });
    assert.equal(refused.status, 429);
    assert.equal(wireErrorSchema.parse(refused.json()).code, 'limit');
  });

  it('learns nothing about an announcement by guessing its id', async () => {
    for (const id of ['ann_0', 'x', '..%2f..%2flogin', 'ann_%00']) {
      const answer = await served.ask(`/api/agents/announcements/${id}/claim`, { json: { proof: 'A'.repeat(86) } });
      assert.ok([400, 404].includes(answer.status), `${id}: ${answer.status}`);
      wireErrorSchema.parse(answer.json());
    }
  });
});
