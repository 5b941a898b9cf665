import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeQuickRepository } from '@holdfast/agent/engines/restic/fixtures/quick-repository.ts';
import type { ApiHost } from '../harness/api.ts';
import { expect, expectAccessible, finishStack, signIn, takePicture, test } from '../harness/browser.ts';
import { awaitSpec } from '../harness/part2/world.ts';
import { type ToolOutcome, tryTool } from '../harness/services/tool-run.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const HOLDFAST = join(import.meta.dirname, '../../server/bin/holdfast');
const PASSWORD = 'the password of the repository 4711';

let stack: Stack;
let agent: Awaited<ReturnType<Stack['startAgent']>>;
test.beforeAll(async () => {
  stack = await startStack();
});
test.afterAll(async ({ browserName: _ }, info) => finishStack(stack, info));

/** The command as a person types it, with a home of its own. */
function holdfast(...args: readonly string[]): Promise<ToolOutcome> {
  const env = { HOME: stack.directory, REPOSITORY_PASSWORD: PASSWORD, REPOSITORY_MAIN_PASSWORD: PASSWORD };
  return tryTool(HOLDFAST, args, { env, cwd: stack.directory });
}

async function expectCode(code: number, ...args: readonly string[]): Promise<ToolOutcome> {
  const outcome = await holdfast(...args);
  expect(outcome.code, `holdfast ${args.join(' ')}\n${outcome.stdout}${outcome.stderr}`).toBe(code);
  expect(outcome.stdout + outcome.stderr).not.toContain(PASSWORD);
  return outcome;
}

test('from an empty server to a restored file without a page: login, host, one file, run, restore, drift', async ({ page }) => {
  const folder = join(stack.directory, 'folder');
  const storage = join(stack.directory, 'storage');

  await test.step('a key from a file, kept for its owner alone', async () => {
    await writeFile(join(stack.directory, 'ada.key'), stack.api.key, { mode: 0o600 });
    await expectCode(0, 'login', '--server', stack.server.url, '--key-file', 'ada.key');
    expect((await expectCode(0, 'whoami')).stdout).toContain('admin');
  });

  await test.step('a host is let in by the fingerprint its agent printed, and by no other', async () => {
    agent = await stack.startAgent('db-1');
    const fingerprint = await agent.awaitFingerprint();
    await expect.poll(async () => (await holdfast('hosts', 'pending')).stdout).toContain(hostname());
    await expectCode(1, 'hosts', 'approve', hostname(), '--fingerprint', 'words of another');
    await expectCode(0, 'hosts', 'approve', hostname(), '--name', 'db-1', '--fingerprint', fingerprint);
    const { id } = JSON.parse((await expectCode(0, 'hosts', 'show', 'db-1', '--json')).stdout) as ApiHost;
    await stack.api.waitForHost(id, 'online', 15_000);
  });

  await test.step('one file says it all; applied twice it changes nothing', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'letter.txt'), 'dear reader\n');
    makeQuickRepository(storage, PASSWORD);
    const file = {
      version: 1,
      policies: [{ name: 'a week', policy: { kind: 'rules', daily: 7 } }],
      repositories: [
        { name: 'main', kind: 'local', config: { path: storage }, secrets: { password: 'env:REPOSITORY_PASSWORD' } },
      ],
      sources: [
        { name: 'folder', host: 'db-1', kind: 'files', config: { paths: [folder] } },
        { name: 'gone', host: 'db-1', kind: 'files', config: { paths: [join(stack.directory, 'nowhere')] } },
      ],
      plans: [
        { name: 'nightly', repository: 'main', sources: ['db-1/folder'], retentionPolicy: 'a week' },
        { name: 'hopeless', repository: 'main', sources: ['db-1/gone'], options: { attempts: 1 } },
      ],
    };
    await writeFile(join(stack.directory, 'fleet.json'), JSON.stringify(file));
    await expectCode(3, 'plan', 'diff', '--file', 'fleet.json');
    expect((await expectCode(0, 'plan', 'apply', '--file', 'fleet.json')).stdout).toContain('6 changes made');
    expect((await expectCode(0, 'plan', 'apply', '--file', 'fleet.json')).stdout).toContain('nothing to change');
    const host = JSON.parse((await expectCode(0, 'hosts', 'show', 'db-1', '--json')).stdout) as ApiHost;
    expect((await expectCode(0, 'repositories', 'test', 'main', '--host', 'db-1')).stdout).toContain('ready');
    expect((await expectCode(0, 'sources', 'test', 'folder')).stdout).not.toBe('');
    await awaitSpec(stack, host);
  });

  await test.step('the exit code says how a run ended', async () => {
    expect((await expectCode(0, 'run', 'nightly', '--wait')).stdout).toMatch(/^run_\w+ succeeded\n$/);
    const failed = await expectCode(1, 'run', 'hopeless', '--wait');
    expect(failed.stdout).toMatch(/^run_\w+ failed\n$/);
    expect(failed.stderr).toContain('nowhere');
  });

  await test.step('the newest good snapshot comes back', async () => {
    const back = join(stack.directory, 'back');
    await expectCode(0, 'restore', '--newest-of', 'db-1/folder', '--to-directory', back, '--wait');
    expect(await readFile(join(back, folder, 'letter.txt'), 'utf8')).toBe('dear reader\n');
  });

  await test.step('what a person changes on a page is drift, and is put back', async () => {
    const plan = JSON.parse((await expectCode(0, 'plans', 'show', 'nightly', '--json')).stdout) as { id: string };
    await signIn(page, stack.server.url, stack.admin, `/plans/${plan.id}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await writeFile(join(stack.directory, 'change.json'), JSON.stringify({ enabled: false, options: { attempts: 9 } }));
    await expectCode(0, 'api', 'PATCH', `/plans/${plan.id}`, '--body', 'change.json');
    const drift = await expectCode(3, 'plan', 'diff', '--file', 'fleet.json');
    expect(drift.stdout).toContain('enabled: false -> true');
    expect(drift.stdout).toContain('options.attempts: 9 -> 3');
    await expectCode(0, 'plan', 'apply', '--file', 'fleet.json');
    await expectCode(0, 'plan', 'diff', '--file', 'fleet.json');
  });

  await test.step('the reference tells how a program does the same', async () => {
    await page.getByRole('link', { name: 'API', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText('end-points do everything');
    await expectAccessible(page);
    await page.getByRole('link', { name: 'POST /plans/{id}/run', exact: true }).click();
    await expect(page.getByText('Runs a plan now')).toBeVisible();
    await expectAccessible(page);
    await takePicture(page, 'reference');
  });
});

test('server and host are gone: a new server with the exported file alone has the fleet again, and its backups come back', async ({
  browserName: _,
}, info) => {
  const first = stack;
  const letter = join(first.directory, 'folder', 'letter.txt');
  const { stdout: exported } = await expectCode(0, 'plan', 'export');
  await first.server.kill('SIGKILL');
  await agent.kill('SIGKILL');
  for (const path of [first.server.dataDir, agent.stateDir]) await rm(path, { recursive: true });

  stack = await startStack();
  try {
    await writeFile(join(stack.directory, 'ada.key'), stack.api.key, { mode: 0o600 });
    await writeFile(join(stack.directory, 'exported.yaml'), exported);
    await expectCode(0, 'login', '--server', stack.server.url, '--key-file', 'ada.key');
    const { host } = await stack.enrolHost('db-1');
    await expectCode(0, 'plan', 'apply', '--file', 'exported.yaml');
    expect((await expectCode(0, 'plan', 'export')).stdout).toBe(exported);
    await awaitSpec(stack, host);
    await expectCode(0, 'repositories', 'test', 'main', '--host', 'db-1');

    const from = ['main', '--host', 'db-1'];
    const { stdout } = await expectCode(0, 'repositories', 'contents', ...from, '--state', 'orphan', '--json');
    const [lost, ...others] = JSON.parse(stdout) as { engineId: string }[];
    expect(others).toEqual([]);
    const adopted = await expectCode(0, 'repositories', 'adopt', ...from, lost?.engineId ?? '', '--source', 'db-1/folder');
    const snapshot = /snap_\w+/.exec(adopted.stdout)?.[0] ?? '';
    const back = join(stack.directory, 'back');
    await expectCode(0, 'restore', snapshot, '--to-directory', back, '--wait');
    expect(await readFile(join(back, letter), 'utf8')).toBe('dear reader\n');
    expect((await expectCode(0, 'run', 'nightly', '--wait')).stdout).toMatch(/succeeded/);
  } finally {
    const second = stack;
    stack = first;
    await finishStack(second, info);
  }
});
