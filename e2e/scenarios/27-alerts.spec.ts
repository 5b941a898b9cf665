import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HttpSink, startHttpSink } from '@holdfast/server/notify/fixtures/http-sink.ts';
import { type SmtpSink, startSmtpSink } from '@holdfast/server/notify/fixtures/smtp-sink.ts';
import type { ApiHost } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { addPlan, addSource, describeFiles, runPlan } from '../harness/catalog.ts';
import { type LabClock, startLabClock } from '../harness/lab-clock.ts';
import { awaitSpec, type LocalWorld, makeFolder, prepareLocalWorld } from '../harness/part2/world.ts';
import { findFreePort } from '../harness/services/free-port.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { startWebhookSink, type WebhookSink } from '../harness/services/webhook-sink.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const KEY = randomBytes(32);
const CANARY = `path-${randomBytes(8).toString('hex')}`;
/** A channel that refuses connections is an alert after its third attempt, some twenty seconds after the first. */
const DEAD_MS = 60_000;

type ApiAlert = { readonly id: string; readonly condition: string; readonly state: string; readonly title: string };

/** A host is silent after two minutes, and nobody is for three minutes after the server began. */
const SILENT_MS = 4 * 60_000;

/** Two pings without an answer, and the look that finds that out. */
const OFFLINE_MS = 45_000;
const QUICK_MS = 20_000;

let clock: LabClock;
let stack: Stack;
let world: LocalWorld;
let sink: WebhookSink;
/** What chats would be posted, and the mail server. */
let chats: HttpSink;
let post: SmtpSink;

test.beforeAll(async () => {
  sink = await startWebhookSink(KEY);
  chats = await startHttpSink();
  post = await startSmtpSink({});
  clock = await startLabClock();
  stack = await startStack({ env: { ...clock.env, HOLDFAST_OUTGOING_CIDR: '127.0.0.0/8' } });
  world = await prepareLocalWorld(stack, 'db-1', 'new', { env: clock.env });
  // How much room the machine of a test has is none of this scenario's business.
  const enough = await stack.api.send('PATCH', '/alert-thresholds', { hostDiskGib: 0.1, serverDiskGib: 0.1 });
  expect(enough.status).toBe(200);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await world?.agent.kill('SIGCONT');
  await finishStack(stack, info);
  await clock?.stop();
  await Promise.all([sink?.stop(), chats?.close(), post?.close()]);
});

const listAlerts = (state = 'active') => stack.api.get<readonly ApiAlert[]>(`/alerts?state=${state}`);

/** What a chat was told, in its own markup without the backslashes. */
const toldTo = (kind: string): readonly string[] =>
  chats.requests.filter(({ path }) => path.startsWith(`/${kind}`)).map(({ body }) => body.replaceAll('\\\\', ''));

/** The one alert of this condition, once there is one. */
function waitForAlert(condition: string, state: string, deadlineMs = 15_000): Promise<ApiAlert> {
  const look = async () => {
    const found = (await listAlerts(state)).filter((alert) => alert.condition === condition);
    expect(found.length).toBeLessThan(2);
    return found[0];
  };
  return waitFor(`the alert ${condition} to be ${state}`, look, { deadlineMs, intervalMs: 100 });
}

test('two failures are one alert and one message; a dead channel delays no run and is an alert itself; recovery resolves', async ({
  page,
}) => {
  test.setTimeout(240_000);
  const { api, server } = stack;
  const refused = `http://127.0.0.1:${await findFreePort()}/${CANARY}`;
  await test.step('channels are made and tested in the browser', async () => {
    await signIn(page, server.url, stack.admin, '/settings/channels');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Nobody is told of alerts.');
    await page.getByRole('link', { name: 'Add channel' }).click();
    await page.getByRole('link', { name: 'Webhook' }).click();
    await page.getByLabel('Name').fill('on-call');
    await page.getByLabel('Address').fill(`${sink.url}/${CANARY}`);
    await page.getByLabel('Signing key').fill(`whsec_${KEY.toString('base64')}`);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await expect(page.getByText('The test was taken: answered 204.')).toBeVisible();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('on-call works.');
    expect(sink.messages.map(({ type, isSigned }) => [type, isSigned])).toEqual([['channel.test', true]]);
    await api.post('/channels', { name: 'dead', kind: 'webhook', secrets: { url: refused } });
    await api.post('/channels', { name: 'monitor', kind: 'ping', config: { everyMinutes: 1 }, secrets: { url: sink.url } });
    const chat = (kind: string) => ({ name: kind, kind, secrets: { url: `${chats.url}/${kind}/${CANARY}` } });
    const ends = { runs: ['succeeded', 'failed'] };
    await api.post('/channels', chat('healthchecks'));
    for (const kind of ['slack', 'discord']) await api.post('/channels', { ...chat(kind), subscription: ends });
    const bot = { config: { chat: '-1001', server: chats.url }, secrets: { token: `123456:${CANARY}` } };
    await api.post('/channels', { name: 'telegram', kind: 'telegram', ...bot, subscription: ends });
    const mail = { host: '127.0.0.1', port: post.port, security: 'none', from: 'backup@example.com', to: ['ada@example.com'] };
    const told = { least: 'none', runs: ['succeeded', 'failed'] };
    await api.post('/channels', { name: 'mail', kind: 'email', config: mail, subscription: told });
    await waitFor('a sign of life', async () => sink.pings[0], { deadlineMs: 15_000 });
  });

  const folder = await makeFolder(stack, 'ledger');
  const away = join(stack.directory, 'ledger-away');
  await writeFile(join(folder, 'book.txt'), 'every number counts');
  const source = await addSource(api, world.host, 'ledger', describeFiles([folder]));
  const plan = await addPlan(api, { name: 'nightly', repository: world.repository, sources: [source] });
  await awaitSpec(stack, world.host);
  const good = await api.waitForRun(await runPlan(api, plan), 'succeeded');

  await test.step('a backup that fails twice is one alert and one message', async () => {
    await rename(folder, away);
    for (const _ of [1, 2]) {
      const run = await api.waitForRun(await runPlan(api, plan), 'failed');
      // Whatever channels do, the next run begins at once.
      expect((run.startedAt ?? 0) - run.createdAt).toBeLessThan(5000);
      await waitForAlert('backup.failed', 'open');
    }
    await waitFor('the message', async () => sink.messages[1], { deadlineMs: 10_000 });
    const message = sink.messages[1];
    expect(message).toMatchObject({ type: 'alert.raised', isSigned: true });
    expect(message?.data).toMatchObject({
      condition: 'backup.failed',
      severity: 'critical',
      title: 'The backup of db-1 / ledger failed',
    });
    expect(String(message?.data['link'])).toMatch(new RegExp(`^${server.url}/alerts/alert_`));
    const lastGoodAt = Date.parse(String(message?.data['lastGoodAt']));
    expect(Math.abs(lastGoodAt - (good.finishedAt ?? 0))).toBeLessThan(10_000);
    expect(message?.data['log']).not.toHaveLength(0);
  });

  await test.step('chats are told of the one alert and of each backup, and mail of each backup, whatever else is dead', async () => {
    const failed = sink.messages[1]?.data['log'] as readonly string[];
    const words = /[a-z]{4,}/.exec(failed.at(-1) ?? '')?.[0] ?? 'no word in the last line of the log';
    for (const kind of ['slack', 'discord', 'bot123456:']) {
      // The dead channel may be an alert already.
      const findTold = () => toldTo(kind).filter((text) => text.includes('ledger'));
      await waitFor(`the messages to ${kind}`, async () => findTold()[3], { deadlineMs: 10_000 });
      const told = findTold();
      expect(told).toHaveLength(4);
      const alerts = told.filter((text) => text.includes('The backup of db-1 / ledger failed'));
      expect(alerts).toHaveLength(1);
      for (const part of ['🔴', 'Last good backup', `${server.url}/alerts/alert_`, words]) expect(alerts[0]).toContain(part);
      for (const [sign, end, count] of [
        ['✅', 'succeeded', 1],
        ['🔴', 'failed', 2],
      ] as const) {
        const runs = told.filter((text) => text.includes(`Backup nightly on db-1 ${end}`));
        expect(runs, `${kind}: ${end}`).toHaveLength(count);
        for (const text of runs) {
          for (const part of [sign, 'ledger (files)', 'disk db-1', `${server.url}/runs/run_`]) expect(text).toContain(part);
          expect(text).toMatch(/Size:\S* \d+ B/);
          expect(text).toMatch(/Took:\S* [\d.]+ m?s/);
          if (end === 'failed') expect(text).toContain(words);
        }
      }
    }
    const pings = () => chats.requests.filter(({ path }) => path.startsWith('/healthchecks') && !path.includes('/start'));
    await waitFor('three pings', async () => pings()[2], { deadlineMs: 10_000 });
    const ends = pings().map(({ path }) => new URL(path, chats.url));
    expect(ends.map(({ pathname }) => pathname.endsWith('/fail'))).toEqual([false, true, true]);
    expect(new Set(ends.map(({ searchParams }) => searchParams.get('rid'))).size).toBe(3);
    await waitFor('three mails', async () => post.mails[2], { deadlineMs: 10_000 });
    const subjects = post.mails.map(({ source }) => /^Subject: (.+(?:\r\n[ \t].+)*)/mu.exec(source)?.[1] ?? '');
    expect(subjects).toHaveLength(3);
    for (const { source } of post.mails) {
      for (const fact of [/ledger \(files\)/, /Repository: disk db-1/, /Size: \d+ B/, /Took: [\d.]+ m?s/])
        expect(source).toMatch(fact);
    }
    expect(post.mails.filter(({ source }) => source.includes(words))).toHaveLength(2);
    await page.goto(`${server.url}/settings/channels`);
    await page.getByRole('link', { name: 'mail', exact: true }).click();
    await page.getByRole('link', { name: 'Backup nightly on db-1 succeeded' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('This message was taken.');
    await expect(page.getByRole('row', { name: /the mail server took it/ })).toBeVisible();
    await expectAccessible(page);
    await page.goto(`${server.url}/settings/channels/new?kind=email`);
    await expectAccessible(page);
  });

  await test.step('the channel that is dead becomes an alert, told on the other one', async () => {
    await waitForAlert('channel.failing', 'open', DEAD_MS);
    const told = await waitFor(
      'the message about the dead channel',
      async () => sink.messages.find(({ data }) => data['condition'] === 'channel.failing'),
      { deadlineMs: 10_000 },
    );
    expect(told.data).toMatchObject({ title: 'The channel dead does not deliver' });
    expect(sink.messages.filter(({ data }) => data['condition'] === 'backup.failed')).toHaveLength(1);
  });

  await test.step('what is open is on the page, counted in the side bar, and can be put off and acknowledged', async () => {
    await page.goto(`${server.url}/alerts`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(/^2\salerts need a person\.$/);
    await expect(page.locator('#side-nav').getByRole('link', { name: /Alerts/ })).toContainText('2');
    await expectAccessible(page);
    await takePicture(page, 'alerts');
    await page
      .getByRole('row', { name: /ledger/ })
      .getByRole('button', { name: 'Acknowledge' })
      .click();
    await expect(page.getByText('Acknowledged: you see to it.')).toBeVisible();
    await expect(page.getByText(`${stack.admin.name} sees to it`)).toBeVisible();
    await expectAccessible(page);
    await page.goto(`${server.url}/`);
    await expect(page.getByText('The channel dead does not deliver')).toBeVisible();
  });

  await test.step('it resolves by itself when a backup is clean again, and says so', async () => {
    await page.goto(`${server.url}/alerts`);
    await rm(folder, { recursive: true, force: true });
    await rename(away, folder);
    await api.waitForRun(await runPlan(api, plan), 'succeeded');
    await waitForAlert('backup.failed', 'resolved');
    await waitFor('the message', async () => sink.messages.find(({ type }) => type === 'alert.resolved'), { deadlineMs: 10_000 });
    await expect(page.getByRole('row', { name: /ledger/ })).toHaveCount(0);
    await page.goto(`${server.url}/alerts?state=resolved`);
    await page.getByRole('link', { name: 'The backup of db-1 / ledger failed' }).click();
    await expect(page.getByText(`acknowledged by ${stack.admin.name}`)).toBeVisible();
    await expectAccessible(page);
  });

  await test.step('addresses of channels are nowhere', async () => {
    for (const path of ['/channels', '/audit?limit=200']) expect((await api.send('GET', path)).text).not.toContain(CANARY);
    for (const text of Object.values(await stack.readLogs())) expect(text).not.toContain(CANARY);
  });

  await test.step('an agent that is stopped dead is offline on its page within 45 seconds, and that alone alarms nobody', async () => {
    await page.goto(`${server.url}/hosts/${world.host.id}`);
    await expect(page.locator('main .status').filter({ hasText: 'online' }).first()).toBeVisible();
    await world.agent.kill('SIGSTOP');
    const stoppedAt = clock.now();
    await clock.leapTo(stoppedAt + QUICK_MS, [server.pid()]);
    expect((await api.get<ApiHost>(`/hosts/${world.host.id}`)).standing, 'nobody is given up so soon').toBe('online');
    await clock.leapTo(stoppedAt + OFFLINE_MS, [server.pid()]);
    await expect(async () => {
      await page.goto(`${server.url}/hosts/${world.host.id}`);
      await expect(page.locator('main .status').filter({ hasText: 'offline' }).first()).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 3000 });
    expect((await listAlerts()).filter(({ condition }) => condition === 'host.silent')).toEqual([]);
  });

  await test.step('a host that stays silent is one alert, told once on each channel that lives', async () => {
    await clock.leapTo(clock.now() + SILENT_MS, [server.pid()]);
    await waitForAlert('host.silent', 'open', 30_000);
    const isOfHost = (text: string) => text.includes('db-1 is silent');
    for (const kind of ['slack', 'discord', 'bot123456:']) {
      await waitFor(`the message to ${kind}`, async () => toldTo(kind).find(isOfHost), { deadlineMs: 10_000 });
      expect(toldTo(kind).filter(isOfHost)).toHaveLength(1);
    }
    await waitFor('the message', async () => sink.messages.find(({ data }) => data['condition'] === 'host.silent'), {
      deadlineMs: 10_000,
    });
  });

  await test.step('it is over, and told so once, when the agent goes on', async () => {
    await world.agent.kill('SIGCONT');
    await api.waitForHost(world.host.id, 'online');
    await waitForAlert('host.silent', 'resolved', 30_000);
    const isOver = (text: string) => text.includes('Resolved: db-1 is silent');
    for (const kind of ['slack', 'discord', 'bot123456:']) {
      await waitFor(`the end to ${kind}`, async () => toldTo(kind).find(isOver), { deadlineMs: 10_000 });
      expect(toldTo(kind).filter(isOver)).toHaveLength(1);
    }
  });
});
