import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { test as base, type ConsoleMessage, expect, type Locator, type Page, type TestInfo } from '@playwright/test';
import type { Account } from './first-admin.ts';
import { forgetLeaps, hasLeapt } from './lab-clock.ts';
import type { Stack } from './stack.ts';

const ROOT = join(import.meta.dirname, '../..');

/**
 * Where pictures go: to the documents when HOLDFAST_PICTURES is set, or with `all` to a folder that git leaves alone; undefined for none. Not
 * beside the results of the test: Playwright removes those of tests that passed.
 */
export function findPictureFolder(wish = process.env['HOLDFAST_PICTURES'] ?? ''): string | undefined {
  if (wish === '') return undefined;
  return join(ROOT, wish === 'all' ? '.pictures' : 'docs/pictures');
}

export type PageWatch = {
  /** An answer with this status is part of the scenario: the browser's own complaint about it is none. */
  expectStatus(status: number): void;
  /** Also counts as an own origin, such as a server that runs in a network namespace. */
  allowOrigin(url: string): void;
};

/** Set while a stack is ended under a page that is still open: what the page then misses is no problem. */
let isEnding = false;

/**
 * Playwright's test with a page that fails its test on any error in the console, any uncaught error, any breach of the content
 * security policy, and any request to another origin than the ones it was sent to by the scenario.
 */
export const test = base.extend<{ watch: PageWatch }>({
  watch: [
    async ({ page }, use) => {
      isEnding = false;
      forgetLeaps();
      const problems: string[] = [];
      const statuses = new Set<number>();
      const origins = new Set<string>();
      const goto = page.goto.bind(page);
      page.goto = async (url, options) => {
        origins.add(new URL(url).origin);
        return await goto(url, options);
      };
      page.on('console', (message) => {
        const problem = findProblem(message, statuses);
        if (problem !== undefined && !isEnding) problems.push(problem);
      });
      page.on('pageerror', (error) => problems.push(`uncaught ${error.message}`));
      page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        if (protocol.startsWith('http') && !origins.has(origin)) problems.push(`request to ${request.url()}`);
      });
      await use({
        expectStatus: (status) => void statuses.add(status),
        allowOrigin: (url) => void origins.add(new URL(url).origin),
      });
      expect(problems, 'what the browser complained about').toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

function findProblem(message: ConsoleMessage, expectedStatuses: ReadonlySet<number>): string | undefined {
  const text = message.text();
  if (message.type() !== 'error' && !/content.security.policy/i.test(text)) return undefined;
  // Said of every page that is served by plain HTTP from another machine, as operators on a private network do.
  if (text.startsWith('The Cross-Origin-Opener-Policy header has been ignored')) return undefined;
  // Ended by a server whose time leapt; the page asks again by itself.
  if (hasLeapt() && /status of 408|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/.test(text)) return undefined;
  const status = /status of (\d{3})/.exec(text)?.[1];
  if (status !== undefined && expectedStatuses.has(Number(status))) return undefined;
  return `${text} (${message.location().url})`;
}

/** Signs in as a person does who opened the page at `path` (the overview unless told) and was asked who they are. */
export async function signIn(page: Page, baseUrl: string, account: Account, path = '/'): Promise<void> {
  await page.goto(`${baseUrl}${path}`);
  await page.waitForURL(/\/login/);
  await fillLogin(page, account);
  await page.waitForURL(`${baseUrl}${path}`);
}

/** Fills the login page, which must be open, and sends it. */
export async function fillLogin(page: Page, account: Account): Promise<void> {
  await page.getByLabel('Name').fill(account.name);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Clicks what opens a question, types the name it asks for when there is one, and answers it with its verb. */
export async function confirmAct(opener: Locator, verb: string | RegExp, typed?: string): Promise<void> {
  await opener.click();
  const dialog = opener.page().getByRole('dialog').filter({ visible: true });
  if (typed !== undefined) await dialog.getByLabel(/to confirm$/).fill(typed);
  await dialog.getByRole('button', { name: verb }).click();
}

/**
 * What axe finds on the page as it is now. Its legacy mode looks for the same and does without a page of its own for each report, which is most
 * of its time; only frames of other origins it would leave out, and our pages have no frames. Describing what is right would take as long again.
 */
export const buildAxe = (page: Page): AxeBuilder =>
  new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ['violations'] });

const AXE = readFileSync(createRequire(import.meta.resolve('@axe-core/playwright')).resolve('axe-core/axe.min.js'), 'utf8');

/** Brings axe into the page, for looks by `buildPresentAxe` until it is left: each of the others brings it along twice, which takes as long as a look. */
export const installAxe = (page: Page): Promise<unknown> => page.evaluate(AXE);

export const buildPresentAxe = (page: Page): AxeBuilder =>
  new AxeBuilder({ page, axeSource: 'void 0' }).setLegacyMode(true).options({ resultTypes: ['violations'] });

/** Nothing that axe knows is wrong with the page as it is now. The test goes on, and fails at its end. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await buildAxe(page).analyze();
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.html}`).join('\n')}`);
  expect.soft(found, `accessibility of ${page.url()}`).toEqual([]);
}

/** A picture of the page: where pictures are wished for there, else beside the results of the test. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const folder = findPictureFolder() ?? test.info().outputDir;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
}

/** Ends the stack; the logs of a test that failed are attached to it first. */
export async function finishStack(stack: Stack | undefined, info: TestInfo): Promise<void> {
  if (stack === undefined) return;
  isEnding = true;
  if (info.errors.length > 0 || info.status !== info.expectedStatus) {
    for (const [name, text] of Object.entries(await stack.readLogs()))
      await info.attach(`${name}.log`, { body: text, contentType: 'text/plain' });
  }
  await stack.stop();
}
