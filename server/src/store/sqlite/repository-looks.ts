import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { KeptRepositoryLook, LockLook, RepositoryLookStore } from '../repository-looks.ts';
import { optional, toJson } from './columns.ts';
import type { Sql } from './statements.ts';

const lookRow: z.ZodType<KeptRepositoryLook> = z.object({
  repository: idSchema('repository'),
  host: idSchema('host'),
  at: z.int(),
  toldAt: z.int(),
  freeBytes: optional(z.int()),
  certificateEndsAt: optional(z.int()),
});

const lockRow: z.ZodType<LockLook> = z.object({
  repository: idSchema('repository'),
  at: z.int(),
  stuck: z.int(),
  since: optional(z.int()),
  text: optional(z.string()),
});

export function createRepositoryLooks(sql: Sql): RepositoryLookStore {
  const list = sql.select(
    `SELECT l.repository_id AS repository, l.host_id AS host, l.looked_at AS at, l.told_at AS toldAt, l.free_bytes AS freeBytes,
       l.certificate_ends_at AS certificateEndsAt
     FROM repository_looks l JOIN hosts h ON h.id = l.host_id AND h.state <> 'revoked'
     WHERE l.tenant_id = @tenant AND l.repository_id IN (SELECT value FROM json_each(@repositories))
     ORDER BY l.repository_id, l.host_id`,
    lookRow,
  );
  const put = sql.change(`INSERT INTO repository_looks
      (tenant_id, repository_id, host_id, looked_at, told_at, free_bytes, certificate_ends_at)
    SELECT tenant_id, id, @host, @at, @toldAt, @freeBytes, @certificateEndsAt
    FROM repositories WHERE tenant_id = @tenant AND id = @repository
    ON CONFLICT (tenant_id, repository_id, host_id) DO UPDATE SET looked_at = excluded.looked_at, told_at = excluded.told_at,
      free_bytes = excluded.free_bytes, certificate_ends_at = excluded.certificate_ends_at`);
  const findLocks = sql.select(
    `SELECT repository_id AS repository, looked_at AS at, stuck, since, text FROM lock_looks
     WHERE tenant_id = @tenant AND repository_id = @repository`,
    lockRow,
  );
  const putLocks = sql.change(`INSERT INTO lock_looks (tenant_id, repository_id, looked_at, stuck, since, text)
    SELECT tenant_id, id, @at, @stuck, @since, @text FROM repositories WHERE tenant_id = @tenant AND id = @repository
    ON CONFLICT (tenant_id, repository_id) DO UPDATE SET looked_at = excluded.looked_at, stuck = excluded.stuck,
      since = excluded.since, text = excluded.text`);
  return {
    findLockLook: (tenant, repository) => sql.read(() => findLocks.find({ tenant, repository })),
    putLockLook: (tenant, { since, text, ...look }) => sql.write(() => void putLocks.run({ tenant, ...look, since, text })),
    listRepositoryLooks: (tenant, repositories) => sql.read(() => list.list({ tenant, repositories: toJson(repositories) })),
    putRepositoryLooks: (tenant, looks) =>
      sql.write(() => {
        for (const { freeBytes, certificateEndsAt, ...look } of looks) put.run({ tenant, ...look, freeBytes, certificateEndsAt });
      }),
  };
}
