import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { Page } from '@playwright/test';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { startLabClock } from '../harness/lab-clock.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MINUTE_MS = 60_000;
/** Between words of the held run: two screens of them come within a few seconds. */
const PAUSE_SECONDS = 0.08;

type Clock = Awaited<ReturnType<typeof startLabClock>>;

let clock: Clock;
let stack: Stack;
let world: LocalWorld;

test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  clock = await startLabClock();
  stack = await startStack({ env: clock.env });
  const { path } = await getRestic('new');
  const word = `if [ -e ${quote(quietFile())} ]; then echo $i >${quote(saidFile())}; else i=$((i + 1)); echo "word $i" >&2; fi`;
  const say = `i=0; while [ -e ${quote(holdFile())} ]; do ${word}; sleep ${PAUSE_SECONDS}; done`;
  const before = `case "$*" in *" backup "*) ${say};; esac`;
  const toolPath = [await wrapTool(join(stack.directory, 'held'), { name: 'restic', real: path, before })];
  world = await prepareLocalWorld(stack, 'db-1', 'new', { toolPath, env: clock.env });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await clock?.stop();
});

/** While it is there, each backup waits and says a word again and again. */
const holdFile = () => join(stack.directory, 'hold');
/** While it is there too, it waits in silence, after it has said how many words there were. */
const quietFile = () => join(stack.directory, 'quiet');
const saidFile = () => join(stack.directory, 'said');

/** A source whose folder is there unless told. */
async function addFolder(name: string, isThere = true) {
  const folder = join(stack.directory, name);
  if (isThere) {
    await mkdir(folder);
    await writeFile(join(folder, 'file'), 'content');
  }
  return await addSource(stack.api, world.host, name, describeFiles([folder]));
}

const bar = (page: Page) => page.locator('#connection');
const lines = (page: Page) => page.locator('.log-lines > li');
const latest = (page: Page) => page.getByRole('button', { name: 'Jump to latest' });
const isAtEnd = (page: Page) =>
  page.locator('.log-scroll').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24);

/** What stands at the top of the log, and where to the pixel. */
const readPlace = (page: Page) =>
  page.locator('.log-scroll').evaluate((log) => {
    const { top } = log.getBoundingClientRect();
    const first = [...log.querySelectorAll('.log-line')].find((line) => line.getBoundingClientRect().bottom > top);
    return [first?.getAttribute('data-n'), Math.round(top - (first?.getBoundingClientRect().top ?? 0))];
  });

test('a log follows its end until its reader scrolls up; the server dies and returns, and no line is lost, doubled or moved', async ({
  browser,
}) => {
  // A page of its own: that its server is gone is no fault here.
  const page = await browser.newPage();
  const { api, server } = stack;
  const source = await addFolder('folder');
  const plan = await addPlan(api, { name: 'nightly', repository: world.repository, sources: [source] });
  await awaitSpec(stack, world.host);
  await writeFile(holdFile(), '');
  await page.setViewportSize({ width: 1440, height: 600 });
  const id = await runPlan(api, plan);
  await signIn(page, server.url, stack.admin, `/runs/${id}`);

  await test.step('it follows its end, without an offer to go there', async () => {
    await expect.poll(() => lines(page).count(), { timeout: 15_000 }).toBeGreaterThan(40);
    await expect.poll(() => isAtEnd(page)).toBe(true);
    await expect(latest(page)).toBeHidden();
  });

  let place: Awaited<ReturnType<typeof readPlace>>;
  await test.step('who scrolls up is left where they read, and offered the way back', async () => {
    await page.locator('.log-scroll').hover();
    await page.mouse.wheel(0, -240);
    await expect(latest(page)).toBeVisible();
    await expect.poll(() => isAtEnd(page)).toBe(false);
    place = await readPlace(page);
    const count = await lines(page).count();
    await expect.poll(() => lines(page).count()).toBeGreaterThan(count + 15);
    expect(await readPlace(page)).toEqual(place);
  });

  await test.step('that the server is gone is said, and no longer once it is back and what was missed is shown', async () => {
    await expect(bar(page)).toBeEmpty();
    await server.kill('SIGKILL');
    await expect(bar(page)).toContainText('The live connection dropped. Reconnecting…');
    await expect(bar(page).getByRole('button', { name: 'Reload' })).toBeVisible();
    const count = await lines(page).count();
    await server.restart();
    await expect(bar(page)).toBeEmpty({ timeout: 15_000 });
    await expect.poll(() => lines(page).count()).toBeGreaterThan(count + 15);
    expect(await readPlace(page)).toEqual(place);
    await expect(latest(page)).toBeVisible();
  });

  await test.step('jump to latest goes there, and the log follows again', async () => {
    await latest(page).click();
    await expect(latest(page)).toBeHidden();
    await expect.poll(() => isAtEnd(page)).toBe(true);
    const count = await lines(page).count();
    await expect.poll(() => lines(page).count()).toBeGreaterThan(count + 10);
    expect(await isAtEnd(page)).toBe(true);
    await expect(latest(page)).toBeHidden();
  });

  await test.step('the way back is offered also while no line comes', async () => {
    await writeFile(quietFile(), '');
    const readSaid = async () => (await readFile(saidFile(), 'utf8').catch(() => '')).trim() || undefined;
    const said = await waitFor('the tool to be silent', readSaid, { deadlineMs: 5000, intervalMs: 50 });
    await expect(lines(page).last()).toContainText(`word ${said}`);
    await page.locator('.log-scroll').hover();
    await page.mouse.wheel(0, -240);
    await expect(latest(page)).toBeVisible();
    await page.mouse.wheel(0, 1000);
    await expect(latest(page)).toBeHidden();
  });

  await test.step('the end of the run finds each line once and in order', async () => {
    await rm(holdFile());
    await rm(quietFile());
    await api.waitForRun(id, 'succeeded');
    const log = await api.get<{ lines: readonly LogLine[] }>(`/runs/${id}/log?limit=2000`);
    await expect(lines(page)).toHaveCount(log.lines.length);
    expect(await page.locator('.log-text').allTextContents()).toEqual(log.lines.map(({ text }) => text));
    const words = log.lines.flatMap(({ text }) => /^word (\d+)$/.exec(text)?.[1] ?? []);
    expect(words).toEqual(words.map((_, index) => String(index + 1)));
    await expect(latest(page)).toBeHidden();
  });
  await page.close();
});

test('a theme that was chosen is there before the first paint, after a reload and in the other tab', async ({
  page,
  context,
}) => {
  const { url } = stack.server;
  await page.emulateMedia({ colorScheme: 'light' });
  // What a reader would see flash: the theme and its paper when the body begins, and in the first frame.
  await context.addInitScript(`
    window.themes = [];
    const note = () => {
      const { backgroundColor } = getComputedStyle(document.documentElement);
      window.themes.push([document.documentElement.dataset.theme ?? 'system', backgroundColor]);
    };
    new MutationObserver((_, observer) => {
      if (document.body === null) return;
      observer.disconnect();
      note();
      requestAnimationFrame(note);
    }).observe(document, { childList: true, subtree: true });
  `);
  const readThemes = async (one: Page) => {
    await expect.poll(() => one.evaluate('window.themes.length')).toBe(2);
    return await one.evaluate('window.themes');
  };
  await signIn(page, url, stack.admin, '/plans');
  const [[, paper]] = (await readThemes(page)) as [[string, string]];
  const tab = await context.newPage();
  await tab.goto(`${url}/hosts`);
  const toggle = page.locator('[data-theme-toggle]');
  for (const word of ['Light', 'Dark']) {
    await toggle.click();
    await expect(toggle).toHaveText(word);
  }
  await expect(tab.locator('html')).toHaveAttribute('data-theme', 'dark');
  const dark = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  expect(dark).not.toBe(paper);
  await page.reload();
  expect(await readThemes(page)).toEqual([
    ['dark', dark],
    ['dark', dark],
  ]);
  await expect(toggle).toHaveText('Dark');
  await toggle.click();
  await page.reload();
  expect(await readThemes(page)).toEqual([
    ['system', paper],
    ['system', paper],
  ]);
  await tab.close();
});

test('what is half typed survives live updates and a refused answer', async ({ page, watch }) => {
  const { url } = stack.server;
  await signIn(page, url, stack.admin, '/hosts');
  const first = page.locator('#pending-hosts .panel', { hasText: 'waits-1 wants to join' });
  const second = page.locator('#pending-hosts .panel', { hasText: 'waits-2 wants to join' });
  const announce = async (name: string) => {
    const agent = await stack.startAgent(name, { prefix: ['unshare', '--uts', 'sh', '-c', 'hostname "$0"; exec "$@"', name] });
    await agent.awaitLog(/announced; waiting/);
  };
  await announce('waits-1');
  await first.getByLabel('Name').fill(world.host.name);
  await first.getByLabel('Tags').pressSequentially('production, f');
  await announce('waits-2');
  await expect(second).toBeVisible();
  await expect(first.getByLabel('Name')).toHaveValue(world.host.name);
  await expect(first.getByLabel('Tags')).toBeFocused();
  await page.keyboard.type('ra');
  await expect(first.getByLabel('Tags')).toHaveValue('production, fra');

  await page.keyboard.type(', no tag!');
  watch.expectStatus(422);
  await first.getByRole('button', { name: 'Approve' }).click();
  await expect(first.locator('.error')).toBeVisible();
  const expectTyped = async () => {
    await expect(first.getByLabel('Name')).toHaveValue(world.host.name);
    await expect(first.getByLabel('Tags')).toHaveValue('production, fra, no tag!');
  };
  await expectTyped();
  // A question that is open stays so, with what was typed into it, and its way out does not take the focus again: that of the first does.
  await first.getByRole('button', { name: 'Reject…' }).click();
  const question = page.getByRole('dialog').filter({ visible: true });
  await question.getByLabel('Reason').fill('not ou');
  await announce('waits-3');
  await expect(page.locator('#pending-hosts .panel')).toHaveCount(3);
  await expectTyped();
  await expect(question.getByLabel('Reason')).toBeFocused();
  await page.keyboard.type('rs');
  await expect(question.getByLabel('Reason')).toHaveValue('not ours');
});

test('every key does what the help says of it, and none does anything while somebody types', async ({ page }) => {
  const { url } = stack.server;
  await signIn(page, url, stack.admin, '/runs');
  const help = page.getByRole('dialog', { name: 'Keyboard' });
  const path = () => new URL(page.url()).pathname;
  await page.keyboard.press('?');
  await expect(help).toBeVisible();
  const listed = (await help
    .locator('.keys > div')
    .evaluateAll((pairs) =>
      pairs.map((pair) => [
        [...pair.querySelectorAll('kbd')].map((key) => key.textContent).join(' '),
        pair.querySelector('dd')?.textContent,
      ]),
    )) as [string, string][];
  expect(listed.map(([keys]) => keys)).toEqual(
    expect.arrayContaining(['/', '?', 'j k', 'Enter', 'Esc', 'g a', 'g h', 'g p', 'g r', 'g s']),
  );

  // Behind an open dialog nothing moves.
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  expect(path()).toBe('/runs');
  await page.keyboard.press('Escape');
  await expect(help).toBeHidden();

  for (const [keys, label] of listed.filter(([one]) => one.startsWith('g '))) {
    const link = page.locator('#side-nav').getByRole('link', { name: new RegExp(`^${label}`) });
    const href = await link.getAttribute('href');
    for (const key of keys.split(' ')) await page.keyboard.press(key);
    await page.waitForURL(`${url}${href}`);
    await expect(page.locator('#side-nav [aria-current=page]')).toHaveText(new RegExp(`^${label}`));
  }

  await page.goto(`${url}/plans`);
  const rows = page.locator('#main tr[data-row]');
  await expect(rows).not.toHaveCount(0);
  const count = await rows.count();
  const isAt = (place: number) => expect(rows.nth(place).locator(':focus')).toHaveCount(1);
  await page.keyboard.press('j');
  await isAt(0);
  await page.keyboard.press('j');
  await isAt(Math.min(1, count - 1));
  await page.keyboard.press('k');
  await isAt(0);
  await page.keyboard.press('Escape');
  await expect(page.locator('#main :focus')).toHaveCount(0);

  await page.keyboard.press('/');
  const field = page.getByLabel('Search plans');
  await expect(field).toBeFocused();
  await page.keyboard.type('gajk?/');
  await expect(field).toHaveValue('gajk?/');
  await expect(help).toBeHidden();
  expect(path()).toBe('/plans');
  await page.keyboard.press('Escape');
  await expect(field).not.toBeFocused();
});

test('without JavaScript an alert is acknowledged', async ({ browser }) => {
  const { api, server } = stack;
  const missing = await addFolder('missing', false);
  const plan = await addPlan(api, { name: 'broken', repository: world.repository, sources: [missing] });
  await awaitSpec(stack, world.host);
  await api.waitForRun(await runPlan(api, plan), 'failed');
  const isTold = async () =>
    (await api.get<readonly { condition: string }[]>('/alerts?state=active')).some(
      ({ condition }) => condition === 'backup.failed',
    ) || undefined;
  await waitFor('the alert', isTold, { deadlineMs: 15_000, intervalMs: 100 });
  const context = await browser.newContext({ javaScriptEnabled: false });
  try {
    const page = await context.newPage();
    await signIn(page, server.url, stack.admin, '/alerts');
    const row = page.getByRole('row', { name: /missing/ });
    await row.getByRole('button', { name: 'Acknowledge' }).click();
    await expect(page.getByText('Acknowledged: you see to it.')).toBeVisible();
    await page.goto(`${server.url}/alerts`);
    await expect(row).toContainText(`${stack.admin.name} sees to it`);
    await expect(row.getByRole('button', { name: 'Acknowledge' })).toHaveCount(0);
  } finally {
    await context.close();
  }
});

test('the countdown to the next fire counts, and begins anew when it fired, on each page that shows one', async ({
  page,
  context,
}) => {
  const { api, server } = stack;
  const source = await addFolder('each minute');
  const schedule = { cron: '* * * * *', zone: 'UTC' };
  const plan = await addPlan(api, { name: 'each minute', repository: world.repository, sources: [source], schedule });
  await awaitSpec(stack, world.host);
  await signIn(page, server.url, stack.admin, `/plans/${plan.id}`);
  const list = await context.newPage();
  const overview = await context.newPage();
  const fireAt = Math.ceil((clock.now() + 8000) / MINUTE_MS) * MINUTE_MS;
  await clock.leapTo(fireAt - 8000, [server.pid(), world.agent.pid()]);
  await api.waitForHost(world.host.id, 'online', 15_000);
  const places = [
    [page, `/plans/${plan.id}`, page.locator('.page-head time')],
    [list, '/plans', list.getByRole('row', { name: /each minute/ }).locator('td[data-label=Next] time')],
    [
      overview,
      '/',
      overview.locator('main .panel', { has: overview.getByRole('heading', { name: 'Next', exact: true }) }).locator('time'),
    ],
  ] as const;
  await Promise.all(
    places.map(async ([tab, path, countdown]) => {
      await tab.goto(`${server.url}${path}`);
      const read = async () => Number(/^in (\d+)\s+s$/.exec(await countdown.innerText())?.[1] ?? Number.NaN);
      const first = await read();
      expect(first, path).toBeLessThan(60);
      await expect.poll(read, { message: `${path} counts` }).toBeLessThan(first);
      await expect(countdown, path).toHaveAttribute('datetime', new Date(fireAt + MINUTE_MS).toISOString(), { timeout: 15_000 });
      await expect(countdown, path).toHaveText(/^in \d+\s+s$/);
    }),
  );
});
