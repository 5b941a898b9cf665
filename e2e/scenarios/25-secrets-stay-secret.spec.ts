import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiHost, ApiPlan, ApiRepository, ApiRun, ApiSource } from '../harness/api.ts';
import { expect, finishStack, test } from '../harness/browser.ts';
import {
  addPlan,
  addRepository,
  addSource,
  type Described,
  describeLocal,
  describePostgres,
  runPlan,
} from '../harness/catalog.ts';
import { type CanarySearch, createCanarySearch, watchProcesses } from '../harness/part2/canaries.ts';
import { crawlPages, openSession } from '../harness/part2/crawl.ts';
import {
  describeRest,
  describeS3,
  describeSftp,
  type RemoteStorages,
  startRemoteStorages,
} from '../harness/part2/remote-repositories.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { tryTool } from '../harness/services/tool-run.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const SERVER_PROGRAM = join(import.meta.dirname, '../../server/bin/holdfast-server');
/** A quote, a percent sign and a blank, so that forms under which a secret may be written differ. */
const makeSecret = (name: string) => `${name}-"% ${randomBytes(12).toString('hex')}`;

const metricsFile = `/dev/shm/holdfast-metrics-${process.pid}`;
const METRICS_TOKEN = randomBytes(24).toString('base64url');
const SECRETS = {
  'source password': makeSecret('source'),
  'wrong source password': makeSecret('wrong'),
  'repository password': makeSecret('repository'),
  'wrong repository password': makeSecret('mistaken'),
};

let stack: Stack;
let postgres: PostgresHandle;
let storages: RemoteStorages;
let canaries: CanarySearch;
let enrolled: EnrolledHost;
let enrolToken: string;

test.describe.configure({ mode: 'serial' });
test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 2);
    const password = SECRETS['source password'].replaceAll("'", "''");
    await postgres.query(`CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '${password}'`);
  });
  const served = startRemoteStorages().then((started) => {
    storages = started;
  });
  await writeFile(metricsFile, METRICS_TOKEN, { mode: 0o600 });
  [stack] = await Promise.all([startStack({ env: { HOLDFAST_METRICS_TOKEN_FILE: metricsFile } }), filled, served]);
  enrolToken = (await stack.api.post<{ token: string }>('/enrolment-tokens', { note: 'once' })).token;
  const privateKey = await readFile(storages.sftp.identityFile, 'utf8');
  canaries = createCanarySearch({
    ...SECRETS,
    'S3 secret': storages.s3.secretKey,
    'rest password': storages.rest.password ?? '',
    'sftp key': privateKey.split('\n').at(-3) ?? '',
    'enrolment token': enrolToken,
    'user password': stack.admin.password,
    'API key': stack.api.key,
    'metrics token': METRICS_TOKEN,
    'master key': (await readFile(join(stack.server.dataDir, 'master.key'), 'utf8')).trim(),
  });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), storages?.stop(), rm(metricsFile, { force: true })]);
});

/** A host that came in by a token from a file, as automation does it. */
async function enrolByToken(): Promise<EnrolledHost> {
  const tokenFile = join(stack.directory, 'enrol-token');
  await writeFile(tokenFile, enrolToken, { mode: 0o600 });
  const agent = await stack.startAgent('db-1', { env: { HOLDFAST_ENROLL_TOKEN_FILE: tokenFile } });
  const find = async () => (await stack.api.get<readonly ApiHost[]>('/hosts'))[0];
  const found = await waitFor('the host', find, { deadlineMs: 15_000 });
  return { agent, host: await stack.api.waitForHost(found.id, 'online') };
}

/** A day's worth: good runs to every kind of repository, failures of every secret, questions, a restore, changes. */
async function makeDay({ agent, host }: EnrolledHost): Promise<readonly ApiRun[]> {
  const { api } = stack;
  const password = SECRETS['repository password'];
  const keeper = { ...postgres, superuser: 'keeper', password: SECRETS['source password'] };
  const mistaken = { ...keeper, password: SECRETS['wrong source password'] };
  const shop = await addSource(api, host, 'shop', describePostgres(keeper, 'shop'));
  const locked = await addSource(api, host, 'locked', describePostgres(mistaken, 'shop'));
  const kinds: readonly Described[] = [
    describeLocal(join(stack.directory, 'repository'), password),
    await describeRest(storages.rest, 'shop', password),
    await describeS3(storages.s3, 'backups', 'shop', password),
    await describeSftp(storages.sftp, 'shop', password),
  ];
  const plans: ApiPlan[] = [];
  for (const described of kinds) {
    const repository = await addRepository(api, host, described.kind, described);
    plans.push(await addPlan(api, { name: described.kind, repository, sources: [shop] }));
    const secrets = { ...described.secrets, password: SECRETS['wrong repository password'] };
    await api.post('/repositories/test', { host: host.id, ...described, secrets });
    if (described.kind !== 'rest') continue;
    const wrong = await addRepository(api, host, 'rest wrong', { ...described, secrets }, { isMissing: true });
    plans.push(await addPlan(api, { name: 'rest wrong', repository: wrong, sources: [shop] }));
  }
  const [first] = plans;
  const disk = { id: first?.repository, name: 'local', kind: 'local' } as ApiRepository;
  plans.push(await addPlan(api, { name: 'locked', repository: disk, sources: [locked] }));
  await awaitSpec(stack, host);
  for (const source of [shop, locked]) {
    await api.send('POST', `/sources/${source.id}/test`, {});
    await api.send('POST', `/sources/${source.id}/discover`, {});
  }
  await changeSecrets(locked);
  const runs: ApiRun[] = [];
  for (const plan of plans) {
    const run = await api.waitForEnd(await runPlan(api, plan));
    expect(run.state, `${plan.name}: ${run.failure?.message}`).toBe(/wrong|locked/.test(plan.name) ? 'failed' : 'succeeded');
    runs.push(run);
  }
  const [snapshot] = await api.get<readonly { id: string }[]>('/snapshots?role=data');
  const target = { kind: 'database', source: shop.id, database: 'restored' };
  const restore = await api.post<ApiRun>('/restores', { snapshot: snapshot?.id, host: host.id, target });
  runs.push(await api.waitForRun(restore.id, 'succeeded'));
  for (const args of [
    ['status', '--json'],
    ['doctor', '--json'],
    ['restore', '--list'],
  ]) {
    const outcome = await agent.runCommand(args);
    expect(canaries.findIn(outcome.stdout + outcome.stderr), args.join(' ')).toEqual([]);
  }
  return runs;
}

/** Saved again with another wrong value, and with one that is refused. */
async function changeSecrets(source: ApiSource): Promise<void> {
  const secrets = { password: SECRETS['wrong source password'] };
  await stack.api.send('PATCH', `/sources/${source.id}`, { secrets });
  const refused = await stack.api.send('PATCH', `/sources/${source.id}`, { secrets: { ...secrets, nonsense: 'x' } });
  expect(refused.status).toBe(400);
  expect(canaries.findIn(refused.text)).toEqual([]);
  const misplaced = await stack.api.send('PATCH', `/sources/${source.id}`, { config: { password: secrets.password } });
  expect(misplaced.status).toBe(400);
  expect(canaries.findIn(misplaced.text)).toEqual([]);
}

test('no secret is ever seen outside its sealed box: not on disk, not in /proc, not in logs, pages or answers', async () => {
  // A cloud's keys reach restic by its environment, the only way it takes them besides files of the user's. What becomes restic has them too:
  // setpriv, and the shell that holds a stage back until it is remembered.
  const watch = watchProcesses(
    canaries,
    ({ program, place, name }) => name === 'S3 secret' && place === 'environ' && /^(restic|setpriv|sh)$/.test(program),
  );
  enrolled = await enrolByToken();
  const runs = await makeDay(enrolled).finally(async () => {
    const seen = await watch.stop();
    expect.soft(seen.finds, 'processes').toEqual([]);
    expect.soft(seen.looks).toBeGreaterThan(100);
    expect.soft([...seen.seenTools]).toEqual(expect.arrayContaining(['restic', 'pg_dump', 'ssh']));
  });

  await test.step('logs of runs, in every form they can be read', async () => {
    for (const { id } of runs) {
      for (const format of ['lines', 'txt', 'ndjson']) {
        const answer = await stack.api.send('GET', `/runs/${id}/log?limit=2000&format=${format}`);
        expect(answer.status).toBe(200);
        expect.soft(canaries.findIn(answer.text), `log of ${id}`).toEqual([]);
      }
    }
  });

  await test.step('every page', async () => {
    const pages = await crawlPages(await openSession(stack.server.url, stack.admin));
    expect(pages.length).toBeGreaterThan(40);
    for (const { path, html } of pages) expect.soft(canaries.findIn(html), path).toEqual([]);
  });

  await test.step('every answer of the API, the audit among them', async () => {
    const { paths } = JSON.parse((await stack.api.send('GET', '/openapi.json')).text) as {
      paths: Record<string, { get?: object }>;
    };
    const lists = Object.keys(paths).filter(
      (path) => paths[path]?.get !== undefined && !path.includes('{') && !path.endsWith('/stream'),
    );
    expect(lists.length).toBeGreaterThan(8);
    for (const path of lists.map((one) => one.replace(/^\/api\/v1/, ''))) {
      const answer = await stack.api.send('GET', path);
      expect(answer.status, path).toBe(200);
      expect.soft(canaries.findIn(answer.text), path).toEqual([]);
      const rows = (JSON.parse(answer.text) as { data?: unknown }).data;
      if (!Array.isArray(rows)) continue;
      for (const { id } of rows as readonly { id?: string }[]) {
        const one = id === undefined ? undefined : await stack.api.send('GET', `${path}/${id}`);
        expect.soft(canaries.findIn(one?.text ?? ''), `${path}/${id}`).toEqual([]);
      }
    }
  });

  await test.step('what both programs wrote', async () => {
    for (const [name, text] of Object.entries(await stack.readLogs())) expect.soft(canaries.findIn(text), name).toEqual([]);
  });

  await test.step('the database with its journal, and the host’s state, hold ciphertext only', () => {
    expect(canaries.findInFolder(stack.server.dataDir, (path) => path === 'master.key')).toEqual([]);
    expect(canaries.findInFolder(enrolled.agent.stateDir)).toEqual([]);
    expect(canaries.findInFolder(enrolled.agent.runtimeDir)).toEqual([]);
  });
});

test('the search itself finds a secret in each of its forms', async () => {
  const secret = SECRETS['source password'];
  const folder = join(stack.directory, 'forms');
  await mkdir(folder);
  const forms = [secret, encodeURIComponent(secret), Buffer.from(`ab${secret}`).toString('base64'), JSON.stringify({ secret })];
  for (const [index, form] of forms.entries()) await writeFile(join(folder, String(index)), `before ${form} after`);
  expect(canaries.findInFolder(folder)).toHaveLength(forms.length);
});

test('a server with another master key refuses to start, in one line', async () => {
  await stack.server.kill('SIGTERM');
  try {
    const env = {
      HOME: stack.directory,
      HOLDFAST_DATA_DIR: stack.server.dataDir,
      HOLDFAST_LISTEN: new URL(stack.server.url).host,
      HOLDFAST_MASTER_KEY: randomBytes(32).toString('base64'),
      HOLDFAST_LOG_LEVEL: 'error',
    };
    const outcome = await tryTool(SERVER_PROGRAM, ['serve'], { env });
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(outcome.stderr).toMatch(/master key/i);
    expect(outcome.stderr).not.toContain(env.HOLDFAST_MASTER_KEY);
  } finally {
    await stack.server.restart();
  }
  expect((await stack.api.get<readonly ApiHost[]>('/hosts')).map(({ id }) => id)).toEqual([enrolled.host.id]);
});
