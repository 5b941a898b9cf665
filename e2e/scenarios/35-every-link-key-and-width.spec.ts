import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { ApiPlan, ApiRun, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { confirmAct, expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { fillFields, makePlan, openSourceForm, restoreSnapshot, runNow } from '../harness/pages.ts';
import { crawlPages, describeKind, listPostActions, openSession } from '../harness/part2/crawl.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Account, type Stack, startStack } from '../harness/stack.ts';

const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 860 };
const LONG = 'a-very-long-name-without-any-place-to-break-it-'.repeat(2);
const viewer: Account = { name: 'vera', password: 'nine calm herons on stilts' };

let stack: Stack;
let world: LocalWorld;
let folder: string;
/** One page of each kind, found by the first walk. */
let kinds: readonly string[] = [];

test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  stack = await startStack();
  const passwordFile = await stack.server.writePassword(viewer.password);
  await stack.server.runCommand(['user', 'create', '--name', viewer.name, '--role', 'viewer', '--password-file', passwordFile]);
  const { path } = await getRestic('new');
  const hold = quote(holdFile());
  const before = `case "$*" in *" backup "*) while [ -e ${hold} ]; do sleep 0.05; done;; esac`;
  const toolPath = [await wrapTool(join(stack.directory, 'held'), { name: 'restic', real: path, before })];
  world = await prepareLocalWorld(stack, 'db-1', 'new', { toolPath });
  await fillStack();
});
test.afterAll(async ({ browserName: _ }, info) => finishStack(stack, info));

const holdFile = () => join(stack.directory, 'hold');

/** Something of everything: good, failed and running; with a schedule and without; short names and long ones; a host that waits. */
async function fillStack(): Promise<void> {
  const { api } = stack;
  const { host, repository } = world;
  folder = join(stack.directory, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  const good: ApiSource = await addSource(api, host, 'folder', describeFiles([folder]));
  const bad = await addSource(api, host, LONG, describeFiles([join(stack.directory, LONG)]));
  const schedule = { cron: '30 2 * * *', zone: 'Europe/Berlin' };
  const nightly = await addPlan(api, { name: 'nightly', repository, sources: [good], schedule });
  const broken: ApiPlan = await addPlan(api, { name: `plan ${LONG}`, repository, sources: [good, bad] });
  await awaitSpec(stack, host);
  await api.waitForRun(await runPlan(api, nightly), 'succeeded');
  await api.waitForRun(await runPlan(api, broken), 'partial');
  const [snapshot] = await api.get<readonly ApiSnapshot[]>('/snapshots');
  const target = { kind: 'directory', path: join(stack.directory, 'restored') };
  const restore = await api.post<ApiRun>('/restores', { snapshot: snapshot?.id, host: host.id, target });
  await api.waitForRun(restore.id, 'succeeded');
  await (await stack.startAgent('waits')).awaitLog(/announced; waiting/);
}

test('every link that any page shows an administrator leads somewhere', async () => {
  const pages = await crawlPages(await openSession(stack.server.url, stack.admin));
  expect(pages.filter(({ status }) => status !== 200).map(({ path, status }) => `${status} ${path}`)).toEqual([]);
  const found = new Map<string, string>();
  for (const { path, html } of pages) {
    if (html.startsWith('<!doctype html>') && !found.has(describeKind(path))) found.set(describeKind(path), path);
  }
  kinds = [...found.values()];
  expect([...found.keys()]).toEqual(
    expect.arrayContaining([
      '/',
      '/hosts',
      '/hosts/:id',
      '/sources/:id',
      '/repositories/:id',
      '/plans/:id',
      '/runs/:id',
      '/snapshots/:id',
    ]),
  );
  expect([...found.keys()]).toEqual(expect.arrayContaining(['/hosts/new', '/plans/new', '/snapshots/:id/restore', '/audit']));
});

test('a viewer’s links all work too, and nothing on their pages changes anything but themselves', async () => {
  const session = await openSession(stack.server.url, viewer);
  const pages = await crawlPages(session);
  expect(pages.filter(({ status }) => status !== 200).map(({ path, status }) => `${status} ${path}`)).toEqual([]);
  const actions = new Set(pages.flatMap(({ html }) => listPostActions(html)));
  expect([...actions].filter((action) => !/^\/(logout|account(\/.*)?)$/.test(action))).toEqual([]);
  const [plan] = await stack.api.get<readonly ApiPlan[]>('/plans');
  const before = (await stack.api.get<readonly ApiRun[]>('/runs')).length;
  for (const path of [`/plans/${plan?.id}/run`, `/plans/${plan?.id}/delete`, `/hosts/${world.host.id}/revoke`]) {
    expect((await session.fetch(path, { method: 'POST', body: new URLSearchParams({ confirm: 'db-1' }) })).status, path).toBe(
      403,
    );
  }
  for (const path of ['/plans/new', '/sources/new', '/audit']) expect((await session.fetch(path)).status, path).toBe(403);
  expect(await stack.api.get<readonly ApiRun[]>('/runs')).toHaveLength(before);
});

test('each kind of page is accessible in light and dark, and fits a narrow screen', async ({ page }) => {
  expect(kinds.length).toBeGreaterThan(15);
  await signIn(page, stack.server.url, stack.admin);
  for (const path of kinds) {
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(`${stack.server.url}${path}`);
    await expectAccessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    const { violations } = await new AxeBuilder({ page }).withRules(['color-contrast']).analyze();
    expect
      .soft(
        violations.flatMap(({ nodes }) => nodes.map((node) => node.html)),
        `contrast of ${path} in the dark`,
      )
      .toEqual([]);
    await page.setViewportSize(NARROW);
    const width = await page.evaluate('document.documentElement.scrollWidth');
    expect.soft(width, `width of ${path}`).toBeLessThanOrEqual(NARROW.width);
  }
});

test('keys: search, help, and the way to each list', async ({ page }) => {
  const { url } = stack.server;
  await signIn(page, url, stack.admin, '/runs');
  // There is no search on this page: the way leads to the one of the sources.
  await page.keyboard.press('/');
  await page.waitForURL(`${url}/sources`);
  await expect(page.locator('input[type=search]').first()).toBeFocused();
  await page.keyboard.type('gh?');
  await expect(page.locator('input[type=search]').first()).toHaveValue('gh?');
  await page.goto(`${url}/plans`);
  await page.keyboard.press('/');
  await expect(page.locator('input[type=search]').first()).toBeFocused();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeHidden();
  for (const [key, path] of [
    ['h', '/hosts'],
    ['p', '/plans'],
    ['s', '/snapshots'],
    ['r', '/runs'],
  ] as const) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await page.waitForURL(`${url}${path}`);
  }
  await page.goto(`${url}/runs`);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/runs\/run_/);
});

test('without JavaScript a person adds a source, runs it, cancels and restores', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const { url } = stack.server;
  try {
    await signIn(page, url, stack.admin);
    await test.step('a source and a plan', async () => {
      await openSourceForm(page, url, world.host.id, 'Files and directories');
      await page.getByLabel('Name', { exact: true }).fill('plain');
      await page.getByLabel('Paths').fill(folder);
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await expect(page.getByRole('heading', { level: 1 })).toContainText('plain');
      await makePlan(page, url, { name: 'plain plan', sources: ['plain'], repository: 'disk db-1' });
      await awaitSpec(stack, world.host);
    });
    const planUrl = page.url();

    await test.step('run now, then cancel with its question', async () => {
      await writeFile(holdFile(), '');
      const id = await runNow(page);
      const isHeld = async () => world.agent.listTools().some(({ commandLine }) => commandLine.includes('sleep')) || undefined;
      await waitFor('the backup to be held', isHeld, { deadlineMs: 10_000 });
      await page.reload();
      await confirmAct(page.getByRole('button', { name: 'Cancel…' }), 'Stop the run');
      await stack.api.waitForRun(id, 'cancelled', 7000);
      await page.reload();
      await expect(page.locator('main .status').filter({ hasText: 'cancelled' }).first()).toBeVisible();
      await rm(holdFile());
    });

    await test.step('run again, and restore from its page', async () => {
      await page.goto(planUrl);
      const id = await runNow(page);
      const { snapshots } = await stack.api.waitForRun(id, 'succeeded');
      await page.goto(`${url}/snapshots/${snapshots[0]?.id}`);
      const restore = await restoreSnapshot(page, { place: /^db-1/, target: join(stack.directory, 'restored plainly') });
      await stack.api.waitForRun(restore, 'succeeded');
    });

    await test.step('what is wrong in a form is said in words, with what was typed still there', async () => {
      await page.goto(`${url}/plans/new`);
      await page.getByLabel('and call it').fill('kept words');
      await page.locator('#plan-form').getByRole('button').first().click();
      await expect(page.getByLabel('and call it')).toHaveValue('kept words');
      await expect(page.locator('main')).toContainText(/is needed|choose/i);
      await fillFields(page, { 'and call it': 'still works' });
    });
  } finally {
    await context.close();
  }
});
