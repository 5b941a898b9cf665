import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiHost, ApiRun, ApiSnapshot } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { awaitSpec, type LocalWorld, prepareLocalWorld } from '../harness/part2/world.ts';
import { type ServerProcess, startServer } from '../harness/server-process.ts';
import { findFreePort } from '../harness/services/free-port.ts';
import { createPrivateDirectory } from '../harness/services/private-directory.ts';
import { type ServiceProcess, startServiceProcess } from '../harness/services/service-process.ts';
import { tryTool } from '../harness/services/tool-run.ts';
import { getTool } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const TOKEN = randomBytes(24).toString('base64url');
const RIGHT = { authorization: `Bearer ${TOKEN}` };
const WRONG = { authorization: `Bearer ${TOKEN.slice(0, -1)}` };

let stack: Stack;
let prometheus: ServiceProcess | undefined;

test.beforeAll(async () => {
  stack = await startStack({ env: { HOLDFAST_METRICS_TOKEN: TOKEN, HOLDFAST_METRICS_CIDR: '127.0.0.0/8' } });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await prometheus?.stop();
  await finishStack(stack, info);
});

const ask = async (url: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(`${url}/metrics`, { headers });
  return { status: answer.status, text: await answer.text() };
};

test('metrics exist only when they are asked for, and only for who passes every gate that is set', async () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, none: number, wrong: number, right: number])[] = [
    [{}, 404, 404, 404],
    [{ HOLDFAST_METRICS_TOKEN: TOKEN }, 401, 401, 200],
    [{ HOLDFAST_METRICS_CIDR: '127.0.0.1' }, 200, 200, 200],
    [{ HOLDFAST_METRICS_CIDR: '10.0.0.0/8, fd00::/8' }, 403, 403, 403],
    [{ HOLDFAST_METRICS_CIDR: '10.0.0.0/8', HOLDFAST_METRICS_TOKEN: TOKEN }, 403, 403, 403],
    [{ HOLDFAST_METRICS_CIDR: '127.0.0.0/8', HOLDFAST_METRICS_TOKEN: TOKEN }, 401, 401, 200],
  ];
  const home = await createPrivateDirectory('gates');
  const servers: ServerProcess[] = [];
  try {
    await Promise.all(
      cases.map(async ([env, ...expected], index) => {
        const directory = join(home.path, String(index));
        await mkdir(directory);
        const server = await startServer(directory, { env });
        servers.push(server);
        const seen = await Promise.all([{}, WRONG, RIGHT].map((headers) => ask(server.url, headers)));
        expect(
          seen.map(({ status }) => status),
          JSON.stringify(env),
        ).toEqual(expected);
        for (const { status, text } of seen) expect(text.includes('holdfast_build_info')).toBe(status === 200);
        // The token is nothing a login, a query or another scheme could stand in for.
        expect((await fetch(`${server.url}/metrics?token=${TOKEN}`)).status).toBe(expected[0]);
      }),
    );
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await home.remove();
  }
});

test('Prometheus itself scrapes what the ledger says, and promtool finds nothing wrong', async ({ page }) => {
  const world = await prepareLocalWorld(stack, 'db-1');
  await makeRuns(world);
  prometheus = await startPrometheus();
  const query = createQuery(await readPort());

  const { text } = await ask(stack.server.url, RIGHT);
  const checked = await tryTool(getTool('promtool'), ['check', 'metrics'], { input: text });
  expect([checked.code, checked.stdout, checked.stderr]).toEqual([0, '', '']);

  await waitFor('a scrape', async () => ((await query('up{job="holdfast"}'))[0]?.value === 1 ? true : undefined), {
    deadlineMs: 20_000,
  });
  await stack.api.waitForHost(world.host.id, 'online');
  const runs = await stack.api.get<readonly (ApiRun & { kind: string; durationMs?: number })[]>('/runs?limit=200');
  const hosts = await stack.api.get<readonly ApiHost[]>('/hosts');
  const snapshots = await stack.api.get<readonly ApiSnapshot[]>('/snapshots?limit=200');
  const ofState = (state: string) => runs.filter((run) => run.state === state);
  const seconds = ofState('succeeded').reduce((sum, run) => sum + (run.durationMs ?? 0) / 1000, 0);
  const newest = Math.max(...ofState('succeeded').map((run) => run.finishedAt ?? 0)) / 1000;
  const expected: Readonly<Record<string, number>> = {
    'holdfast_runs_total{kind="backup",state="succeeded"}': ofState('succeeded').length,
    'holdfast_runs_total{kind="backup",state="failed"}': ofState('failed').length,
    'holdfast_run_duration_seconds_count{kind="backup",state="succeeded"}': ofState('succeeded').length,
    'holdfast_hosts{standing="online"}': hosts.length,
    'holdfast_hosts{standing="offline"}': 0,
    'holdfast_host_online{host="db-1"}': 1,
    'holdfast_host_spec_drift{host="db-1"}': 0,
    holdfast_agent_sessions: 1,
    holdfast_pending_hosts: 0,
    holdfast_active_runs: 0,
    holdfast_queued_runs: 0,
    holdfast_sources: 2,
    holdfast_plans: 2,
    holdfast_repositories: 1,
    'holdfast_snapshots{repository="disk db-1"}': snapshots.length,
    'holdfast_source_last_success_bytes{host="db-1",source="odd \\"name\\" {x}"}': 7,
    holdfast_enabled_plans: 2,
    holdfast_agent_connections_total: 1,
    holdfast_waiting_orders: 0,
    'holdfast_series_left_out{of="sources"}': 0,
    'count(holdfast_source_last_success_duration_seconds)': 1,
    'count(holdfast_data_disk_free_bytes < holdfast_data_disk_size_bytes)': 1,
  };
  expect(ofState('succeeded').length).toBeGreaterThan(1);
  expect(ofState('failed').length).toBeGreaterThan(0);
  for (const [series, value] of Object.entries(expected)) {
    const found = await waitFor(series, async () => ((await query(series))[0]?.value === value ? value : undefined), {
      deadlineMs: 5000,
    }).catch(async () => (await query(series))[0]?.value);
    expect(found, series).toBe(value);
  }
  const [sum] = await query('holdfast_run_duration_seconds_sum{kind="backup",state="succeeded"}');
  expect(sum?.value).toBeCloseTo(seconds, 3);
  const [success] = await query('holdfast_source_last_success_timestamp_seconds');
  // The run goes on a moment after its snapshot is proven.
  expect(Math.abs((success?.value ?? 0) - newest)).toBeLessThan(2);

  await test.step('pages say the same numbers', async () => {
    const lists: Readonly<Record<string, string>> = {
      '/sources': 'holdfast_sources',
      '/snapshots': 'holdfast_snapshots{repository="disk db-1"}',
      '/runs?state=failed': 'holdfast_runs_total{kind="backup",state="failed"}',
    };
    await signIn(page, stack.server.url, stack.admin, '/hosts');
    await expect(page.locator('#side-nav [data-count="hosts"]')).toHaveText(
      `Hosts${(await query('holdfast_hosts{standing="online"}'))[0]?.value}`,
    );
    for (const [path, series] of Object.entries(lists)) {
      await page.goto(`${stack.server.url}${path}`);
      await expect(page.locator('main tr[data-row]'), path).toHaveCount((await query(series))[0]?.value ?? -1);
    }
  });

  await test.step('the shipped rules are read and evaluated, and nothing is wrong yet', async () => {
    const groups = await waitFor(
      'the first round of the rules',
      async () => {
        const answer = await fetch(`http://127.0.0.1:${await readPort()}/api/v1/rules`);
        const { data } = (await answer.json()) as { data: { groups: readonly { rules: readonly Rule[] }[] } };
        return data.groups.every(({ rules }) => rules.every(({ health }) => health !== 'unknown')) ? data.groups : undefined;
      },
      { deadlineMs: 20_000 },
    );
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(10);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([]);
  });

  await test.step('series go with what they were about; what it never scrapes is a secret or an id', async () => {
    await world.agent.stop();
    await waitFor(
      'the host to be gone',
      async () => ((await query('holdfast_agent_sessions'))[0]?.value === 0 ? true : undefined),
      {
        deadlineMs: 10_000,
      },
    );
    const last = (await ask(stack.server.url, RIGHT)).text;
    expect(last).not.toMatch(/run_[0-9A-Za-z]{10}|snap_|src_|otters/);
  });
});

/** Two good backups of a source with a name that Prometheus has to escape, and one that fails. */
async function makeRuns({ host, repository }: LocalWorld): Promise<void> {
  const { api } = stack;
  const folder = join(stack.directory, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'file'), 'content');
  const source = await addSource(api, host, 'odd "name" {x}', describeFiles([folder]));
  const gone = await addSource(api, host, 'gone', describeFiles([join(stack.directory, 'nowhere')]));
  const good = await addPlan(api, { name: 'good', repository, sources: [source] });
  const bad = await addPlan(api, { name: 'bad', repository, sources: [gone] });
  await awaitSpec(stack, host);
  for (const _ of [1, 2]) await api.waitForRun(await runPlan(api, good), 'succeeded');
  await api.waitForRun(await runPlan(api, bad), 'failed');
}

let port: number | undefined;

async function readPort(): Promise<number> {
  port ??= await findFreePort();
  return port;
}

async function startPrometheus(): Promise<ServiceProcess> {
  const home = join(stack.directory, 'prometheus');
  await mkdir(home);
  await writeFile(join(home, 'token'), TOKEN, { mode: 0o600 });
  const { host } = new URL(stack.server.url);
  const config = [
    'global: { scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 1s }',
    `rule_files: [${join(import.meta.dirname, '../../docs/prometheus/holdfast.rules.yml')}]`,
    'scrape_configs:',
    '  - job_name: holdfast',
    `    authorization: { credentials_file: ${join(home, 'token')} }`,
    `    static_configs: [{ targets: ["${host}"] }]`,
  ];
  await writeFile(join(home, 'prometheus.yml'), `${config.join('\n')}\n`);
  const args = [
    `--config.file=${join(home, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(home, 'data')}`,
    `--web.listen-address=127.0.0.1:${await readPort()}`,
  ];
  const started = startServiceProcess({ command: getTool('prometheus'), args, cwd: home });
  await started.awaitOutput(/Server is ready to receive web requests/);
  return started;
}

type Rule = { readonly name: string; readonly health: string; readonly state: string };
type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

function createQuery(at: number): (promql: string) => Promise<readonly Sample[]> {
  return async (promql) => {
    const answer = await fetch(`http://127.0.0.1:${at}/api/v1/query?query=${encodeURIComponent(promql)}`);
    const { data } = (await answer.json()) as {
      data: { result: readonly { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  };
}
