import type { AgentProcess } from '../harness/agent-process.ts';
import type { ApiAuditRow, ApiHost } from '../harness/api.ts';
import { confirmAct, expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { listTcpSockets } from '../harness/sockets.ts';
import { normalizeFingerprint, type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

test.beforeEach(async () => {
  stack = await startStack();
});
test.afterEach(async ({ browserName: _ }, info) => finishStack(stack, info));

/** Connections of the agent to the server's port. */
function countConnections(agent: AgentProcess): number {
  const port = Number(new URL(stack.server.url).port);
  return listTcpSockets(agent.pid()).filter((socket) => socket.state === 'established' && socket.remotePort === port).length;
}

test('a host is approved by its fingerprint, is online at once, and is thrown out within two seconds', async ({ page }) => {
  await signIn(page, stack.server.url, stack.admin, '/hosts/new');
  await expectAccessible(page);
  const agent = await stack.startAgent('db-1');
  const printed = normalizeFingerprint(await agent.awaitFingerprint());

  await test.step('the page shows the fingerprint that the agent printed, without a reload', async () => {
    const words = page.getByRole('list', { name: 'Fingerprint' });
    await expect(words).toBeVisible({ timeout: 5000 });
    expect((await words.getByRole('listitem').allInnerTexts()).join(' ').toLowerCase()).toBe(printed);
    await expectAccessible(page);
    await takePicture(page, 'host-pending');
  });

  const host = await test.step('one click lets it in; it is online within five seconds', async () => {
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('db-1.fra');
    await page.getByRole('textbox', { name: 'Tags optional', exact: true }).fill('production, fra');
    const clicked = performance.now();
    await page.getByRole('button', { name: 'Approve' }).click();
    const online = async () =>
      (await stack.api.get<readonly ApiHost[]>('/hosts')).find(
        ({ name, standing }) => name === 'db-1.fra' && standing === 'online',
      );
    const found = await waitFor('db-1.fra to be online', online, { deadlineMs: 5000 });
    expect(performance.now() - clicked).toBeLessThan(5000);
    expect(normalizeFingerprint(found.fingerprint)).toBe(printed);
    await page.goto(`${stack.server.url}/hosts`);
    const row = page.getByRole('row', { name: /db-1\.fra/ });
    await expect(row.getByText('online')).toBeVisible();
    await expect(row.getByText('production')).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'hosts');
    return found;
  });

  await test.step('the agent only dials out', () => {
    const sockets = listTcpSockets(agent.pid());
    expect(sockets.filter((socket) => socket.state === 'listening')).toEqual([]);
    expect(countConnections(agent)).toBeGreaterThan(0);
  });

  await test.step('a restart comes back under the same identity, unasked', async () => {
    await agent.restart();
    await agent.awaitLog(/"msg":"connected"[\s\S]*"msg":"connected"/);
    await stack.api.waitForHost(host.id, 'online');
    expect(await stack.api.get<readonly ApiHost[]>('/hosts/pending')).toEqual([]);
  });

  await test.step('revoked: the connection is closed within two seconds and not taken up again', async () => {
    await page.goto(`${stack.server.url}/hosts/${host.id}`);
    await expectAccessible(page);
    await takePicture(page, 'host');
    await expect.poll(() => countConnections(agent)).toBe(1);
    await confirmAct(page.getByRole('button', { name: 'Revoke…' }), /revoke/i, 'db-1.fra');
    const clicked = performance.now();
    await waitFor('the socket to be closed', async () => (countConnections(agent) === 0 ? true : undefined), {
      deadlineMs: 2000,
    });
    expect(performance.now() - clicked).toBeLessThan(2000);
    await expect(page.getByRole('heading', { level: 1 })).toContainText(/revoked/);
    const end = await agent.exited();
    expect(end.code).toBe(3);
    expect(agent.readLog()).toMatch(/revoked/);
    await agent.restart();
    await agent.awaitLog(/not admitted by the server/);
    expect(countConnections(agent)).toBe(0);
    expect((await stack.api.get<ApiHost>(`/hosts/${host.id}`)).standing).toBe('revoked');
  });

  await test.step('the audit names who did it', async () => {
    const rows = await stack.api.get<readonly ApiAuditRow[]>(`/audit?target=${host.id}`);
    for (const action of ['host.approved', 'host.revoked']) {
      expect(rows.find((row) => row.action === action)).toMatchObject({ actor: { kind: 'user', name: stack.admin.name } });
    }
    await page.goto(`${stack.server.url}/audit`);
    await expect(page.getByRole('row', { name: /host approved/ }).first()).toContainText(stack.admin.name);
    await expectAccessible(page);
  });
});
