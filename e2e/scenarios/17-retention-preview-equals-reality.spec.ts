import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiPlan, ApiRun, ApiSnapshot } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import {
  addPlan,
  addRepository,
  addSource,
  createResticByHand,
  describeFiles,
  describeLocal,
  type ResticByHand,
  runPlan,
} from '../harness/catalog.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec, makeFolder } from '../harness/part2/world.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const PASSWORD = 'otters under ferns';
/** Noons of two years. 9 November is a Sunday, with which its week ends. */
const DAYS = [
  ...['2024-02-05', '2024-04-05', '2024-06-05', '2024-08-05', '2024-10-05', '2024-12-05', '2025-02-05', '2025-04-05'],
  ...['2025-06-05', '2025-08-05', '2025-10-05', '2025-11-05', '2025-11-09', '2025-11-10'],
];
const PINNED = '2024-06-05';
const RULES = { daily: 2, weekly: 2, monthly: 5, yearly: 2 };

type Dated = ApiSnapshot & { readonly createdAt: number };
type Preview = {
  readonly sources: readonly {
    readonly removes: number;
    readonly backups: readonly { readonly engineIds: readonly string[]; readonly verdict: string }[];
  }[];
};
type Forecast = readonly { readonly remove: readonly { readonly id: string }[] | null }[];

let stack: Stack;
let host: EnrolledHost;
let plan: ApiPlan;
let restic: ResticByHand;

test.beforeAll(async () => {
  stack = await startStack();
  const { path } = await getRestic('new');
  // Backups of two years in a few seconds: restic is told another time than it is.
  const clock = join(stack.directory, 'time');
  const before = `case " $* " in *" backup "*) set -- "--time=$(cat ${quote(clock)})" "$@";; esac`;
  const tools = await wrapTool(join(stack.directory, 'tools'), { name: 'restic', real: path, before });
  host = await stack.enrolHost('files-1', { toolPath: [tools] });
  const repositoryPath = join(stack.directory, 'repository');
  const repository = await addRepository(stack.api, host.host, 'disk', describeLocal(repositoryPath, PASSWORD));
  restic = createResticByHand(path, stack.directory, { RESTIC_REPOSITORY: repositoryPath, RESTIC_PASSWORD: PASSWORD, TZ: 'UTC' });
  const folder = await makeFolder(stack, 'letters');
  const source = await addSource(stack.api, host.host, 'letters', describeFiles([folder]));
  plan = await addPlan(stack.api, { name: 'nightly', repository, sources: [source] });
  await awaitSpec(stack, host.host);
  for (const day of DAYS) {
    await writeFile(clock, `${day} 12:00:00`);
    await writeFile(join(folder, 'letter'), day);
    await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
  }
});
test.afterAll(async ({ browserName: _ }, info) => finishStack(stack, info));

const dayOf = ({ createdAt }: Dated) => new Date(createdAt).toISOString().slice(0, 10);
const sorted = (ids: readonly string[]) => [...ids].sort();

test('what the preview says will go is what goes, by restic’s own reckoning as well; what is pinned stays', async ({ page }) => {
  const { api, server } = stack;
  const snapshots = await api.get<readonly Dated[]>(`/snapshots?plan=${plan.id}&role=data&limit=200`);
  expect(snapshots.map(dayOf).sort()).toEqual(DAYS);
  const pinned = snapshots.find((snapshot) => dayOf(snapshot) === PINNED);
  if (pinned === undefined) throw new Error('There is nothing to pin.');
  await api.post(`/snapshots/${pinned.id}/pin`);
  const policy = await api.post<{ id: string }>('/retention-policies', {
    name: 'Two of each',
    policy: { kind: 'rules', ...RULES },
  });
  const changed = await api.send('PATCH', `/plans/${plan.id}`, { retentionPolicy: policy.id });
  expect(changed.status, changed.text).toBe(200);
  await awaitSpec(stack, host.host);

  const before = (await restic.listSnapshots()).map(({ id }) => id);
  const rules = Object.entries(RULES).map(([tier, number]) => `--keep-${tier}=${number}`);
  const [forecast] = JSON.parse(await restic.run('forget', '--dry-run', '--json', '--group-by=', ...rules)) as Forecast;
  const expected = (forecast?.remove ?? []).map(({ id }) => id).filter((id) => id !== pinned.engineId);
  const { sources } = await api.get<Preview>(`/plans/${plan.id}/retention`);
  const said = sources.flatMap(({ backups }) =>
    backups.flatMap(({ engineIds, verdict }) => (verdict === 'remove' ? engineIds : [])),
  );
  expect(said.length).toBeGreaterThan(3);
  expect(sorted(said)).toEqual(sorted(expected));

  await signIn(page, server.url, stack.admin, `/plans/${plan.id}`);
  await expect(page.locator('#plan-retention')).toContainText(`${DAYS.length - said.length} stay, ${said.length} go next time`);
  await page.getByRole('link', { name: 'Each backup, and why' }).click();
  await expect(page.locator('main')).toContainText('pinned');
  await expectAccessible(page);
  await page.goto(`${server.url}/plans/${plan.id}`);
  await page.getByRole('button', { name: `Remove ${said.length} backups now` }).click();
  await page.getByRole('button', { name: `Remove ${said.length} backups`, exact: true }).click();
  const ordered = async () => (await api.get<readonly ApiRun[]>(`/runs?kind=forget&plan=${plan.id}`)).at(0);
  const { id } = await waitFor('the run that removes them', ordered, { deadlineMs: 30_000 });
  await api.waitForRun(id, 'succeeded');

  const after = new Set((await restic.listSnapshots()).map(({ id }) => id));
  expect(sorted(before.filter((id) => !after.has(id)))).toEqual(sorted(said));
  expect(after.has(pinned.engineId)).toBe(true);
  const log = await api.readLog(id);
  for (const removed of said) expect(log).toContain(removed.slice(0, 8));
  const gone = await api.get<readonly Dated[]>(`/snapshots?plan=${plan.id}&state=removed&limit=200`);
  expect(sorted(gone.map(({ engineId }) => engineId))).toEqual(sorted(said));
});
