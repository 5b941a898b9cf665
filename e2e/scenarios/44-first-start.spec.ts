import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiHost } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { findField } from '../harness/pages.ts';
import { normalizeFingerprint, type Stack, startStack } from '../harness/stack.ts';

test.describe('From an empty server to a first proven backup', () => {
  let stack: Stack;
  test.beforeEach(async () => {
    stack = await startStack();
  });
  test.afterEach(async ({ browserName: _ }, info) => finishStack(stack, info));

  test('six steps lead there, left and gone on with, without JavaScript', async ({ browser }) => {
    const { server, api } = stack;
    const folder = join(stack.directory, 'photos');
    await mkdir(folder);
    for (const name of ['one', 'two', 'three']) await writeFile(join(folder, `${name}.txt`), `${name} `.repeat(2000));
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    const heading = page.getByRole('heading', { level: 1 });
    // Each reload is one more look, as a person without JavaScript takes it.
    const awaitHeading = (text: RegExp) =>
      expect(async () => {
        await page.reload();
        await expect(heading).toContainText(text, { timeout: 1000 });
      }).toPass({ timeout: 60_000 });
    try {
      await signIn(page, server.url, stack.admin);
      await page.getByRole('link', { name: 'Take me through them' }).click();
      await expect(heading).toContainText('Step 1 of 6');

      await test.step('the host joins, and is gone on with after a look elsewhere', async () => {
        const agent = await stack.startAgent('db-1');
        const words = normalizeFingerprint(await agent.awaitFingerprint());
        const pending = page.locator('#pending-hosts');
        await expect(async () => {
          await page.reload();
          await expect(pending.getByRole('button', { name: 'Approve' })).toBeVisible({ timeout: 1000 });
        }).toPass({ timeout: 20_000 });
        for (const word of words.split(' ')) await expect(pending).toContainText(word);
        await pending.getByLabel('Name').fill('db-1');
        await pending.getByRole('button', { name: 'Approve' }).click();
        await expect(heading).toContainText('Step 2 of 6');
        const [host] = await api.get<readonly ApiHost[]>('/hosts');
        if (host === undefined) throw new Error('the host did not join');
        await api.waitForHost(host.id, 'online', 20_000);
        await page.getByRole('link', { name: 'Leave for now' }).click();
        await page.getByRole('link', { name: 'Go on with them' }).click();
      });

      await test.step('a source is tried before it is saved', async () => {
        await findField(page, 'Name').fill('photos');
        await findField(page, 'Paths').fill(join(stack.directory, 'nowhere'));
        await page.getByRole('button', { name: 'Try it and save' }).click();
        await expect(page.locator('#test-result')).toContainText('nowhere');
        await findField(page, 'Paths').fill(folder);
        await page.getByRole('button', { name: 'Try it and save' }).click();
      });

      await test.step('a repository is created where there is none', async () => {
        await expect(heading).toContainText('Step 3 of 6');
        await findField(page, 'Directory').fill(join(stack.directory, 'repository'));
        await page.getByLabel(/^Repository password|^Password/).fill('a password for the repository');
        await page.getByRole('button', { name: 'Open it, or create it there' }).click();
        await expect(heading).toContainText('Step 4 of 6', { timeout: 30_000 });
      });

      await test.step('the plan stands as it is offered, and runs', async () => {
        await page.getByRole('button', { name: 'Make the plan' }).click();
        await expect(heading).toContainText('Step 5 of 6');
        await expect(async () => {
          await page.reload();
          await expect(page.getByRole('button', { name: 'Run now' })).toBeEnabled({ timeout: 1000 });
        }).toPass({ timeout: 30_000 });
        await page.getByRole('button', { name: 'Run now' }).click();
        await expect(page.getByRole('link', { name: 'Its log and stages' })).toBeVisible();
        await expect(async () => {
          await page.reload();
          await expect(page.getByRole('link', { name: 'Go on', exact: true })).toBeVisible({ timeout: 1000 });
        }).toPass({ timeout: 60_000 });
        await page.getByRole('link', { name: 'Go on', exact: true }).click();
      });

      await test.step('the restore is tried out', async () => {
        await expect(heading).toContainText('Step 6 of 6');
        await page.getByRole('button', { name: 'Try out the restore' }).click();
        await awaitHeading(/Your first backup is proven\./);
        await expect(page.getByRole('link', { name: 'Open the overview' })).toBeVisible();
      });
    } finally {
      await context.close();
    }
  });
});
