import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { type ClearedLock, clearedLockSchema } from '@holdfast/shared/domain/lock.ts';
import { openCatalogRig } from './fixtures/catalog-rig.ts';
import { applyHostEvents } from './ingest.ts';

const lock = (nth: number): ClearedLock['lock'] => ({
  id: `${nth}`.padStart(64, '0'),
  createdAt: Date.UTC(2026, 10, 21, 3, 4, 5),
  exclusive: true,
  hostname: 'db-1',
  username: 'root',
  pid: 4000 + nth,
});

it('Every lock that a host removed by itself is in the audit, once, with its holder, and in the history of the host', async (t) => {
  const { context, admin, host, repository } = await openCatalogRig(t);
  const tell = (epoch: string, seq: number, clearedLock: ClearedLock) => {
    const text = `Removed the lock of process ${clearedLock.lock.pid}`;
    const event = { type: 'host.notice', at: Date.UTC(2026, 10, 21), level: 'info', text, clearedLock } as const;
    return applyHostEvents(context, { id: host.id, tenant: admin.tenant }, epoch, [{ seq, event }]);
  };
  const listCleared = async () =>
    (await context.store.trail.listAudit(admin.tenant, { action: 'repository.lock_cleared' }, { limit: 200 })).rows;

  await tell('first epoch', 1, { repository: repository.id, engineId: 'e'.repeat(64), lock: lock(1) });
  // Repeated by the line, and again by a host that tells everything anew.
  await tell('first epoch', 1, { repository: repository.id, lock: lock(1) });
  await tell('second epoch', 1, { repository: repository.id, lock: lock(1) });
  const rows = await listCleared();
  assert.deepEqual(
    rows.map(({ actor, target, change }) => ({ actor, target, change })),
    [
      {
        actor: { kind: 'host', id: host.id, name: 'db-1' },
        target: { kind: 'repository', id: repository.id, name: repository.name },
        change: {
          lock: lock(1).id,
          hostname: 'db-1',
          username: 'root',
          process: 4001,
          since: '2026-11-21T03:04:05.000Z',
          exclusive: true,
        },
      },
    ],
  );
  const history = await context.store.trail.listHappenings(admin.tenant, host.id, 10);
  assert.ok(history.some(({ type, text }) => type === 'notice' && text === 'Removed the lock of process 4001'));

  // Of a repository that this server does not know, and of one that is called by a made-up name.
  await tell('first epoch', 2, { engineId: 'abcdef0123', lock: lock(2) });
  await tell('first epoch', 3, { repository: 'repo_of_nobody' as RepositoryId, lock: lock(3) });
  const strange = (await listCleared()).filter(({ target }) => target.id !== repository.id);
  assert.deepEqual(strange.map(({ target }) => target.name).sort(), ['abcdef01', 'unknown']);

  // No host can name a time that no date has.
  const beyond = { repository: repository.id, lock: { ...lock(1), createdAt: Number.MAX_SAFE_INTEGER } };
  assert.equal(clearedLockSchema.safeParse(beyond).success, false);
  assert.ok(clearedLockSchema.safeParse({ lock: { ...lock(1), createdAt: 8_640_000_000_000_000 } }).success);

  // The audit is never shortened: one host cannot fill it.
  for (let nth = 4; nth <= 120; nth += 1) await tell('first epoch', nth, { repository: repository.id, lock: lock(nth) });
  assert.equal((await listCleared()).length, 100);
});
