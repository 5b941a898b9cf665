/** That a run is told once and whole: in the API, and on its page. */
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { Page } from '@playwright/test';
import type { ApiClient, ApiRun } from './api.ts';
import { expect } from './browser.ts';

const countUpTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

const CLEAN_END = /evidence|succeeded|finished/;

/** All lines of a backup, numbered without a gap or a repeat, from its first word to its last: that of a clean one unless told. */
export async function expectWholeLog(api: ApiClient, run: ApiRun, lastWord = CLEAN_END): Promise<readonly LogLine[]> {
  const { lines } = await api.get<{ lines: readonly LogLine[] }>(`/runs/${run.id}/log?limit=2000`);
  expect(lines.map(({ n }) => n)).toEqual(countUpTo(run.logLines));
  expect(lines[0]?.text).toContain('pre-flight');
  expect(lines.at(-1)?.text).toMatch(lastWord);
  return lines;
}

/** Opens the run's page: it shows the state, and every line that the API gives, in order and once. */
export async function expectWholePage(page: Page, baseUrl: string, run: ApiRun, lines: readonly LogLine[]): Promise<void> {
  await page.goto(`${baseUrl}/runs/${run.id}`);
  await expect(page.locator('main .status').filter({ hasText: run.state }).first()).toBeVisible();
  const shown = page.getByRole('log').locator('li.log-line');
  await expect(shown).toHaveCount(lines.length);
  const numbers = await shown.evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('data-n'))));
  expect(numbers).toEqual(countUpTo(lines.length));
  await expect(shown.locator('.log-text')).toHaveText(lines.map(({ text }) => text));
}
