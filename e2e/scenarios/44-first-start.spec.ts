import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
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

  test('from a host that waits to a restored file by keys alone, and nothing that changes by itself takes the focus away', async ({
    page,
  }) => {
    const lost: string[] = [];
    await page.exposeBinding('noteLostFocus', (_source, where: string) => void lost.push(where));
    await page.addInitScript(WATCH_FOCUS);
    const { server, directory } = stack;
    const [folder, back] = [join(directory, 'letters'), join(directory, 'back')];
    await mkdir(folder);
    await writeFile(join(folder, 'one.txt'), 'dear reader');
    const heading = page.getByRole('heading', { level: 1 });
    const press = (...keys: string[]) => pressAll(page, keys);
    const act = async (role: 'link' | 'button', name: string | RegExp) => {
      await tabTo(page, page.locator('main').getByRole(role, { name, exact: true }).first());
      await press('Enter');
    };
    const type = async (label: string, text: string) => {
      await tabTo(page, findField(page, label));
      await press('Control+a');
      await page.keyboard.type(text);
    };

    await page.goto(`${server.url}/login`);
    await type('Name', stack.admin.name);
    await press('Tab');
    await page.keyboard.type(stack.admin.password);
    await press('Enter');
    await expect(heading).toContainText('Nothing is protected yet.');

    await test.step('the host is let in', async () => {
      await press('g', 'h');
      await expect(heading).toContainText('No host has joined yet.');
      const agent = await stack.startAgent('db-1');
      const words = normalizeFingerprint(await agent.awaitFingerprint());
      const pending = page.locator('#pending-hosts');
      for (const word of words.split(' ')) await expect(pending).toContainText(word);
      await type('Name', 'letters-host');
      await act('button', 'Approve');
      await expect(heading).toContainText('letters-host');
      const [host] = await stack.api.get<readonly ApiHost[]>('/hosts');
      if (host === undefined) throw new Error('the host did not join');
      await stack.api.waitForHost(host.id, 'online', 20_000);
    });

    await test.step('a source, a repository and a plan are made', async () => {
      await press('g', 'h');
      await expect(heading).toContainText('online');
      await press('j', 'Enter');
      await act('link', 'Add source');
      await act('link', /^Files/);
      await type('Name', 'letters');
      await type('Paths', folder);
      await act('button', 'Test and save');
      await page.waitForURL(/\/sources\/src_/);
      await press('g', 'e');
      await act('link', 'Add repository');
      await act('link', /^Local/);
      await type('Name', 'disk');
      await type('Directory', join(directory, 'repository'));
      await tabTo(page, page.getByLabel(/^Repository password|^Password/));
      await page.keyboard.type('a password for the repository');
      await act('button', 'Test and save');
      await act('button', 'Create the repository there');
      await expect(heading).toContainText('is ready and empty', { timeout: 30_000 });
      await press('g', 'p');
      await act('link', 'Make the first plan');
      await tabTo(page, page.getByRole('checkbox', { name: /^letters/ }));
      await press('Space');
      const byHand = page.getByRole('radio', { name: /by hand/i });
      await tabTo(page, page.getByRole('radio', { checked: true }).first());
      while (!(await byHand.isChecked())) await press('ArrowDown');
      await type('and call it', 'nightly');
      await press('Enter');
    });

    await test.step('it runs, and what it stored comes back', async () => {
      const run = page.getByRole('button', { name: 'Run now' });
      await expect(run).toBeEnabled({ timeout: 30_000 });
      await act('button', 'Run now');
      await page.waitForURL(/\/runs\/run_/);
      await expect(page.locator('main').getByText('succeeded').first()).toBeVisible({ timeout: 60_000 });
      await expect(page, 'the tab says what the page says').toHaveTitle(/: succeeded · Holdfast$/);
      await press('g', 's');
      await expect(heading).toContainText('1 snapshot');
      await press('j', 'Enter');
      await act('link', 'Restore this…');
      await type('New directory', back);
      await tabTo(page, page.locator('#f-understood'));
      await press('Space');
      await act('button', 'Preview it');
      await expect(page.locator('main')).toContainText(/preview|would/i);
      expect(await page.evaluate('document.activeElement !== document.body'), 'the focus stays where it was asked').toBe(true);
      await tabTo(page, page.locator('#f-understood'));
      if (!(await page.locator('#f-understood').isChecked())) await press('Space');
      await act('button', 'Start the restore');
      await page.waitForURL(/\/runs\/run_/);
      await expect.poll(() => readRestored(back), { timeout: 60_000 }).toBe('dear reader');
    });
    expect(lost, 'where the focus was lost').toEqual([]);
  });
});

async function pressAll(page: Page, keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** As a person does who has no mouse: from where the focus is, forwards, until it is there. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible({ timeout: 30_000 });
  const stops: string[] = [];
  while (!(await target.evaluate((node) => node.matches(':focus')))) {
    stops.push(await page.evaluate("(document.activeElement?.textContent ?? '').trim().slice(0, 30)"));
    expect(stops.length, stops.join(' | ')).toBeLessThan(150);
    await page.keyboard.press('Tab');
  }
}

async function readRestored(directory: string): Promise<string | undefined> {
  const files = await readdir(directory, { recursive: true }).catch(() => []);
  const found = files.find((name) => name.endsWith('one.txt'));
  // It may just be moved to its place from where it was put together.
  return found === undefined ? undefined : readFile(join(directory, found), 'utf8').catch(() => undefined);
}

/** Tells of what had the focus before a part of the page was replaced, where nothing has it a moment later. */
const WATCH_FOCUS = `
  let held;
  document.addEventListener('htmx:before:swap', () => { held = document.activeElement; });
  document.addEventListener('htmx:after:swap', () => {
    const was = held;
    if (!was || was === document.body) return;
    setTimeout(() => {
      const now = document.activeElement;
      if (now === null || now === document.body) noteLostFocus(location.pathname + ' ' + was.outerHTML.slice(0, 300));
    }, 100);
  });
`;
