import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { request } from 'node:https';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApiHost } from '../harness/api.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type NginxHandle, startNginx } from './nginx.ts';

/** Longer than the guide's proxy leaves a silent connection alone. */
const QUIET_MS = 45_000;

const ELSEWHERE = '203.0.113.9';

let stack: Stack;
let proxy: NginxHandle;

before(async () => {
  stack = await startStack({ env: { HOLDFAST_TRUST_PROXY: '1' } });
  proxy = await startNginx(stack.directory, stack.server.url, [
    { timeoutS: 30 },
    // As a proxy on another machine, before visitors from elsewhere, would write it.
    { timeoutS: 8, change: (block) => block.replaceAll('$remote_addr', ELSEWHERE) },
    { timeoutS: 30, change: (block) => block.replace('proxy_set_header Upgrade $http_upgrade;', '') },
  ]);
});
after(async () => {
  await proxy?.stop();
  await stack?.stop();
});

const enrol = (name: string, front: number) =>
  stack.enrolHost(name, { serverUrl: proxy.urls[front] ?? '', env: { NODE_EXTRA_CA_CERTS: proxy.caFile } });

type Happening = { readonly at: number; readonly type: string };
type Doubled = { readonly claimants: readonly { readonly address?: string }[] };
type Beating = ApiHost & { readonly heartbeat?: { readonly at: number } };

const listKinds = async (host: ApiHost): Promise<readonly string[]> => {
  const all = await stack.api.get<readonly Happening[]>(`/hosts/${host.id}/happenings`);
  return all.map(({ type }) => type).filter((type) => type === 'host.connected' || type === 'host.disconnected');
};

/** A live page's stream through the proxy: what has arrived, and when the last of it did. */
function openStream(topics: string) {
  const seen = { text: '', lastAt: performance.now(), isEnded: false };
  const url = `${proxy.urls[0]}/api/v1/stream?topics=${topics}`;
  const headers = { authorization: `Bearer ${stack.api.key}` };
  const outgoing = request(url, { headers, ca: readFileSync(proxy.caFile) }, (response) => {
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      seen.text += part;
      seen.lastAt = performance.now();
    });
    response.on('close', () => {
      seen.isEnded = true;
    });
  });
  outgoing.on('error', () => {
    seen.isEnded = true;
  });
  outgoing.end();
  return { seen, close: () => outgoing.destroy() };
}

describe('A server behind nginx as the guide sets it up', { timeout: 180_000 }, () => {
  it('keeps idle hosts and live pages connected beyond the limit of the proxy, and what happens is on the page at once', async () => {
    const { host } = await enrol('behind', 0);
    const stream = openStream(`host:${host.id},hosts`);
    const startedAt = performance.now();
    const beats = async () => {
      const { heartbeat } = await stack.api.get<Beating>(`/hosts/${host.id}`);
      return performance.now() - startedAt > QUIET_MS && heartbeat !== undefined && Date.now() - heartbeat.at < 25_000
        ? true
        : undefined;
    };
    await waitFor('a heartbeat after a long quiet time', beats, { deadlineMs: QUIET_MS + 40_000, intervalMs: 500 });
    assert.deepEqual(await listKinds(host), ['host.connected']);
    assert.equal(stream.seen.isEnded, false);
    assert.match(stream.seen.text, /keep-alive/u);
    const before = stream.seen.text.length;
    const changedAt = performance.now();
    await stack.api.send('PATCH', `/hosts/${host.id}`, { name: 'behind nginx' });
    await waitFor('the change on the stream', async () => stream.seen.text.slice(before).includes('event:') || undefined, {
      deadlineMs: 5000,
    });
    assert.ok(stream.seen.lastAt - changedAt < 1000, `${stream.seen.lastAt - changedAt} ms`);
    stream.close();
  });
});

describe('A server behind a proxy that does not fit', { timeout: 120_000 }, () => {
  it('has hosts that come and go, as the guide says, when silent connections are cut too early', async () => {
    const { agent, host } = await enrol('flapping', 1);
    const twice = async () => ((await listKinds(host)).filter((type) => type === 'host.connected').length > 1 ? true : undefined);
    await waitFor('the host to come again', twice, { deadlineMs: 40_000, intervalMs: 200 });

    // Two machines of one identity are told apart by where they come from: past the proxy.
    const copied = join(stack.directory, 'copied-state');
    await cp(agent.stateDir, copied, { recursive: true, filter: (path) => basename(path) !== 'lock' });
    await stack.startAgent('copy', {
      serverUrl: proxy.urls[1] ?? '',
      env: { NODE_EXTRA_CA_CERTS: proxy.caFile, HOLDFAST_STATE_DIR: copied },
    });
    await stack.api.waitForHost(host.id, 'quarantined', 30_000);
    const { claimants } = await stack.api.get<Doubled>(`/hosts/${host.id}`);
    const addresses = claimants.flatMap(({ address }) => address ?? []);
    assert.deepEqual([...new Set(addresses)], [ELSEWHERE]);
  });

  it('has hosts that never come, and an agent that says why', async () => {
    const agent = await stack.startAgent('not upgraded', {
      serverUrl: proxy.urls[2] ?? '',
      env: { NODE_EXTRA_CA_CERTS: proxy.caFile },
    });
    await agent.awaitFingerprint();
    const [pending] = await waitFor(
      'the announcement',
      async () => {
        const waiting = await stack.api.get<readonly { id: string }[]>('/hosts/pending');
        return waiting.length > 0 ? waiting : undefined;
      },
      { deadlineMs: 15_000 },
    );
    await stack.api.post(`/hosts/pending/${pending?.id}/approve`, { name: 'not upgraded' });
    await agent.awaitLog(/the server answered 303; a proxy before it may not pass WebSockets/u, 20_000);
  });
});
