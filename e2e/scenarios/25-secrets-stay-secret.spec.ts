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
import { findFreePort } from '../harness/services/free-port.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { tryTool } from '../harness/services/tool-run.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { startWebhookSink, type WebhookSink } from '../harness/services/webhook-sink.ts';
import { type EnrolledHost, type Stack, startStack } from '../harness/stack.ts';

const HOLDFAST = join(import.meta.dirname, '../../server/bin/holdfast');
const SERVER_PROGRAM = join(import.meta.dirname, '../../server/bin/holdfast-server');
/** A quote, a percent sign and a blank, so that forms under which a secret may be written differ. */
const makeSecret = (name: string) => `${name}-"% ${randomBytes(12).toString('hex')}`;

const metricsFile = `/dev/shm/holdfast-metrics-${process.pid}`;
/** Part of the address that alerts are posted to. */
const HOOK_PATH = `told-${randomBytes(12).toString('hex')}`;
const HOOK_KEY = randomBytes(32);
const METRICS_TOKEN = randomBytes(24).toString('base64url');
const SECRETS = {
  'source password': makeSecret('source'),
  'wrong source password': makeSecret('wrong'),
  'repository password': makeSecret('repository'),
  'wrong repository password': makeSecret('mistaken'),
  'admin password of a repository': makeSecret('admin'),
  'password of a mail server': makeSecret('mail'),
  'password of a user for one restore': makeSecret('lifter'),
  'wrong password of such a user': makeSecret('stranger'),
};

/** Of age’s own test vectors. */
const RECIPIENT = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj';

let stack: Stack;
let postgres: PostgresHandle;
let storages: RemoteStorages;
let sink: WebhookSink;
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
    const given = SECRETS['password of a user for one restore'].replaceAll("'", "''");
    await postgres.query(`CREATE ROLE lifter SUPERUSER LOGIN PASSWORD '${given}'`);
  });
  const served = startRemoteStorages().then((started) => {
    storages = started;
  });
  await writeFile(metricsFile, METRICS_TOKEN, { mode: 0o600 });
  const env = { HOLDFAST_METRICS_TOKEN_FILE: metricsFile, HOLDFAST_OUTGOING_CIDR: '127.0.0.0/8' };
  [stack, sink] = await Promise.all([startStack({ env }), startWebhookSink(HOOK_KEY), filled, served]);
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
    'address of a channel': HOOK_PATH,
    'signing key of a channel': HOOK_KEY.toString('base64'),
    'master key': (await readFile(join(stack.server.dataDir, 'master.key'), 'utf8')).trim(),
  });
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await Promise.all([postgres?.stop(), storages?.stop(), sink?.stop(), rm(metricsFile, { force: true })]);
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

/** Who is told: one who is, one whose address answers nothing, and one who wants a password. */
async function addChannels(): Promise<void> {
  const { api } = stack;
  const signingKey = `whsec_${HOOK_KEY.toString('base64')}`;
  await api.post('/channels', { name: 'on-call', kind: 'webhook', secrets: { url: `${sink.url}/${HOOK_PATH}`, signingKey } });
  const dead = `http://127.0.0.1:${await findFreePort()}`;
  await api.post('/channels', { name: 'dead', kind: 'webhook', secrets: { url: `${dead}/${HOOK_PATH}`, signingKey } });
  const mail = {
    host: '127.0.0.1',
    port: Number(new URL(dead).port),
    security: 'starttls',
    from: 'a@example.com',
    to: ['b@example.com'],
  };
  const secrets = { password: SECRETS['password of a mail server'] };
  await api.post('/channels', { name: 'mail', kind: 'email', config: { ...mail, user: 'holdfast' }, secrets });
}

/** A credential that may remove, which the storage refuses: the order of a prune brings it to the host. */
async function pruneInVain(repository: ApiRepository, host: ApiHost): Promise<ApiRun> {
  const secrets = { restPassword: SECRETS['admin password of a repository'] };
  await stack.api.post(`/repositories/${repository.id}/admin-credential`, { config: { username: 'admin' }, secrets });
  const { id } = await stack.api.post<ApiRun>(`/repositories/${repository.id}/prune`, { host: host.id });
  return await stack.api.waitForRun(id, 'failed');
}

interface RestoreOrder {
  snapshot: string | undefined;
  host: string;
  target: { source: string; database: string };
}

/** As a user whose password comes with the call alone, once a wrong one; under a key, by which the server knows the call again. */
async function restoreAsAnother(order: RestoreOrder): Promise<readonly ApiRun[]> {
  const { api } = stack;
  const runs: ApiRun[] = [];
  const { source, database } = order.target;
  for (const [name, state] of [
    ['wrong password of such a user', 'failed'],
    ['password of a user for one restore', 'succeeded'],
  ] as const) {
    const credential = { user: 'lifter', password: SECRETS[name] };
    const look = await api.send('POST', '/restores/look', { source, database, credential });
    expect(look.status, look.text).toBe(state === 'failed' ? 400 : 200);
    expect(canaries.findIn(look.text)).toEqual([]);
    const started = await api.post<ApiRun>('/restores', { ...order, credential });
    const run = await api.waitForRun(started.id, state);
    expect(canaries.findIn(JSON.stringify([started, run]))).toEqual([]);
    runs.push(run);
  }
  return runs;
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
  const repositories: ApiRepository[] = [];
  await addChannels();
  for (const described of kinds) {
    const repository = await addRepository(api, host, described.kind, described);
    repositories.push(repository);
    plans.push(await addPlan(api, { name: described.kind, repository, sources: [shop] }));
    const secrets = { ...described.secrets, password: SECRETS['wrong repository password'] };
    await api.post('/repositories/test', { host: host.id, ...described, secrets });
    if (described.kind !== 'rest') continue;
    const wrong = await addRepository(api, host, 'rest wrong', { ...described, secrets }, { isMissing: true });
    plans.push(await addPlan(api, { name: 'rest wrong', repository: wrong, sources: [shop] }));
  }
  const [disk, rest] = repositories;
  if (disk === undefined || rest === undefined) throw new Error('no repository was added');
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
  runs.push(await pruneInVain(rest, host));
  const [snapshot] = await api.get<readonly { id: string }[]>('/snapshots?role=data');
  const target = { kind: 'database', source: shop.id, database: 'restored' };
  const restore = await api.post<ApiRun>('/restores', { snapshot: snapshot?.id, host: host.id, target });
  runs.push(await api.waitForRun(restore.id, 'succeeded'));
  runs.push(...(await restoreAsAnother({ snapshot: snapshot?.id, host: host.id, target: { ...target, database: 'lifted' } })));
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

  await test.step('what people are told, and what Prometheus is', async () => {
    const told = async () => sink.messages.find(({ data }) => data['condition'] === 'backup.failed');
    await waitFor('an alert', told, { deadlineMs: 15_000 });
    expect(canaries.findIn(JSON.stringify(sink.messages))).toEqual([]);
    const answer = await fetch(`${stack.server.url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } });
    const metrics = await answer.text();
    expect(metrics).toContain('holdfast_');
    expect.soft(canaries.findIn(metrics)).toEqual([]);
  });

  await test.step('a copy of the database, and the settings as a file', async () => {
    const copies = join(stack.directory, 'copies');
    await mkdir(copies);
    await stack.server.runCommand(['backup', '--to', join(copies, 'holdfast.db')]);
    await writeFile(join(stack.directory, 'key'), stack.api.key, { mode: 0o600 });
    const env = { HOME: stack.directory };
    const login = await tryTool(HOLDFAST, ['login', '--server', stack.server.url, '--key-file', join(stack.directory, 'key')], {
      env,
    });
    expect(login.code, login.stderr).toBe(0);
    const exported = await tryTool(HOLDFAST, ['plan', 'export'], { env });
    expect(exported.code, exported.stderr).toBe(0);
    expect(exported.stdout).toContain('shop');
    await writeFile(join(copies, 'holdfast.yaml'), exported.stdout + exported.stderr + login.stdout + login.stderr);
    expect.soft(canaries.findInFolder(copies)).toEqual([]);
  });

  await test.step('the recovery kit holds what opens the repositories, which it is for, and nothing else', async () => {
    const kit = await stack.server.runCommand(['recovery-kit']);
    const kept = ['repository password', 'wrong repository password', 'S3 secret', 'rest password', 'sftp key'];
    expect(canaries.findIn(kit).toSorted()).toEqual(kept.toSorted());
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
    // A key whose other half nobody here has: what is sealed to it is looked through as well.
    await stack.api.send('POST', '/recovery-key', { recipient: RECIPIENT });
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
