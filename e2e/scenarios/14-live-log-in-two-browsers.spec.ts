import { join } from 'node:path';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { Browser, Page } from '@playwright/test';
import type { ApiRepository, ApiSource } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeMariadb, runPlan } from '../harness/catalog.ts';
import { sayLines, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, prepareLocalWorld } from '../harness/part2/world.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { getTool } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

/** So many that some are printed when server, host and browsers have found each other again. */
const LINES = 140;
const PAUSE_SECONDS = 0.2;
/** A page asks for the server again every few seconds. */
const BEHIND_MS = 6000;

let stack: Stack;
let mariadb: MariadbHandle;

test.beforeAll(async () => {
  const filled = startMariadb().then(async (started) => {
    mariadb = started;
    await mariadb.fillDatabase('shop', 1);
  });
  [stack] = await Promise.all([startStack(), filled]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await mariadb?.stop();
});

/** Notes when each line of the log came into the page. */
const WATCHER = `
  window.shownAt = {};
  const note = (node) => {
    if (!(node instanceof Element)) return;
    const found = node.matches('.log-lines > li') ? [node] : node.querySelectorAll('.log-lines > li');
    for (const line of found) window.shownAt[line.dataset.n] ??= Date.now();
  };
  new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) note(node);
  }).observe(document, { childList: true, subtree: true });
`;

/** A browser of its own, signed in, on its way to watch a log. */
async function openBrowser(browser: Browser): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await signIn(page, stack.server.url, stack.admin, '/runs');
  await page.addInitScript({ content: WATCHER });
  return page;
}

const readTexts = (page: Page) => page.locator('.log-lines > li .log-text').allTextContents();
const readShownAt = async (page: Page) => (await page.evaluate('window.shownAt')) as Readonly<Record<string, number>>;

test('two browsers end with the same whole log, each line within a second, though the server is killed in between', async ({
  browser,
}) => {
  const wrapped = { name: 'mariadb-dump', real: getTool('mariadb-dump'), before: sayLines(LINES, PAUSE_SECONDS) };
  const toolPath = [await wrapTool(join(stack.directory, 'slow'), wrapped)];
  const { host, repository } = await prepareLocalWorld(stack, 'db-1', 'new', { toolPath });
  const source = await addSource(stack.api, host, 'shop', describeMariadb(mariadb, 'shop'));
  const plan = await addPlan(stack.api, { name: 'nightly', repository, sources: [source] });
  await awaitSpec(stack, host);
  const [first, second] = await Promise.all([openBrowser(browser), openBrowser(browser)]);
  const id = await runPlan(stack.api, plan);
  const log = (page: Page) => page.getByRole('log');

  await first.goto(`${stack.server.url}/runs/${id}`);
  await expect(log(first)).toContainText(`word 12 of ${LINES}`, { timeout: 15_000 });
  await second.goto(`${stack.server.url}/runs/${id}`);
  const openedAt = Date.now();
  await expect(log(second)).toContainText(`word 5 of ${LINES}`);
  const missed = await second.locator('.log-lines > li').count();
  await expect(second.locator('.log-lines > li').nth(missed + 12)).toBeVisible();
  const killedAt = Date.now();
  await stack.server.kill('SIGKILL');
  await stack.server.restart();
  await stack.api.waitForHost(host.id, 'online', 20_000);
  const backAt = Date.now();
  await stack.api.waitForRun(id, 'succeeded');
  const { lines } = await stack.api.get<{ lines: readonly LogLine[] }>(`/runs/${id}/log?limit=2000`);

  await test.step('the log is whole: every number once, every word of the tool in order', () => {
    expect(lines.map((line) => line.n)).toEqual(lines.map((_, index) => index + 1));
    const words = lines.map((line) => line.text).filter((text) => text.startsWith('word '));
    expect(words).toEqual(Array.from({ length: LINES }, (_, index) => `word ${index + 1} of ${LINES}`));
  });

  await test.step('both browsers show exactly these lines, without a reload', async () => {
    const texts = lines.map((line) => line.text);
    for (const page of [first, second]) {
      await waitFor('the last line', async () => ((await readTexts(page)).length === texts.length ? true : undefined), {
        deadlineMs: 15_000,
      }).catch(() => undefined);
      expect(await readTexts(page)).toEqual(texts);
      await expect(page.locator('main .status').filter({ hasText: 'succeeded' }).first()).toBeVisible();
    }
  });

  await test.step('each line was there within a second of its being printed, before the server was killed and after', async () => {
    for (const [page, since] of [
      [first, 0],
      [second, openedAt],
    ] as const) {
      const shownAt = await readShownAt(page);
      const whenShown = (line: LogLine) => shownAt[line.n] ?? Number.POSITIVE_INFINITY;
      // The first line that comes in by itself again shows that the page is live again.
      const liveAt = Math.min(...lines.filter((line) => line.at > backAt).map(whenShown));
      expect(liveAt - backAt, 'how long a page is behind after a restart').toBeLessThan(BEHIND_MS);
      const after = lines.filter((line) => line.at > liveAt);
      expect(after.length).toBeGreaterThan(5);
      expect(Math.max(...after.map((line) => whenShown(line) - line.at))).toBeLessThan(1000);
      const live = lines.filter((line) => line.at > since && line.at < killedAt - 1000);
      expect(live.length).toBeGreaterThan(5);
      const loadedAt = Math.min(...Object.values(shownAt));
      const late = live.map((line) => whenShown(line) - Math.max(line.at, loadedAt));
      expect(Math.max(...late)).toBeLessThan(1000);
    }
  });
  await Promise.all([first.context().close(), second.context().close()]);
});

test('ten tabs of one browser are live at once over HTTP/1.1, also after a restart, and leave room for an eleventh', async ({
  browser,
}) => {
  const context = await browser.newContext();
  const first = await context.newPage();
  await signIn(first, stack.server.url, stack.admin, '/plans');
  const tabs = [first];
  for (const path of ['/plans', '/plans?q=tab', '/sources', '/repositories', '/plans', '/runs', '/', '/plans', '/plans']) {
    const tab = await context.newPage();
    await tab.goto(`${stack.server.url}${path}`);
    tabs.push(tab);
  }
  const plain = await browser.newContext();
  await plain.addInitScript('delete window.SharedWorker');
  const alone = await plain.newPage();
  await signIn(alone, stack.server.url, stack.admin, '/plans');
  const [repository] = await stack.api.get<readonly ApiRepository[]>('/repositories');
  const [source] = await stack.api.get<readonly ApiSource[]>('/sources');
  if (repository === undefined || source === undefined) throw new Error('the first test left no repository or source');
  // One of them in a browser whose tabs cannot share.
  const lists = [...tabs.filter((tab) => new URL(tab.url()).pathname === '/plans'), alone];
  expect(lists).toHaveLength(7);
  const expectSeen = async (name: string) => {
    await addPlan(stack.api, { name, repository, sources: [source] });
    for (const tab of lists) await expect(tab.locator('main').getByText(name, { exact: true })).toBeVisible({ timeout: 20_000 });
  };
  await expectSeen('first tab plan');
  await stack.server.kill('SIGKILL');
  await stack.server.restart();
  await expectSeen('second tab plan');
  const eleventh = await context.newPage();
  await eleventh.goto(`${stack.server.url}/plans`);
  await expect(eleventh.locator('main').getByText('second tab plan', { exact: true })).toBeVisible();
  await Promise.all([context.close(), plain.close()]);
});
