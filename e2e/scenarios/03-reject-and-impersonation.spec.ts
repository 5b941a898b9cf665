import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ApiAuditRow, ApiHost, ApiPending } from '../harness/api.ts';
import { confirmAct, expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { normalizeFingerprint, type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

test.beforeEach(async () => {
  stack = await startStack();
});
test.afterEach(async ({ browserName: _ }, info) => finishStack(stack, info));

const readRawKey = (key: KeyObject): string => String(key.export({ format: 'jwk' })['x']);

/** Announces a machine that does not exist, under fresh keys; gives the status. */
async function announce(hostname: string): Promise<number> {
  const facts = {
    ...{ hostname, os: 'Debian GNU/Linux 12', arch: 'x64', kernel: '6.1', cpus: 2, memoryBytes: 1e9, agentVersion: '0.1.0' },
    ...{ zone: 'UTC', bootedAt: Date.now() - 60_000, pdeathsig: true },
  };
  const signingKey = readRawKey(generateKeyPairSync('ed25519').publicKey);
  const sealingKey = readRawKey(generateKeyPairSync('x25519').publicKey);
  const response = await fetch(`${stack.server.url}/api/agents/announce`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hostname, facts, signingKey, sealingKey }),
  });
  await response.text();
  return response.status;
}

test('of two machines with one name only the approved key gets in; the other is flagged, then told no', async ({ page }) => {
  const real = await stack.startAgent('real');
  const realWords = normalizeFingerprint(await real.awaitFingerprint());
  await real.awaitLog(/announced; waiting/);
  const fake = await stack.startAgent('fake');
  const fakeWords = normalizeFingerprint(await fake.awaitFingerprint());
  await fake.awaitLog(/announced; waiting/);
  expect(fakeWords).not.toBe(realWords);
  await signIn(page, stack.server.url, stack.admin, '/hosts');
  const panelOf = (words: string) =>
    page
      .getByRole('region')
      .or(page.locator('section'))
      .filter({
        has: page.getByRole('list', { name: 'Fingerprint' }).filter({ hasText: new RegExp(words.split(' ').join('\\s*'), 'i') }),
      })
      .last();

  await test.step('both wait, and both carry the warning about the name', async () => {
    await expect(page.getByRole('heading', { level: 1 })).toContainText('2 hosts wait for your approval');
    for (const words of [realWords, fakeWords])
      await expect(panelOf(words)).toContainText(/Another machine that waits calls itself/);
    await expectAccessible(page);
  });

  await test.step('approving one lets in that key and no other', async () => {
    await panelOf(realWords).getByRole('button', { name: 'Approve' }).click();
    await real.awaitLog(/"msg":"connected"/, 5000);
    const hosts = await stack.api.get<readonly ApiHost[]>('/hosts');
    expect(hosts.map((host) => normalizeFingerprint(host.fingerprint))).toEqual([realWords]);
    const pending = await stack.api.get<readonly ApiPending[]>('/hosts/pending');
    expect(pending.map((one) => [normalizeFingerprint(one.fingerprint), one.nameTaken])).toEqual([[fakeWords, true]]);
    expect(fake.readLog()).not.toContain('connected');
    await page.goto(`${stack.server.url}/hosts`);
    await expect(page.getByRole('heading', { level: 1 })).toContainText('1 host waits for your approval');
    await expect(panelOf(fakeWords)).toContainText(/already named/);
  });

  await test.step('rejected: the agent prints the reason and ends', async () => {
    const opener = panelOf(fakeWords).getByRole('button', { name: 'Reject…' });
    await opener.click();
    await page.getByRole('dialog').filter({ visible: true }).getByLabel('Reason').fill('not one of ours');
    await page.keyboard.press('Escape');
    await confirmAct(opener, 'Reject');
    expect((await fake.exited()).code).toBe(3);
    expect(fake.readLog()).toMatch(/rejected by the operator: not one of ours/);
    await waitFor(
      'no host to wait',
      async () => ((await stack.api.get<readonly ApiPending[]>('/hosts/pending')).length === 0 ? true : undefined),
      { deadlineMs: 2000 },
    );
    const actions = (await stack.api.get<readonly ApiAuditRow[]>('/audit')).map((row) => row.action);
    expect(actions).toEqual(expect.arrayContaining(['host.approved', 'host.rejected']));
  });

  await test.step('the no is shown while it stands, and waits again when it is taken back', async () => {
    await page.goto(`${stack.server.url}/hosts`);
    const rejected = page.locator('#rejected-hosts');
    await expect(rejected).toContainText('Its agent was told: not one of ours.');
    await expectAccessible(page);
    await takePicture(page, 'rejected-host');
    await rejected.getByRole('button', { name: 'Take back' }).click();
    await expect(page.getByRole('heading', { name: 'wants to join' })).toBeVisible();
    await expect(rejected).toHaveCount(0);
    const [again] = await stack.api.get<readonly ApiPending[]>('/hosts/pending');
    await stack.api.post(`/hosts/pending/${again?.id}/reject`, { message: 'no' });
  });

  await test.step('the eleventh announcement of a minute from one address is refused', async () => {
    const statuses: number[] = [];
    // Two were used by the agents.
    for (let count = 3; count <= 11; count += 1) statuses.push(await announce(`made-up-${count}`));
    expect(statuses).toEqual([...Array.from({ length: 8 }, () => 201), 429]);
    expect((await fetch(`${stack.server.url}/healthz`)).status).toBe(200);
  });
});
