import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { ApiHost, ApiPlan, ApiRun } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { createCanarySearch } from '../harness/part2/canaries.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld, REPOSITORY_PASSWORD } from '../harness/part2/world.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const MINUTE_MS = 60_000;
/** Held this long after the line was lost. */
const LINGER_MS = 60_000;
/** In all less than the hosts wait before they look for their tools again, which a leap would disturb. */
const AWAY_AFTER_MS = 3 * MINUTE_MS;
/** A leap that no line takes for silence. */
const HURRY_MS = 30_000;

let clock: LabClock;
let stack: Stack;
/** The one keeps its secrets, sealed; the other one none. */
let kept: LocalWorld;
let lean: LocalWorld;

test.beforeAll(async () => {
  clock = await startLabClock(5);
  stack = await startStack({ env: clock.env });
  kept = await prepareLocalWorld(stack, 'db-kept', 'new', { env: clock.env });
  lean = await prepareLocalWorld(stack, 'db-lean', 'new', { env: clock.env });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await clock?.stop();
});

/** What must not be in the state directory of a host that keeps no secrets: the password, and anything sealed. */
const search = createCanarySearch({ password: REPOSITORY_PASSWORD, box: '"secrets":{"box":"' });

type Secrets = { readonly mode: string; readonly place: 'here' | 'absent'; readonly waitingRuns: number };

async function readSecrets({ agent }: LocalWorld): Promise<Secrets> {
  const { stdout } = await agent.runCommand(['status', '--json']);
  return (JSON.parse(stdout) as { secrets: Secrets }).secrets;
}

async function makePlan(world: LocalWorld, fireAt: number): Promise<ApiPlan> {
  const folder = join(stack.directory, `folder ${world.host.name}`);
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  const source = await addSource(stack.api, world.host, `folder ${world.host.name}`, describeFiles([folder]));
  const at = new Date(fireAt);
  const schedule = { cron: `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`, zone: 'UTC' };
  const plan = await addPlan(stack.api, {
    name: `each day ${world.host.name}`,
    repository: world.repository,
    sources: [source],
    schedule,
  });
  await awaitSpec(stack, world.host);
  return plan;
}

const pids = () => [kept.agent.pid(), lean.agent.pid()];

/** The hosts wait longer and longer between their attempts to find the server; here such a wait passes fast. */
async function awaitBack(): Promise<void> {
  let hurriedAt = 0;
  const look = async (): Promise<true | undefined> => {
    const hosts = await stack.api.get<readonly (ApiHost & { standing: string })[]>('/hosts');
    if (hosts.every(({ standing }) => standing === 'online')) return true;
    if (performance.now() - hurriedAt > 1500) {
      hurriedAt = performance.now();
      await clock.leapTo(clock.now() + HURRY_MS, [stack.server.pid(), ...pids()]);
    }
    return undefined;
  };
  await waitFor('both hosts to be back', look, { deadlineMs: 30_000 });
}

test('without a server a host that keeps its secrets backs up, one that keeps none waits and says so, and backs up once it is back', async ({
  page,
}) => {
  await test.step('a person says that the host is to keep none', async () => {
    await signIn(page, stack.server.url, stack.admin, `/hosts/${lean.host.id}/edit`);
    await page.getByLabel('Secrets').selectOption('just_in_time');
    await expect(page.getByText('No backup runs on it while this server is away')).toBeVisible();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('not kept: no backup without this server')).toBeVisible();
    await awaitSpec(stack, lean.host);
  });

  const fireAt = Math.ceil((clock.now() + 2.5 * MINUTE_MS) / MINUTE_MS) * MINUTE_MS;
  const [keptPlan, leanPlan] = [await makePlan(kept, fireAt), await makePlan(lean, fireAt)];
  await test.step('with a server there is no difference but on the disk of the host', async () => {
    for (const plan of [keptPlan, leanPlan]) await stack.api.waitForRun(await runPlan(stack.api, plan), 'succeeded');
    expect(search.findInFolder(kept.agent.stateDir).join(), 'sealed; without this the next line would prove nothing').toMatch(
      /journal.*box/,
    );
    expect(search.findInFolder(lean.agent.stateDir)).toEqual([]);
    expect(await readSecrets(lean)).toMatchObject({ mode: 'just_in_time', place: 'here' });
    expect((await lean.agent.runCommand(['doctor'])).code).toBe(0);
  });

  // A page that is open would complain.
  await page.goto('about:blank');
  await stack.server.kill('SIGTERM');
  const connectionLost = /not connected; backups go on by schedule/;
  await Promise.all([kept, lean].map(({ agent }) => agent.awaitLog(connectionLost)));
  await test.step('a minute later the secrets are forgotten, and the host says what it waits for', async () => {
    await clock.leapTo(clock.now() + LINGER_MS + 1000, pids());
    await waitFor('the secrets to be forgotten', async () => (await readSecrets(lean)).place === 'absent' || undefined, {
      deadlineMs: 10_000,
    });
    expect((await lean.agent.runCommand(['status'])).stdout).toMatch(/waits for the server: secrets are not kept here/);
    const doctor = await lean.agent.runCommand(['doctor']);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/bad {3}secrets: waits for the server/);
    expect((await kept.agent.runCommand(['doctor'])).code).toBe(0);
    expect(clock.now(), 'it is not time yet').toBeLessThan(fireAt - 1000);
  });

  await test.step('the fire is a backup on the one host and a run that waits on the other', async () => {
    await clock.leapTo(fireAt - 300, pids());
    await waitFor('the backup', async () => (await kept.restic.countSnapshots()) === 2 || undefined, { deadlineMs: 20_000 });
    await waitFor('the run that waits', async () => (await readSecrets(lean)).waitingRuns === 1 || undefined, {
      deadlineMs: 20_000,
    });
    expect(await lean.restic.countSnapshots()).toBe(1);
    expect((await lean.agent.runCommand(['status'])).stdout).toMatch(/1 run waits already/);
    const restore = await lean.agent.runCommand(['restore', '--list']);
    expect(restore.code).toBe(1);
    expect(restore.stderr).toMatch(/keeps no secrets, and those of repository "disk db-lean" \(password\) were not given/);
  });

  await clock.leapTo(fireAt + AWAY_AFTER_MS, pids());
  const backAt = clock.now();
  await stack.server.restart();
  await awaitBack();
  await test.step('once the server is back it runs, late and with its true times', async () => {
    const findRun = async (plan: ApiPlan): Promise<ApiRun | undefined> =>
      (await stack.api.get<readonly (ApiRun & { plan?: string })[]>('/runs')).find(
        (run) => run.plan === plan.id && run.fireAt === fireAt,
      );
    const find = async () => (await findRun(leanPlan)) ?? undefined;
    const { id } = await waitFor('the run', find, { deadlineMs: 20_000 });
    const run = await stack.api.waitForRun(id, 'succeeded');
    expect((run.startedAt ?? 0) - fireAt).toBeGreaterThan(AWAY_AFTER_MS);
    expect(run.startedAt ?? 0).toBeGreaterThanOrEqual(backAt);
    expect(run.createdAt - fireAt, 'it was recorded when it was due').toBeLessThan(5000);
    const onTime = await findRun(keptPlan);
    expect((onTime?.startedAt ?? 0) - fireAt).toBeLessThan(5000);
    expect(await lean.restic.countSnapshots()).toBe(2);
    const { lines } = await stack.api.get<{ lines: readonly LogLine[] }>(`/runs/${id}/log?limit=100`);
    expect(lines[0]?.text).toMatch(/^waits: this host keeps no secrets and waits for the server/);
    expect(search.findInFolder(lean.agent.stateDir)).toEqual([]);
    await page.goto(`${stack.server.url}/runs/${id}`);
    await expect(page.getByText(/^waits: this host keeps no secrets/)).toBeVisible();
  });

  await test.step('the host page says how it stands', async () => {
    await page.goto(`${stack.server.url}/hosts/${lean.host.id}`);
    await expect(page.getByText('brought, in memory only')).toBeVisible();
    await expectAccessible(page);
  });
});
