import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeQuickRepository } from '@holdfast/agent/engines/restic/fixtures/quick-repository.ts';
import type { ApiHost, ApiPlan, ApiRepository, ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addSource, createResticByHand, describeFiles, type ResticByHand, runPlan } from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { type RestServerHandle, startRestServer } from '../harness/services/rest-server.ts';
import { type ToolOutcome, tryTool } from '../harness/services/tool-run.ts';
import { getRestic } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const PASSWORD = 'otters under ferns';
const DAY_MS = 24 * 3_600_000;
const BACKUPS = 4;
const KEPT = 2;

let clock: LabClock;
let stack: Stack;
let everyday: RestServerHandle;
let admin: RestServerHandle;
let db: EnrolledHost;
let repository: ApiRepository;
/** With the credential that may only add. */
let restic: ResticByHand;
let removeDirectly: (id: string) => Promise<ToolOutcome>;

type Run = ApiRun & { readonly kind: string };

const addressOf = (server: RestServerHandle) => ({ url: `${server.url}shop/`, username: server.user ?? '' });

test.beforeAll(async () => {
  clock = await startLabClock();
  everyday = await startRestServer({ appendOnly: true });
  admin = await startRestServer({ dataDirectory: everyday.dataDirectory });
  stack = await startStack({ env: clock.env });
  db = await stack.enrolHost('db-1', { env: clock.env });
  makeQuickRepository(join(everyday.dataDirectory, 'shop'), PASSWORD);
  const { path } = await getRestic('new');
  const env = { RESTIC_REPOSITORY: everyday.buildRepository('shop'), RESTIC_PASSWORD: PASSWORD };
  restic = createResticByHand(path, stack.directory, env);
  const own = { HOME: stack.directory, RESTIC_CACHE_DIR: join(stack.directory, 'cache-of-an-attacker'), ...env };
  removeDirectly = (id) => tryTool(path, ['forget', id], { env: own });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await admin?.stop();
  await everyday?.stop();
  await clock?.stop();
});

/** Until the ticker has ordered such a run and it has ended well; each look lets a little time pass. */
async function awaitOrdered(kind: string): Promise<Run> {
  const pids = [stack.server.pid(), db.agent.pid()];
  const look = async (): Promise<Run | undefined> => {
    const runs = await stack.api.get<readonly Run[]>(`/runs?kind=${kind}&limit=10`);
    const failed = runs.find(({ state }) => state === 'failed');
    if (failed) throw new Error(`${kind} failed: ${failed.failure?.message}`);
    const done = runs.find(({ state }) => state === 'succeeded');
    const { standing } = await stack.api.get<ApiHost>(`/hosts/${db.host.id}`);
    if (!done && runs.length === 0 && standing === 'online') await clock.leapTo(clock.now() + 15_000, pids);
    return done;
  };
  return waitFor(`a ${kind} that nobody ordered`, look, { deadlineMs: 60_000, intervalMs: 300 });
}

test('retention and prunes that are due go through the admin credential; the everyday one deletes nothing', async ({ page }) => {
  const { api } = stack;
  const pids = () => [stack.server.pid(), db.agent.pid()];

  await test.step('a repository that the host may only add to is filled', async () => {
    const secrets = { password: PASSWORD, restPassword: everyday.password ?? '' };
    repository = await api.post('/repositories', {
      name: 'vault',
      kind: 'rest',
      config: { ...addressOf(everyday), allowHttp: true },
      secrets,
    });
    await api.post(`/repositories/${repository.id}/test`, { host: db.host.id });
    await api.post(`/repositories/${repository.id}/admin-credential`, {
      config: addressOf(admin),
      secrets: { restPassword: admin.password ?? '' },
    });
    const folder = join(stack.directory, 'letters');
    await mkdir(folder);
    const source = await addSource(api, db.host, 'letters', describeFiles([folder]));
    const policy = await api.post<{ id: string }>('/retention-policies', {
      name: 'The last two',
      policy: { kind: 'rules', last: KEPT },
    });
    const plan = await api.post<ApiPlan>('/plans', {
      name: 'nightly',
      repository: repository.id,
      sources: [source.id],
      retentionPolicy: policy.id,
    });
    await awaitSpec(stack, db.host);
    for (let count = 0; count < BACKUPS; count += 1) {
      await writeFile(join(folder, 'a'), String(count));
      await api.waitForRun(await runPlan(api, plan), 'succeeded');
      if (count === KEPT - 1) expect(await restic.countSnapshots()).toBe(KEPT);
    }
  });

  await test.step('the everyday credential, used directly, deletes no snapshot', async () => {
    const [first] = await restic.listSnapshots();
    const before = await restic.countSnapshots();
    const { stdout, stderr } = await removeDirectly(first?.id ?? '');
    expect(`${stdout}${stderr}`).toMatch(/403|Forbidden|not removed|unable to remove/i);
    expect(await restic.countSnapshots()).toBe(before);
  });

  await test.step('retention is ordered by itself', async () => {
    const run = await awaitOrdered('forget');
    expect([run.trigger, run.host]).toEqual(['schedule', db.host.id]);
    expect(await restic.countSnapshots()).toBeLessThan(BACKUPS);
  });

  await test.step('a week later the prune is, once, and then the check of the first part', async () => {
    await clock.leapTo(clock.now() + 7 * DAY_MS, pids());
    const prune = await awaitOrdered('prune');
    expect(prune.trigger).toBe('schedule');
    const check = await awaitOrdered('check');
    expect(check.trigger).toBe('schedule');
    expect((await api.get<readonly Run[]>('/runs?kind=prune&limit=10')).length).toBe(1);
    const { routine } = await api.get<{ routine: { maintainer: object } }>(`/repositories/${repository.id}/routine`);
    expect(routine.maintainer).toEqual({ host: db.host.id, isChosen: false });
  });

  await test.step('the page of the repository says who maintains it and what comes next', async () => {
    await signIn(page, stack.server.url, stack.admin, `/repositories/${repository.id}`);
    const routine = page.locator('#routine');
    await expect(routine).toContainText('db-1 maintains it');
    await expect(routine.locator('#duty-check')).toContainText('next part 2 of 12');
    await expect(routine.locator('#duty-prune')).toContainText('planned');
    await expectAccessible(page);
    await takePicture(page, 'repository-routine');
    await routine.getByRole('link', { name: 'Change…' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Which maintenance is automatic?');
    await expectAccessible(page);
    await takePicture(page, 'routine-form');
  });
});
