import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { RecoveryKey, RecoveryStore } from '../recovery.ts';
import { optional, toJson } from './columns.ts';
import type { Sql } from './statements.ts';

const keyRow = z.object({
  tenant: idSchema('tenant'),
  recipient: z.string(),
  setAt: z.int(),
  setBy: z.string(),
  provenAt: optional(z.int()),
  provenBy: optional(z.string()),
});
const copyRow = z.object({
  tenant: idSchema('tenant'),
  repository: idSchema('repository'),
  recipient: z.string(),
  madeAt: z.int(),
  mark: z.string(),
  repositoryVersion: z.int(),
  engineId: optional(z.string()),
  sealed: z.string(),
});

function toKey({ provenAt, provenBy, ...key }: z.infer<typeof keyRow>): RecoveryKey {
  return provenAt === undefined || provenBy === undefined ? key : { ...key, proof: { at: provenAt, by: provenBy } };
}

/** Whether the copy `c` is one for this recipient of what the repository `r` is. */
const IS_CURRENT = 'c.repository_version = r.version AND c.engine_id IS r.engine_id';

/** What a repository’s own row says of its sealed copy, as JSON: NULL where none is for the present key and what it is now. */
export const SEALED_COPY = `(SELECT json_object('madeAt', c.made_at, 'provenAt', k.proven_at, 'provenBy', k.proven_by)
  FROM recovery_copies c JOIN recovery_keys k ON k.tenant_id = c.tenant_id AND k.recipient = c.recipient
  WHERE c.repository_id = r.id AND ${IS_CURRENT})`;
export const sealedCopyColumn = z.object({ madeAt: z.int(), provenAt: z.int().nullable(), provenBy: z.string().nullable() });

function prepareRecovery(sql: Sql) {
  return {
    find: sql.select(
      `SELECT tenant_id AS tenant, recipient, set_at AS setAt, set_by AS setBy, proven_at AS provenAt, proven_by AS provenBy
       FROM recovery_keys WHERE tenant_id = @tenant`,
      keyRow,
    ),
    put: sql.change(`INSERT INTO recovery_keys (tenant_id, recipient, set_at, set_by) VALUES (@tenant, @recipient, @setAt, @setBy)
      ON CONFLICT (tenant_id) DO UPDATE SET recipient = excluded.recipient, set_at = excluded.set_at, set_by = excluded.set_by,
        proven_at = NULL, proven_by = NULL, code_hash = NULL, code_until = NULL, code_tries = NULL`),
    remove: sql.change('DELETE FROM recovery_keys WHERE tenant_id = @tenant'),
    removeCopies: sql.change('DELETE FROM recovery_copies WHERE tenant_id = @tenant'),
    openCode: sql.change(`UPDATE recovery_keys SET code_hash = @hash, code_until = @until, code_tries = @tries
      WHERE tenant_id = @tenant AND recipient = @recipient`),
    takeTry: sql.change(`UPDATE recovery_keys SET code_tries = code_tries - 1
      WHERE tenant_id = @tenant AND code_hash IS NOT NULL AND code_until > @now AND code_tries > 0`),
    code: sql.select(
      'SELECT recipient, code_hash AS hash, code_tries AS left FROM recovery_keys WHERE tenant_id = @tenant',
      z.object({ recipient: z.string(), hash: z.string(), left: z.int() }),
    ),
    prove:
      sql.change(`UPDATE recovery_keys SET proven_at = @at, proven_by = @by, code_hash = NULL, code_until = NULL, code_tries = NULL
      WHERE tenant_id = @tenant AND recipient = @recipient`),
    unsealed: sql.select(
      `SELECT r.id FROM repositories r
       LEFT JOIN recovery_copies c ON c.repository_id = r.id AND c.recipient = @recipient AND ${IS_CURRENT}
       WHERE r.tenant_id = @tenant AND r.id > @after AND c.repository_id IS NULL ORDER BY r.id LIMIT @limit`,
      z.object({ id: idSchema('repository') }),
    ),
    count: sql.select(
      `SELECT count(*) AS repositories, count(c.repository_id) AS sealed FROM repositories r
       LEFT JOIN recovery_copies c ON c.repository_id = r.id AND c.recipient = @recipient AND ${IS_CURRENT}
       WHERE r.tenant_id = @tenant`,
      z.object({ repositories: z.int(), sealed: z.int() }),
    ),
    copies: sql.select(
      `SELECT c.tenant_id AS tenant, c.repository_id AS repository, c.recipient, c.made_at AS madeAt, c.mark,
         c.repository_version AS repositoryVersion, c.engine_id AS engineId, c.sealed
       FROM json_each(@ids) wanted JOIN recovery_copies c ON c.repository_id = wanted.value
       WHERE c.tenant_id = @tenant ORDER BY c.repository_id`,
      copyRow,
    ),
    putCopy: sql.change(`INSERT INTO recovery_copies
        (repository_id, tenant_id, recipient, made_at, mark, repository_version, engine_id, sealed)
      SELECT id, tenant_id, @recipient, @madeAt, @mark, @repositoryVersion, @engineId, @sealed FROM repositories
      WHERE id = @repository AND tenant_id = @tenant
      ON CONFLICT (repository_id) DO UPDATE SET recipient = excluded.recipient, made_at = excluded.made_at, mark = excluded.mark,
        repository_version = excluded.repository_version, engine_id = excluded.engine_id, sealed = excluded.sealed`),
  };
}

function refuseOther(key: { recipient: string } | undefined): never {
  throw new AppError(
    'conflict',
    key === undefined
      ? 'there is no recovery key any more'
      : 'another recovery key is there by now; look at it again and repeat the change',
    { details: { field: 'recipient', current: key?.recipient ?? '' } },
  );
}

export function createRecovery(sql: Sql): RecoveryStore {
  const rows = prepareRecovery(sql);
  const find = (tenant: string) => rows.find.find({ tenant });
  return {
    findRecoveryKey: (tenant) =>
      sql.read(() => {
        const found = find(tenant);
        return found && toKey(found);
      }),
    putRecoveryKey: ({ tenant, recipient, setAt, setBy }, replaces) =>
      sql.write(() => {
        const found = find(tenant);
        if (found?.recipient !== replaces) refuseOther(found);
        rows.put.run({ tenant, recipient, setAt, setBy });
      }),
    deleteRecoveryKey: (tenant, recipient) =>
      sql.write(() => {
        const found = find(tenant);
        if (found?.recipient !== recipient) refuseOther(found);
        rows.removeCopies.run({ tenant });
        rows.remove.run({ tenant });
      }),
    openRecoveryCode: (tenant, recipient, code) =>
      sql.write(() => {
        if (rows.openCode.run({ tenant, recipient, ...code }) === 0) refuseOther(find(tenant));
      }),
    takeRecoveryTry: (tenant, now) =>
      sql.write(() => (rows.takeTry.run({ tenant, now }) === 0 ? undefined : rows.code.find({ tenant }))),
    proveRecoveryKey: (tenant, recipient, { at, by }) =>
      sql.write(() => {
        if (rows.prove.run({ tenant, recipient, at, by }) === 0) refuseOther(find(tenant));
      }),
    listUnsealed: (tenant, recipient, after, limit) =>
      sql.read(() => rows.unsealed.list({ tenant, recipient, after, limit }).map(({ id }) => id)),
    countSealed: (tenant, recipient) => sql.read(() => rows.count.find({ tenant, recipient }) ?? { repositories: 0, sealed: 0 }),
    findRecoveryCopies: (tenant, ids) => sql.read(() => rows.copies.list({ tenant, ids: toJson(ids) })),
    putRecoveryCopy: (copy) =>
      sql.write(() => {
        if (rows.putCopy.run({ ...copy }) === 0) throw new AppError('not_found', 'there is no such repository');
      }),
  };
}
