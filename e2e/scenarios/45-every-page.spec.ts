import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { BrowserContext, Page } from '@playwright/test';
import {
  buildAxe,
  buildPresentAxe,
  expect,
  fillLogin,
  findPictureFolder,
  installAxe,
  type PageWatch,
  test,
} from '../harness/browser.ts';
import { findUnlisted, listSeededPages, type SeededPage } from '../harness/page-table.ts';
import { type SeededServer, startSeededServer } from '../harness/seeded-server.ts';

const DOCUMENTED = join(import.meta.dirname, '../../docs/pictures/pages');
const WIDE = { width: 1440, height: 1000 };
/** Between the two looks, where side bar and tables are tightest. */
const MIDDLE = { width: 768, height: 1000 };
const NARROW = { width: 360, height: 780 };

/** The documents show every page as wide as a desk has it, these also as narrow as a pocket. */
const NARROW_TOO: ReadonlySet<string> = new Set(['overview', 'first-start', 'hosts', 'alerts', 'settings', 'design']);

let seeded: SeededServer;
test.beforeAll(async () => {
  seeded = await startSeededServer();
});
test.afterAll(() => seeded?.stop());

/** One sign-in for the tests that are not about it: a person may try only so many times a minute. */
let entered: Awaited<ReturnType<BrowserContext['cookies']>> = [];
async function enter(page: Page): Promise<void> {
  if (entered.length > 0) {
    await page.context().addCookies(entered);
    await page.goto(seeded.url);
  } else {
    await page.goto(`${seeded.url}/login`);
    await fillLogin(page, seeded.admin);
  }
  await page.waitForURL(`${seeded.url}/`);
  entered = await page.context().cookies();
}

/** One page in one browser for all: what each shows is judged as it is looked at, so that one run names every fault. */
test('Every page of a fleet with failures and hostile names is accessible in both themes, and fits each width', async ({
  page,
  watch,
}) => {
  test.slow();
  const listed = listSeededPages(seeded);
  expect
    .soft(findUnlisted(seeded.routes, Object.keys(listed)), 'routes without a page to look at, or the other way round')
    .toEqual([]);
  const { '/login': signingIn = [], '/bootstrap': firstStart = [], '/password': choosing = [], ...others } = listed;
  for (const one of [...signingIn, ...firstStart, ...choosing]) await lookAt(page, watch, one);
  await enter(page);
  for (const one of Object.values(others).flat()) await lookAt(page, watch, one);
  const pictures = Object.values(listed)
    .flat()
    .flatMap(({ name }) => [`${name}.webp`, ...(NARROW_TOO.has(name) ? [`${name}-narrow.webp`] : [])]);
  expect
    .soft((await readdir(DOCUMENTED)).toSorted(), 'each page has its picture in the documents; HOLDFAST_PICTURES=1 makes them')
    .toEqual(pictures.toSorted());
});

test('By keys alone: past the navigation, to an act, into its question and out again, and each stop can be seen', async ({
  page,
}) => {
  await page.goto(`${seeded.url}/login`);
  await page.getByLabel('Name').focus();
  await page.keyboard.type(seeded.admin.name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(seeded.admin.password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${seeded.url}/`);
  await page.goto(`${seeded.url}/hosts/${seeded.night.db.id}`);
  await page.keyboard.press('Tab');
  const skip = page.locator('.skip');
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect(await page.evaluate("document.querySelector('main').contains(document.activeElement)"), 'behind the navigation').toBe(
    true,
  );
  const opener = page.locator('main').getByRole('button', { name: 'Revoke…' });
  const stops: string[] = [];
  while (!(await opener.evaluate((node) => node.matches(':focus')))) {
    const stop: { name: string; isSeen: boolean } = await page.evaluate(FOCUS);
    expect.soft(stop.isSeen, `the focus on “${stop.name}”`).toBe(true);
    stops.push(stop.name);
    expect(stops.length, stops.join(', ')).toBeLessThan(80);
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog').filter({ visible: true });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(dialog.getByRole('button').last()).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
});

test('On paper there is no navigation and no dark: the report, a run, and how to restore by hand', async ({ page }) => {
  await enter(page);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  for (const path of ['/reports/2026-11', `/runs/${seeded.trust.failedRun}`, `/snapshots/${seeded.trust.snapshot}`]) {
    await page.goto(`${seeded.url}${path}`);
    await setTheme(page, 'dark');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(page.locator('.side')).toBeHidden();
    for (const button of await page.getByRole('button').all()) await expect(button).toBeHidden();
    const paper = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(paper, path).toBe('rgb(255, 255, 255)');
    const file = await page.pdf({ format: 'A4' });
    expect(file.subarray(0, 5).toString()).toBe('%PDF-');
  }
});

test('At twice the size nothing is cut off; with the reader’s own colours what is drawn can still be seen', async ({ page }) => {
  await page.goto(`${seeded.url}/login`);
  await fillLogin(page, seeded.admin);
  await page.waitForURL(`${seeded.url}/`);
  await page.setViewportSize({ width: 640, height: 450 });
  for (const path of ['/', '/runs', '/plans/new', `/hosts/${seeded.night.db.id}`]) {
    await page.goto(`${seeded.url}${path}`);
    expect.soft(await findFaults(page), `${path} at 200 %`).toEqual([]);
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ forcedColors: 'active' });
  await page.goto(`${seeded.url}/settings/design`);
  const current = page.locator('.side-link[aria-current]');
  await expect(current).toHaveCSS('outline-style', 'solid');
  const bar = page.locator('progress').first();
  await expect(bar).toHaveCSS('border-top-width', '1px');
  const colours = await page.evaluate(
    `[...document.querySelectorAll('.stage-bar')].map((bar) => getComputedStyle(bar).backgroundColor)`,
  );
  expect(new Set(colours as readonly string[]).size, 'stages that are over, go on and wait differ').toBeGreaterThan(2);
});

test('A list is ordered by the heads of its columns; ticked rows are acted on after a question, and that can be undone', async ({
  page,
}) => {
  await enter(page);
  await page.goto(`${seeded.url}/runs?kind=backup`);
  await page.getByRole('columnheader', { name: 'Read' }).getByRole('link').press('Enter');
  await expect(page).toHaveURL(/kind=backup&sort=bytes$/);
  await expect(page.getByRole('columnheader', { name: 'Read' })).toHaveAttribute('aria-sort', 'descending');
  await page.getByRole('columnheader', { name: 'Read' }).getByRole('link').click();
  await expect(page).toHaveURL(/sort=bytes&order=asc$/);
  await page.getByRole('link', { name: 'Next' }).click();
  await expect(page.getByRole('columnheader', { name: 'Read' })).toHaveAttribute('aria-sort', 'ascending');

  await page.goto(`${seeded.url}/plans`);
  const bar = page.getByRole('form', { name: 'Chosen plans' });
  await expect(bar).toBeHidden();
  await page.getByLabel('Choose all on this page').check();
  await bar.getByRole('button', { name: 'Pause…' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/^Pause 1.plan\?$/);
  expect(describe((await buildAxe(page).analyze()).violations)).toEqual([]);
  await page.getByRole('button', { name: /^Pause 1/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('1 done.');
  expect(describe((await buildAxe(page).analyze()).violations)).toEqual([]);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('cell', { name: 'is enabled' })).toBeVisible();
});

test('A log that grows while its reader has scrolled up keeps what is read and the newest, and says how much it let go', async ({
  page,
}) => {
  await enter(page);
  await page.goto(`${seeded.url}/runs/${seeded.trust.run}`);
  await page.locator('.log-scroll').waitFor();
  await growLog(page, 1, 5000);
  await page.locator('.log-scroll').evaluate((log) => log.scrollTo(0, log.scrollHeight / 2));
  const read = await page.evaluate<number>(LINE_READ);
  for (let from = 5001; from < 9000; from += 500) await growLog(page, from, 500);
  expect(await page.evaluate<number>(LINE_READ), 'the line under the reader’s eyes').toBe(read);
  const gaps = page.locator('.log-gap');
  await expect(gaps).toHaveCount(2);
  const held = await page.locator('.log-line').count();
  expect(held).toBeLessThanOrEqual(5250);
  const counts = await gaps.evaluateAll((marks) => marks.map((mark) => Number(mark.getAttribute('data-lines'))));
  expect(held + counts.reduce((sum, count) => sum + count, 0), 'each line is there or counted').toBe(9000);
  await expect(page.locator('.log-line').last()).toContainText('line 9000');
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await growLog(page, 9001, 3000);
  await expect(gaps).toHaveCount(1);
  await expect(gaps).toHaveText('7,000 lines are not kept on this page. The whole log can be downloaded.');
  await expect(page.locator('.log-line').last()).toBeInViewport();
});

test('What is hard to take back asks for the password where that was typed some time ago, and then does as it was sent', async ({
  page,
  watch,
}) => {
  watch.expectStatus(403);
  await enter(page);
  await page.goto(`${seeded.url}/settings`);
  seeded.advance(11 * MINUTE_MS);
  const minutes = page.getByLabel('Minutes until a session has to confirm who it is');
  await minutes.fill('15');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Confirm that it is you');
  await expect(page.locator('main')).toContainText('You want to change when sessions confirm');
  for (const size of [WIDE, NARROW]) {
    await page.setViewportSize(size);
    for (const theme of ['light', 'dark'] as const) {
      await setTheme(page, theme);
      expect.soft(describe((await buildAxe(page).analyze()).violations), `${theme}, ${size.width} wide`).toEqual([]);
      expect.soft(await findFaults(page), `${theme}, ${size.width} wide`).toEqual([]);
    }
  }
  const password = page.getByLabel('Your password');
  await expect(password).toBeFocused();
  await password.fill('not the password');
  await page.getByRole('button', { name: 'Confirm and go on' }).click();
  await expect(page.locator('main')).toContainText('The password is wrong.');
  await password.fill(seeded.admin.password);
  await page.getByRole('button', { name: 'Confirm and go on' }).click();
  await expect(page.locator('main')).toContainText('The settings are saved.');
  await expect(minutes).toHaveValue('15');
  seeded.advance(-11 * MINUTE_MS);
  entered = await page.context().cookies();
});

/** Lines as the stream brings them; the page's own come before. */
const growLog = (page: Page, from: number, count: number) =>
  page.evaluate(`(() => {
    const lines = Array.from({ length: ${count} }, (_, place) => ({ n: 1e6 + ${from} + place, at: Date.now(), level: 'info', text: 'line ' + (${from} + place) }));
    if (${from} === 1) document.querySelector('.log-lines').replaceChildren();
    document.querySelector('.log').dispatchEvent(new CustomEvent('holdfast:log', { bubbles: true, detail: lines }));
  })()`);

/** The number of the first line that a reader sees. */
const LINE_READ = `(() => {
  const top = document.querySelector('.log-scroll').getBoundingClientRect().top;
  return Number([...document.querySelectorAll('.log-line')].find((line) => line.getBoundingClientRect().bottom > top + 1).dataset.n);
})()`;

/** The rules of axe that theme and width can break; the size of targets is that of WCAG 2.2, which axe asks for only when told. */
const LOOK_RULES = ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable'];

/**
 * One load; theme and width change on the page itself, as they do for a person. All rules of axe at the wide light look, those that a look can
 * break in both themes at the narrow one, and in the wide dark on the pages that show every part.
 */
async function lookAt(page: Page, watch: PageWatch, { name, path, status = 200 }: SeededPage): Promise<void> {
  if (status !== 200) watch.expectStatus(status);
  await page.setViewportSize(WIDE);
  const answer = await page.goto(`${seeded.url}${path}`);
  expect.soft(answer?.status(), `answer of ${name}`).toBe(status);
  expect.soft(new URL(page.url()).pathname, `${name} stays where it is`).toBe(new URL(path, seeded.url).pathname);
  await setTheme(page, 'light');
  await installAxe(page);
  const { violations } = await buildPresentAxe(page).analyze();
  expect.soft(describe(violations), `accessibility of ${name}`).toEqual([]);
  expect.soft(await findFaults(page), `${name} at ${WIDE.width}`).toEqual([]);
  expect.soft(await page.evaluate(BEYOND_KEYS), `what keys cannot reach on ${name}`).toEqual([]);
  await takeSmallPicture(page, name, true);
  await page.setViewportSize(MIDDLE);
  expect.soft(await findFaults(page), `${name} at ${MIDDLE.width}`).toEqual([]);
  await page.setViewportSize(WIDE);
  await setTheme(page, 'dark');
  if (NARROW_TOO.has(name)) await expectLook(page, `the dark look of ${name}`);
  await takeSmallPicture(page, `${name}-dark`, false);
  await page.setViewportSize(NARROW);
  expect.soft(await findFaults(page), `${name} at ${NARROW.width}`).toEqual([]);
  expect.soft(await page.evaluate(SMALL_TARGETS), `what is hard to touch on ${name}`).toEqual([]);
  await expectLook(page, `the narrow dark look of ${name}`);
  await takeSmallPicture(page, `${name}-narrow`, NARROW_TOO.has(name));
  await setTheme(page, 'light');
  await expectLook(page, `the narrow light look of ${name}`);
}

async function expectLook(page: Page, what: string): Promise<void> {
  const { violations } = await buildPresentAxe(page).withRules(LOOK_RULES).analyze();
  expect.soft(describe(violations), what).toEqual([]);
}

/** What holds the focus, and whether that can be seen: an outline of two pixels at least, within the window. */
const FOCUS = `(() => {
  const node = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(node);
  const { top, bottom, height } = node.getBoundingClientRect();
  const isOutlined = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
  return { name: (node.innerText || node.getAttribute('aria-label') || node.tagName).slice(0, 60), isSeen: isOutlined && height > 0 && bottom > 0 && top < innerHeight };
})()`;

const setTheme = (page: Page, theme: 'light' | 'dark') =>
  page.evaluate(`document.documentElement.setAttribute('data-theme', '${theme}')`);

/** What acts and no key leads to, what looks as if a click did something and is no control, and what comes before its turn. */
const BEYOND_KEYS = `(() => {
  const controls = 'a[href], button, input, select, textarea, summary';
  const isShown = (node) => node.checkVisibility({ visibilityProperty: true });
  const name = (node) => node.outerHTML.slice(0, 120);
  const unreachable = [...document.querySelectorAll(controls)].filter(
    (node) => isShown(node) && !node.disabled && node.type !== 'hidden' && node.tabIndex < 0,
  );
  const mouseOnly = [...document.querySelectorAll('body *')].filter(
    (node) => getComputedStyle(node).cursor === 'pointer' && isShown(node) && node.closest(controls + ', label, [tabindex="0"]') === null,
  );
  const early = [...document.querySelectorAll('[tabindex]')].filter((node) => node.tabIndex > 0);
  return [...unreachable, ...mouseOnly, ...early].map(name);
})()`;

/** Controls that a finger may miss: lower or narrower than 44 pixels. A box is as big as its label; links amid text have no size of their own. */
const SMALL_TARGETS = `(() => {
  const wide = 'button, .button, .tool, summary, select, textarea, input:not([type=checkbox], [type=radio], [type=hidden])';
  const boxes = [...document.querySelectorAll('input[type=checkbox], input[type=radio]')].map((box) => box.closest('label') ?? box);
  return [...document.querySelectorAll(wide + ', .side-link'), ...boxes]
    .filter((node) => node.checkVisibility({ visibilityProperty: true }))
    .map((node) => [node, node.getBoundingClientRect()])
    .filter(([, { width, height }]) => width > 0 && (height < 43.5 || width < 43.5))
    .map(([node, { width, height }]) => Math.round(width) + ' × ' + Math.round(height) + ': ' + node.outerHTML.slice(0, 110));
})()`;

type Violations = Awaited<ReturnType<ReturnType<typeof buildAxe>['analyze']>>['violations'];

const describe = (violations: Violations): readonly string[] =>
  violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.html}`).join('\n')}`);

/**
 * What is wrong with the page whatever it shows: sideways scroll, no heading or two, no title, more rows than a page has; rows in a live
 * part that hold a control and have no id of their own, so that an update could move a tick or the focus to another row.
 */
async function findFaults(page: Page): Promise<readonly string[]> {
  const seen: {
    over: number;
    cut: readonly string[];
    headings: number;
    title: string;
    rows: number;
    nameless: readonly string[];
  } = await page.evaluate(`(() => {
    const root = document.documentElement;
    return {
      over: root.scrollWidth - root.clientWidth,
      cut: [...document.querySelectorAll('.table-wrap')].filter((wrap) => wrap.scrollWidth > wrap.clientWidth).map((wrap) => wrap.id),
      headings: document.querySelectorAll('h1').length,
      title: document.title,
      rows: Math.max(0, ...[...document.querySelectorAll('tbody')].map((body) => body.rows.length)),
      nameless: [...document.querySelectorAll('[data-live] [data-row], [data-live] .facts > div')]
        .filter((row) => row.parentElement.childElementCount > 1 && row.querySelector('a, button, input, select') !== null)
        .filter((row) => row.id === '' || document.querySelectorAll('#' + CSS.escape(row.id)).length > 1)
        .filter((row) => row.closest('dl') === null || row.querySelector('dt a, dt button') !== null)
        .map((row) => row.textContent.slice(0, 80)),
    };
  })()`);
  return [
    ...(seen.over > 0 ? [`scrolls sideways by ${seen.over} px`] : []),
    ...seen.cut.map((id) => `the table “${id}” is wider than its place`),
    ...(seen.headings === 1 ? [] : [`${seen.headings} headings of the first level`]),
    ...(/^\S.* · Holdfast$/u.test(seen.title) ? [] : [`the title is “${seen.title}”`]),
    ...seen.nameless.map((text) => `a row without an id of its own in a live part: “${text}”`),
    ...(seen.rows > HTTP.pageSizeMax ? [`a table of ${seen.rows} rows`] : []),
  ];
}

/** As WebP, which is a quarter of the size: for the documents when HOLDFAST_PICTURES is set; with `all` each theme and width; else none. */
async function takeSmallPicture(page: Page, name: string, isDocumented: boolean): Promise<void> {
  const pictures = findPictureFolder();
  if (pictures === undefined || (process.env['HOLDFAST_PICTURES'] !== 'all' && !isDocumented)) return;
  const folder = join(pictures, 'pages');
  await mkdir(folder, { recursive: true });
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 70, optimizeForSpeed: false });
  await session.detach();
  await writeFile(join(folder, `${name}.webp`), Buffer.from(data, 'base64'));
}
