import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HOSTILE_STRINGS } from '@holdfast/server/web/screens/fixtures/hostile-strings.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { ApiPending, ApiPlan } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addRepository, addSource, describeLocal, describeMariadb, runPlan } from '../harness/catalog.ts';
import { openSession } from '../harness/part2/crawl.ts';
import { quote, wrapTool } from '../harness/part2/slow-tool.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { type MariadbHandle, startMariadb } from '../harness/services/mariadb.ts';
import { getTool } from '../harness/services/tools.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const SCRIPT = '<script>window.hacked=1</script>';
const IMAGE = '"><img src=x onerror=window.hacked=1>';
const HOST = `db ${IMAGE}`;
const SOURCE = `--help '${SCRIPT}' {{7*7}} \${7*7} %s \\`;
const PLAN = `' OR 1=1 -- ${SCRIPT}`;
const DATABASE = [`--we'ird" `, SCRIPT].join('`');

let stack: Stack;
let mariadb: MariadbHandle;

test.beforeAll(async () => {
  const filled = startMariadb().then(async (started) => {
    mariadb = started;
    await mariadb.createDatabase(DATABASE);
    await mariadb.query("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x')", DATABASE);
  });
  [stack] = await Promise.all([startStack(), filled]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await mariadb?.stop();
});

/** What a hostile server could make a tool say: each on a line of its own, the long one without any. */
async function wrapDump(): Promise<string> {
  const saying = Buffer.concat([
    Buffer.from(`${HOSTILE_STRINGS.join('\n')}\n`),
    Buffer.from(`${SCRIPT}\n${IMAGE}\n`),
    Buffer.from('\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u001b[2J\u001b[1;1H\r overwritten\n'),
    Buffer.from('before\0after\n'),
    Buffer.from([0x62, 0x61, 0x64, 0x20, 0xff, 0xfe, 0xc3, 0x28, 0x0a]),
    Buffer.from('\u202egnp.exe\u202c \u2066isolate\u2069 \u200b\ufeff\n'),
    Buffer.from('{"level":"error","msg":"forged"}\ndata: forged\n\nevent: forged\n\n'),
    Buffer.from('x'.repeat(10_000_000)),
    Buffer.from(`\nlast words ${SCRIPT}\n`),
  ]);
  const file = join(stack.directory, 'saying');
  await writeFile(file, saying);
  const before = `cat ${quote(file)} >&2`;
  return await wrapTool(join(stack.directory, 'loud'), { name: 'mariadb-dump', real: getTool('mariadb-dump'), before });
}

test('names and log lines of hostile making show as text, run nothing, and break nothing', async ({ page }) => {
  const { api } = stack;
  const hacked = () => page.evaluate('window.hacked');
  page.on('dialog', (dialog) => {
    throw new Error(`A dialog opened: ${dialog.message()}`);
  });
  const { url } = stack.server;
  await signIn(page, url, stack.admin, '/hosts');

  const host = await test.step('a machine that calls itself by markup', async () => {
    // The kernel takes any name of up to 64 bytes; only this one process sees it.
    const rename = `printf %s ${quote('<img src=x onerror=hacked=1>"\'&')} > /proc/sys/kernel/hostname; exec "$@"`;
    const agent = await stack.startAgent('loud', {
      toolPath: [await wrapDump()],
      prefix: ['unshare', '--uts', 'sh', '-c', rename, 'sh'],
    });
    await agent.awaitFingerprint();
    const find = async () => (await api.get<readonly ApiPending[]>('/hosts/pending'))[0];
    const pending = await waitFor('the announcement', find, { deadlineMs: 15_000 });
    await page.goto(`${url}/hosts`);
    await expect(page.locator('main')).toContainText('<img src=x');
    expect(await hacked()).toBeUndefined();
    const approved = await api.post<{ id: never }>(`/hosts/pending/${pending.id}/approve`, { name: HOST });
    return await api.waitForHost(approved.id, 'online');
  });

  await test.step('names that cannot be shown on one line are refused by name', async () => {
    for (const name of ['line\nbreak', 'nul\0', '\u202ertl', '\u001b[31m', '', 'x'.repeat(200)]) {
      const body = { host: host.id, name, ...describeMariadb(mariadb, DATABASE) };
      const answer = await api.send('POST', '/sources', body);
      expect(answer.status, JSON.stringify(name)).toBe(400);
      expect(answer.text).toContain('"name"');
    }
  });

  const { plan, run } = await test.step('a database, a source and a plan with names like options and code', async () => {
    const described = describeLocal(join(stack.directory, `--repo "q" ${'$HOME'}`), 'ferns');
    const repository = await addRepository(api, host, `disk ${IMAGE}`, described);
    const source = await addSource(api, host, SOURCE, describeMariadb(mariadb, DATABASE));
    const made = await addPlan(api, { name: PLAN, repository, sources: [source] });
    await awaitSpec(stack, host);
    const id = await runPlan(api, made);
    await page.goto(`${url}/runs/${id}`);
    await api.waitForRun(id, 'succeeded');
    return { plan: made, run: id };
  });

  await test.step('the live log shows all of it as text', async () => {
    const log = page.getByRole('log');
    await expect(log).toContainText(`last words ${SCRIPT}`);
    await proveLog(await log.innerText());
    expect(await log.locator('img, script').count()).toBe(0);
    await page.reload();
    await proveLog(await log.innerText());
    expect(await hacked()).toBeUndefined();
  });

  await test.step('every page that shows these names still works, with nothing run', async () => {
    const [snapshot] = await api.get<readonly { id: string }[]>(`/snapshots?run=${run}`);
    const paths = [
      ...['/', '/hosts', '/sources', '/repositories', '/plans', '/plans/new', '/runs', '/snapshots', '/audit'],
      ...[`/hosts/${host.id}`, `/plans/${plan.id}`, `/plans/${plan.id}/edit`, `/sources/${plan.sources[0]}`],
      ...[`/repositories/${plan.repository}`, `/runs/${run}/log`, `/snapshots/${snapshot?.id}`],
      `/snapshots/${snapshot?.id}/restore`,
    ];
    for (const path of paths) {
      const answer = await page.goto(`${url}${path}`);
      expect(answer?.status(), path).toBe(200);
      expect(await page.locator('main img, main script, main [onerror]').count(), path).toBe(0);
      expect(await hacked(), path).toBeUndefined();
      if (path.endsWith('/log')) proveCorpus((await page.getByRole('log').textContent()) ?? '');
    }
    await page.goto(`${url}/plans`);
    await expect(page.getByRole('link', { name: PLAN, exact: true })).toBeVisible();
    await page.goto(`${url}/hosts`);
    await expect(page.getByRole('link', { name: HOST, exact: true })).toBeVisible();
    await page.goto(`${url}/sources`);
    await expect(page.getByRole('link', { name: SOURCE, exact: true })).toBeVisible();
    const search = encodeURIComponent(`${IMAGE}'"`);
    expect((await page.goto(`${url}/runs?q=${search}`))?.status()).toBeLessThan(500);
    expect(await hacked()).toBeUndefined();
  });

  await proveDownload(run);
  await proveRestore(run, plan);
});

/** What must be seen of it, and what must not be left in it. */
async function proveLog(text: string): Promise<void> {
  expect(text).toContain(SCRIPT);
  expect(text).toContain('onerror=window.hacked=1');
  expect(text).toContain('red');
  expect(text).toMatch(/before.?after/);
  expect(text).toContain('bad ');
  expect(text).toContain('data: forged');
  expect(text).toMatch(/x{1000}/);
  // Sequences that would move a terminal's cursor, NUL, and marks that turn the direction of what follows.
  expect(text).not.toMatch(/[\u0000\u001b\u0007\u202e\u2066]/);
  expect(text.length).toBeLessThan(200_000);
}

/** Of more than five hundred strings made to be taken for markup, those that are shown as they are. */
function proveCorpus(text: string): void {
  const plain = HOSTILE_STRINGS.filter((string) => /^[ -~]+$/.test(string)).map((string) => string.trim());
  expect(plain.length).toBeGreaterThan(400);
  expect(plain.filter((string) => !text.includes(string))).toEqual([]);
}

async function proveDownload(run: RunId): Promise<void> {
  await test.step('the download is text, whatever it holds', async () => {
    const session = await openSession(stack.server.url, stack.admin);
    const answer = await session.fetch(`/runs/${run}/log.txt`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const text = await answer.text();
    expect(text).toContain(SCRIPT);
    expect(text).not.toMatch(/[\u0000\u001b\u202e\u2066]/);
  });
}

async function proveRestore(run: RunId, plan: ApiPlan): Promise<void> {
  await test.step('and the database with that name comes back under another one like it', async () => {
    const { snapshots, host } = await stack.api.waitForRun(run, 'succeeded');
    const database = `${DATABASE} 2`;
    const target = { kind: 'database', source: plan.sources[0], database };
    const restore = await stack.api.post<{ id: RunId }>('/restores', { snapshot: snapshots[0]?.id, host, target });
    await stack.api.waitForRun(restore.id, 'succeeded');
    expect(await mariadb.hashDatabase(database)).toEqual(await mariadb.hashDatabase(DATABASE));
  });
}
