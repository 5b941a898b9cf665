import { join } from 'node:path';
import type { ApiSnapshot } from '../harness/api.ts';
import { expect, finishStack, signIn, test } from '../harness/browser.ts';
import { addPlan, addSource, describePostgres, runPlan } from '../harness/catalog.ts';
import { runNow } from '../harness/pages.ts';
import { GENERATIONS, prepareLocalWorld, REPOSITORY_PASSWORD } from '../harness/part2/world.ts';
import { pipeTools } from '../harness/pipe.ts';
import { type PostgresHandle, startPostgres } from '../harness/services/postgres.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let postgres: PostgresHandle;

test.beforeAll(async () => {
  const filled = startPostgres().then(async (started) => {
    postgres = started;
    await postgres.fillDatabase('shop', 8);
  });
  [stack] = await Promise.all([startStack(), filled]);
});
test.afterAll(async ({ browserName: _ }, info) => {
  await finishStack(stack, info);
  await postgres?.stop();
});

for (const generation of GENERATIONS) {
  test(`with the ${generation} restic a dump is one tagged snapshot that restores by hand`, async ({ page }) => {
    const { host, repository, repositoryPath, restic, resticPath } = await prepareLocalWorld(
      stack,
      `db-${generation}`,
      generation,
    );
    const shop = await addSource(stack.api, host, 'shop', describePostgres(postgres, 'shop'));
    const gone = await addSource(stack.api, host, 'gone', describePostgres(postgres, 'no_such_database'));
    const plan = await addPlan(stack.api, { name: `both ${generation}`, repository, sources: [shop, gone] });
    const id = await runPlan(stack.api, plan, [shop.id]);
    await stack.api.waitForRun(id, 'succeeded');
    const ofRole = (role: string) => stack.api.get<readonly ApiSnapshot[]>(`/snapshots?run=${id}&role=${role}`);
    const [[data], [globals]] = await Promise.all([ofRole('data'), ofRole('globals')]);

    await test.step('the snapshots carry tenant, host, plan, source and run', async () => {
      const listed = await restic.listSnapshots();
      expect(listed.map((snapshot) => snapshot.id).sort()).toEqual([data?.engineId, globals?.engineId].sort());
      for (const { tags, hostname } of listed) {
        expect(tags).toEqual(expect.arrayContaining([`host:${host.id}`, `plan:${plan.id}`, `source:${shop.id}`, `run:${id}`]));
        expect(tags?.some((tag) => tag.startsWith('tenant:'))).toBe(true);
        expect(hostname).toBe(host.id);
      }
    });

    await test.step('restic dump into pg_restore, without the product, gives an equal database', async () => {
      const target = `by_hand_${generation}`;
      await postgres.createDatabase(target);
      await pipeTools(
        {
          command: resticPath,
          args: ['dump', '--no-lock', data?.engineId ?? '', `/${data?.fileName}`],
          env: { HOME: stack.directory, RESTIC_REPOSITORY: repositoryPath, RESTIC_PASSWORD: REPOSITORY_PASSWORD },
        },
        {
          command: join(postgres.programFolder, 'pg_restore'),
          args: ['--exit-on-error', `--dbname=${target}`],
          env: postgres.connectionEnv,
        },
      );
      expect(await postgres.hashDatabase(target)).toEqual(await postgres.hashDatabase('shop'));
    });

    await test.step('the roles beside it name their grants', async () => {
      const sql = await restic.run('dump', globals?.engineId ?? '', `/${globals?.fileName}`);
      expect(sql).toMatch(/CREATE ROLE shop_owner/);
      expect(sql).toMatch(/GRANT shop_reader TO shop_app/);
    });

    await test.step('one good and one bad database in a plan: the run is partial, and both say so', async () => {
      await signIn(page, stack.server.url, stack.admin, `/plans/${plan.id}`);
      const both = await runNow(page);
      const mixed = await stack.api.waitForRun(both, 'partial');
      expect(mixed.parts.map((part) => [part.state, part.failure?.reason]).sort()).toEqual([
        ['failed', 'database_missing'],
        ['succeeded', undefined],
      ]);
      await expect(page.locator('main .status').filter({ hasText: 'partial' }).first()).toBeVisible();
      const parts = page.getByRole('table', { name: 'What became of each source' });
      await expect(parts.getByRole('row', { name: /shop/ })).toContainText('succeeded');
      await expect(parts.getByRole('row', { name: /gone/ })).toContainText('failed');
      await expect(page.locator('main')).toContainText('database "no_such_database" does not exist');
      await expect(page.locator('main')).toContainText('Check the database name, or discover the databases again.');
    });
  });
}
