/** What a person does on the pages, click by click, for scenarios that go the same way. Labels are those of the screens. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { expect, type Locator, type Page } from '@playwright/test';

/** A text is typed or chosen, a boolean ticks. By label; a field that is folded away is unfolded first. */
export type FieldValues = Readonly<Record<string, string | boolean>>;

export async function fillFields(page: Page, values: FieldValues): Promise<void> {
  for (const [label, value] of Object.entries(values)) {
    const field = findField(page, label);
    const fold = field.locator('xpath=ancestor::details[not(@open)]');
    if ((await fold.count()) > 0) await fold.locator('summary').click();
    if (typeof value === 'boolean') await field.setChecked(value);
    else if ((await field.evaluate('node => node.tagName')) === 'SELECT') await field.selectOption({ label: value });
    else await field.fill(value);
  }
}

/** A field by its label, with or without the word that says it is optional. */
export function findField(page: Page, label: string): Locator {
  const escaped = label.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return page.locator('main').getByLabel(new RegExp(`^\\s*${escaped}(\\s+optional)?\\s*$`));
}

/** From a host's page to the empty form of a source on it. */
export async function openSourceForm(page: Page, baseUrl: string, hostId: string, kindLabel: string): Promise<void> {
  await page.goto(`${baseUrl}/hosts/${hostId}`);
  await page.getByRole('link', { name: 'Add source' }).first().click();
  await page.getByRole('link', { name: kindLabel, exact: true }).click();
  await expect(page.getByRole('button', { name: 'Test and save' })).toBeVisible();
}

/** From the list to the empty form of a repository. */
export async function openRepositoryForm(page: Page, baseUrl: string, kindLabel: string): Promise<void> {
  await page.goto(`${baseUrl}/repositories/new`);
  await page.getByRole('link', { name: kindLabel, exact: true }).click();
  await expect(page.getByRole('button', { name: 'Test and save' })).toBeVisible();
}

/** Saves a new repository, which is tested from `hostName`, is told that there is none, and creates it there. */
export async function createRepositoryThere(page: Page, hostName: string): Promise<void> {
  await findField(page, 'Tested from').selectOption({ label: hostName });
  await page.getByRole('button', { name: 'Test and save' }).click();
  const result = page.locator('#test-result').getByText('There is no repository at this address yet.');
  await expect(result).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Create the repository there' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('is ready and empty', { timeout: 30_000 });
}

export type PlanClicks = {
  readonly name: string;
  readonly sources: readonly string[];
  readonly repository: string;
  /** The label of a preset; only by hand unless told. */
  readonly times?: string;
};

/** Fills the sentence of a new plan and saves it; ends on the plan's page. */
export async function makePlan(page: Page, baseUrl: string, { name, sources, repository, times }: PlanClicks): Promise<void> {
  await page.goto(`${baseUrl}/plans/new`);
  for (const source of sources) await page.getByRole('checkbox', { name: new RegExp(`^${source}( |$)`) }).check();
  await chooseOption(page.getByLabel('to the repository'), new RegExp(`^${repository}( |$)`));
  await page.getByRole('radio', { name: times ?? /by hand/i }).check();
  await page.getByLabel('and call it').fill(name);
  await page.locator('#plan-form').getByRole('button').first().click();
  await expect(page.getByRole('button', { name: 'Run now' })).toBeVisible();
}

/** Clicks Run now on the open plan page and gives the run whose page it leads to. */
export async function runNow(page: Page): Promise<RunId> {
  await page.getByRole('button', { name: 'Run now' }).click();
  return await readRunId(page);
}

/** The run whose page is being opened. */
export async function readRunId(page: Page): Promise<RunId> {
  await page.waitForURL(/\/runs\/run_[A-Za-z0-9_-]+$/);
  return page.url().split('/').at(-1) as RunId;
}

export type RestoreClicks = { readonly place: RegExp; readonly target: string; readonly keepPrivileges?: boolean };

/** From a snapshot's page through the restore's four steps; gives the run whose page it leads to. */
export async function restoreSnapshot(page: Page, { place, target, keepPrivileges }: RestoreClicks): Promise<RunId> {
  await page.getByRole('link', { name: 'Restore this…' }).click();
  await chooseOption(page.locator('select[name=place]'), place);
  await page.locator('input[name=target]').fill(target);
  if (keepPrivileges === true) await page.getByLabel('Keep setuid bits, capabilities and devices').check();
  await page.locator('input[name=understood]').check();
  await page.getByRole('button', { name: 'Start the restore' }).click();
  return await readRunId(page);
}

/** Chooses the first option whose text matches. */
async function chooseOption(select: Locator, pattern: RegExp): Promise<void> {
  const options = (await select.locator('option').allInnerTexts()).map((text) => text.trim());
  const label = options.find((option) => pattern.test(option));
  if (label === undefined) throw new Error(`No option matches ${pattern}: ${options.join(', ')}`);
  await select.selectOption({ label });
}
