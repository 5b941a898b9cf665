import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPlan, ApiRun, ApiSnapshot, ApiSource } from '../harness/api.ts';
import { confirmAct, expect, expectAccessible, fillLogin, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeFiles, describeLocal, runPlan } from '../harness/catalog.ts';
import type { Account } from '../harness/first-admin.ts';
import { fillFields, makePlan, openSourceForm, restoreSnapshot, runNow } from '../harness/pages.ts';
import { crawlPages, describeKind, listPostActions, openSession } from '../harness/part2/crawl.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const LONG = 'a-very-long-name-without-any-place-to-break-it-'.repeat(2);
const otto: Account = { name: 'otto', password: 'six loud geese in a canoe' };
/** Signs in where the administrator has signed in as often as anybody may within a minute. */
const nora: Account = { name: 'nora', password: 'eight slow owls on a gate' };
const NEXT_PASSWORD = 'four badgers paint the moon';
/** Looks at lists. */
const iris: Account = { name: 'iris', password: 'five mild foxes on a raft' };
const viewer: Account = { name: 'vera', password: 'nine calm herons on stilts' };

let stack: Stack;
let world: LocalWorld;
let folder: string;

test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  stack = await startStack();
  const passwordFile = await stack.server.writePassword(viewer.password);
  await stack.server.runCommand(['user', 'create', '--name', viewer.name, '--role', 'viewer', '--password-file', passwordFile]);
  const { path } = await getRestic('new');
  const hold = quote(holdFile());
  const before = `case "$*" in *" backup "*) while [ -e ${hold} ]; do echo held >&2; sleep 0.3; done;; esac`;
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
  const found = new Set(pages.flatMap(({ path, html }) => (html.startsWith('<!doctype html>') ? [describeKind(path)] : [])));
  expect([...found]).toEqual(
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
  expect([...found]).toEqual(
    expect.arrayContaining(['/hosts/new', '/plans/new', '/snapshots/:id/restore', '/audit', '/account']),
  );
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

test('the number of plans at a repository leads to exactly those, and each filter is taken off by itself', async ({ page }) => {
  const { url } = stack.server;
  const described = describeLocal(join(stack.directory, 'unused'), viewer.password);
  const empty = await addRepository(stack.api, world.host, 'unused', described, { isMissing: true });
  await signIn(page, url, stack.admin, '/repositories');
  const there = page.locator('#repositories tr', { hasText: 'disk db-1' }).getByRole('cell').last().getByRole('link');
  await expect(there).toHaveText('2');
  await there.click();
  await page.waitForURL(`${url}/plans?repository=${world.repository.id}`);
  const lines = page.locator('#plan-table tr[data-row]');
  await expect(lines).toHaveCount(2);
  const chips = page.getByRole('list', { name: 'Filters that are on' });
  await expect(chips).toHaveText(/repository disk db-1/);
  await page.getByLabel('Search plans').fill('night');
  await expect(lines).toHaveCount(1);
  await expect(chips).toContainText('“night”');
  await page.locator('select[name=repository]').selectOption(empty.id);
  await expect(page.locator('#plans')).toContainText('No plan matches all of these filters.');
  await expectAccessible(page);
  await chips.getByRole('link', { name: /^repository unused/ }).click();
  await expect(lines).toHaveCount(1);
  await expect(page.getByLabel('Search plans')).toHaveValue('night');
  await chips.getByRole('link', { name: /^name “night”/ }).click();
  await page.waitForURL(`${url}/plans`);
  await expect(lines).toHaveCount(2);
});

test('keys: search, help, and the way to each list', async ({ page }) => {
  const { url } = stack.server;
  await signIn(page, url, stack.admin, '/');
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

test('the head of a running log counts its lines as they come', async ({ page }) => {
  const { api, server } = stack;
  const plans = await api.get<readonly ApiPlan[]>('/plans');
  const nightly = plans.find(({ name }) => name === 'nightly');
  await signIn(page, server.url, stack.admin, `/plans/${nightly?.id}`);
  await writeFile(holdFile(), '');
  try {
    const id = await runNow(page);
    const head = page.locator('#run-log-head');
    await expect(head).toHaveAttribute('data-live-lines', `run:${id}`);
    await expect(head).toHaveText(/^[1-9]\d*\slines?/);
    await page.evaluate('window.isSamePage = true');
    // The stage does not change meanwhile: nothing but the lines themselves can move the number.
    const count = async () => Number.parseInt(await head.innerText(), 10);
    await expect(page.locator('.log-text', { hasText: 'held' }).first()).toBeVisible();
    const before = await count();
    await expect.poll(count).toBeGreaterThan(before + 5);
    await rm(holdFile());
    await api.waitForRun(id, 'succeeded');
    const { lines } = await api.get<{ lines: readonly unknown[] }>(`/runs/${id}/log?limit=2000`);
    expect(lines.length).toBeGreaterThan(before);
    await expect(head).toHaveText(new RegExp(`^${lines.length}\\slines`));
    expect(await page.evaluate('window.isSamePage')).toBe(true);
  } finally {
    await rm(holdFile(), { force: true });
  }
});

test('a live list leaves ticks, focus, typed words and scroll where they are while runs begin and end elsewhere', async ({
  page,
}) => {
  const { api, server } = stack;
  const plans = await api.get<readonly ApiPlan[]>('/plans');
  const [nightly, broken] = ['nightly', `plan ${LONG}`].map((name) => plans.find((plan) => plan.name === name));
  if (nightly === undefined || broken === undefined) throw new Error('the plans of this scenario are missing');
  await createPerson(iris, 'admin');
  await page.setViewportSize({ width: 1440, height: 420 });
  const ticked = page.locator('.cell-select input[name=ids]:checked');
  const scrolled = () => page.evaluate<number>('scrollY');
  const findRow = (path: string) => page.locator('tr[data-row]', { has: page.locator(`a[href="${path}"]`) });
  await writeFile(holdFile(), '');
  try {
    // The row on top is of a run that goes on and reads differently at each look. The other run fails: its sources are busy or missing.
    const held = await runPlan(api, nightly);
    await signIn(page, server.url, iris, '/runs');
    const row = findRow(`/runs/${held}`);
    await expect(row).toContainText('running');
    await row.getByRole('checkbox').check();
    await row.getByRole('link').first().focus();
    await page.evaluate('scrollTo(0, 60)');
    const other = await runPlan(api, broken);
    await expect(findRow(`/runs/${other}`)).toBeVisible();
    await api.waitForRun(other, 'failed');
    await expect(ticked).toHaveCount(1);
    await expect(ticked).toHaveValue(held);
    await expect(row.getByRole('link').first()).toBeFocused();
    await expect(page.getByRole('form', { name: 'Chosen runs' })).toBeVisible();
    expect(await scrolled()).toBeGreaterThanOrEqual(60);

    await page.goto(`${server.url}/plans?sort=next`);
    const words = page.getByLabel('Search plans');
    await words.pressSequentially('l');
    await expect(page.getByRole('list', { name: 'Filters that are on' })).toContainText('“l”');
    const line = findRow(`/plans/${nightly.id}`);
    await expect(line).toContainText('running');
    await line.getByRole('checkbox').check();
    await line.getByRole('button', { name: 'Pause' }).focus();
    await page.evaluate('scrollTo(0, 60)');
    await rm(holdFile());
    await expect(line).toContainText('succeeded');
    await expect(ticked).toHaveCount(1);
    await expect(ticked).toHaveValue(nightly.id);
    await expect(line.getByRole('button', { name: 'Pause' })).toBeFocused();
    await expect(words).toHaveValue('l');
    expect(await scrolled()).toBeGreaterThanOrEqual(60);
  } finally {
    await rm(holdFile(), { force: true });
  }
});

async function createPerson({ name, password }: Account, role: string): Promise<void> {
  const passwordFile = await stack.server.writePassword(password);
  await stack.server.runCommand(['user', 'create', '--name', name, '--role', role, '--password-file', passwordFile]);
}

test('without JavaScript a person changes their password: other browsers are signed out, this one stays', async ({ browser }) => {
  const { url } = stack.server;
  await createPerson(otto, 'operator');
  const [here, there] = await Promise.all([browser.newContext({ javaScriptEnabled: false }), browser.newContext()]);
  try {
    const [page, other] = await Promise.all([here.newPage(), there.newPage()]);
    await signIn(page, url, otto);
    await signIn(other, url, otto, '/runs');
    await page.getByRole('link', { name: 'otto · Operator' }).click();
    await page.waitForURL(`${url}/account`);
    const change = async (current: string): Promise<void> => {
      await fillFields(page, { 'Present password': current, 'New password': NEXT_PASSWORD, 'New password again': NEXT_PASSWORD });
      await page.getByRole('button', { name: 'Change password' }).click();
    };
    await change('eight wrong herons on stilts');
    await expect(page.getByRole('alert')).toContainText('The present password is wrong.');
    await expect(page.getByLabel('Present password')).toHaveValue('');
    await change(otto.password);
    await expect(page.getByRole('status').filter({ hasText: 'Your password is changed.' })).toBeVisible();
    await page.goto(`${url}/plans`);
    await expect(page).toHaveURL(`${url}/plans`);
    await other.goto(`${url}/plans`);
    await expect(other).toHaveURL(/\/login\?next=/);
    await fillLogin(other, { name: otto.name, password: NEXT_PASSWORD });
    await expect(other).toHaveURL(`${url}/plans`);
  } finally {
    await Promise.all([here.close(), there.close()]);
  }
});

test('without JavaScript a person adds a source, runs it, cancels and restores', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const { url } = stack.server;
  try {
    await createPerson(nora, 'admin');
    await signIn(page, url, nora);
    await test.step('a source and a plan', async () => {
      await openSourceForm(page, url, world.host.id, 'Files and directories');
      await page.getByLabel('Name', { exact: true }).fill('plain');
      await page.getByLabel('Paths').fill(folder);
      await page.getByRole('button', { name: 'Test and save' }).click();
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
