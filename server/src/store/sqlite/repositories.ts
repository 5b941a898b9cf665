import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { configSchema } from '@holdfast/shared/domain/plan.ts';
import { REPOSITORY_STANDINGS } from '@holdfast/shared/domain/repository-standing.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Repository, RepositoryFilter, RepositoryPage, RepositoryStore, SealedCopy } from '../repositories.ts';
import { counted, foldName, json, optional, toJson } from './columns.ts';
import { numberOf } from './id-numbers.ts';
import {
  createOrderedPage,
  cutOrdered,
  joinConditions,
  keyedRow,
  type Ordering,
  sayAfter,
  sayOrder,
  selectKeys,
} from './lists/keyset.ts';
import { SEALED_COPY, sealedCopyColumn } from './recovery.ts';
import { REPOSITORY_KEYS } from './repository-standings.ts';
import { refuseInUse, refuseUpdate } from './sources.ts';
import type { Params, Sql } from './statements.ts';

const REPOSITORY = `r.id, r.tenant_id AS tenant, r.name, r.name_key AS nameKey, r.kind, r.config, r.secrets,
  r.engine_id AS engineId, r.tested_from AS testedFrom, r.runs_at_once AS runsAtOnce,
  r.password_proof AS passwordProof, ${SEALED_COPY} AS sealedCopy, r.admin_config AS adminConfig,
  r.admin_secrets AS adminSecrets, r.version, r.created_at AS createdAt, r.updated_at AS updatedAt`;
const repositoryRow = z.object({
  id: idSchema('repository'),
  tenant: idSchema('tenant'),
  name: z.string(),
  nameKey: z.string(),
  kind: z.string(),
  config: json(configSchema),
  secrets: json(z.record(z.string(), z.string())),
  engineId: optional(z.string()),
  testedFrom: optional(idSchema('host')),
  runsAtOnce: optional(z.int()),
  passwordProof: optional(json(z.object({ at: z.int(), by: z.string(), host: idSchema('host') }))),
  sealedCopy: optional(json(sealedCopyColumn)),
  adminConfig: optional(json(configSchema)),
  adminSecrets: optional(json(z.record(z.string(), z.string()))),
  version: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
});

function toSealedCopy({ madeAt, provenAt, provenBy }: z.infer<typeof sealedCopyColumn>): SealedCopy {
  return { madeAt, ...(provenAt !== null && provenBy !== null && { keyProof: { at: provenAt, by: provenBy } }) };
}

/** The row without the column that only the order of lists needs, and with its admin credential in one. */
function toRepository(row: z.infer<typeof repositoryRow>): Repository {
  const { nameKey: _order, adminConfig, adminSecrets, sealedCopy, ...repository } = row;
  return {
    ...repository,
    ...(sealedCopy && { sealedCopy: toSealedCopy(sealedCopy) }),
    ...(adminConfig && adminSecrets && { admin: { config: adminConfig, secrets: adminSecrets } }),
  };
}

export function buildRepositoryList(
  filter: RepositoryFilter,
  page: RepositoryPage,
): { text: string; params: Params; ordering: Ordering } {
  const { sort } = page;
  const key = sort === undefined || sort.by === 'name' ? undefined : REPOSITORY_KEYS[sort.by];
  const direction = sort?.direction ?? 'asc';
  const ordering: Ordering = {
    name: `${sort?.by ?? 'name'}.${direction}`,
    keys: [...(key === undefined ? [] : [key]), 'r.name_key', 'r.id'],
    isDown: direction === 'desc',
  };
  const text = `SELECT ${REPOSITORY}, ${selectKeys(ordering)} FROM repositories r
WHERE ${joinConditions([
    'r.tenant_id = @tenant',
    filter.kind !== undefined && 'r.kind = @kind',
    filter.search !== undefined && 'instr(r.name_key, @search) > 0',
    filter.standing !== undefined && `${REPOSITORY_KEYS.status} = @rank`,
    sayAfter(ordering, page),
  ])}
${sayOrder(ordering)}`;
  const search = filter.search === undefined ? undefined : foldName(filter.search);
  const rank = filter.standing === undefined ? undefined : REPOSITORY_STANDINGS.indexOf(filter.standing);
  const { now, quietBefore } = page.instants ?? {};
  return { text, params: { kind: filter.kind, search, rank, now, quietBefore, ...createOrderedPage(ordering, page) }, ordering };
}

function toParams({ admin, passwordProof, sealedCopy: _apart, ...repository }: Repository): Params {
  return {
    ...repository,
    passwordProof: passwordProof && toJson(passwordProof),
    adminConfig: admin && toJson(admin.config),
    adminSecrets: admin && toJson(admin.secrets),
    nameKey: foldName(repository.name),
    config: toJson(repository.config),
    secrets: toJson(repository.secrets),
  };
}

function prepareRepositories(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO repositories
      (id, tenant_id, name, name_key, kind, config, secrets, engine_id, tested_from, runs_at_once, password_proof, admin_config,
       admin_secrets, version, created_at, updated_at)
      VALUES (@id, @tenant, @name, @nameKey, @kind, @config, @secrets, @engineId, @testedFrom, @runsAtOnce, @passwordProof,
        @adminConfig, @adminSecrets, @version, @createdAt, @updatedAt)`),
    update: sql.change(`UPDATE repositories SET name = @name, name_key = @nameKey, kind = @kind, config = @config,
      secrets = @secrets, engine_id = @engineId, tested_from = @testedFrom, runs_at_once = @runsAtOnce,
      password_proof = iif(@passwordProof IS NULL, NULL, password_proof), admin_config = @adminConfig, admin_secrets = @adminSecrets, version = version + 1, updated_at = @updatedAt
      WHERE tenant_id = @tenant AND id = @id AND version = @expectedVersion`),
    pin: sql.change(`UPDATE repositories SET engine_id = @engineId, tested_from = @from
      WHERE tenant_id = @tenant AND id = @id AND (engine_id IS NULL OR engine_id = @engineId)`),
    prove: sql.change(
      'UPDATE repositories SET password_proof = @proof WHERE tenant_id = @tenant AND id = @id AND version = @version',
    ),
    find: sql.select(`SELECT ${REPOSITORY} FROM repositories r WHERE r.tenant_id = @tenant AND r.id = @id`, repositoryRow),
    // The plus keeps SQLite from walking all of the tenant in the order of names for the few that are asked for.
    some: sql.select(
      `SELECT ${REPOSITORY} FROM repositories r WHERE +r.tenant_id = @tenant AND r.id IN (SELECT value FROM json_each(@ids))
       ORDER BY r.name_key, r.id`,
      repositoryRow,
    ),
    count: sql.select('SELECT count(*) AS count FROM repositories WHERE tenant_id = @tenant', counted),
    users: sql.select(
      'SELECT name FROM plans WHERE tenant_id = @tenant AND (repository_id = @id OR copy_repository_id = @id) ORDER BY name_key LIMIT 20',
      z.object({ name: z.string() }),
    ),
    snapshots: sql.select(
      `SELECT count(*) AS count FROM snapshots
       WHERE tenant_no = ${numberOf('@tenant')} AND repository_no = ${numberOf('@id')} AND state NOT IN ('missing', 'removed')`,
      counted,
    ),
    remove: sql.change('DELETE FROM repositories WHERE tenant_id = @tenant AND id = @id'),
  };
}

export function createRepositories(sql: Sql): RepositoryStore {
  const rows = prepareRepositories(sql);
  const listed = z.intersection(repositoryRow, keyedRow);
  return {
    insertRepository: (repository) => sql.write(() => void rows.insert.run(toParams(repository))),
    updateRepository: (repository, expectedVersion) =>
      sql.write(() => {
        if (rows.update.run({ ...toParams(repository), expectedVersion }) > 0) return;
        refuseUpdate('repository', rows.find.find({ tenant: repository.tenant, id: repository.id }));
      }),
    pinEngineId: (tenant, id, engineId, from) =>
      sql.write(() => {
        if (rows.pin.run({ tenant, id, engineId, from }) > 0) return;
        const known = rows.find.find({ tenant, id });
        if (!known) throw new AppError('not_found', 'there is no such repository');
        throw new AppError(
          'conflict',
          'another repository now answers at this address; correct the address, or add it as a new repository',
          { details: { field: 'engineId', pinned: known.engineId ?? '' } },
        );
      }),
    provePassword: (tenant, id, proof, version) =>
      sql.write(() => {
        if (rows.prove.run({ tenant, id, proof: toJson(proof), version }) > 0) return;
        refuseUpdate('repository', rows.find.find({ tenant, id }));
      }),
    findRepository: (tenant, id) =>
      sql.read(() => {
        const found = rows.find.find({ tenant, id });
        return found && toRepository(found);
      }),
    findRepositories: (tenant, ids) => sql.read(() => rows.some.list({ tenant, ids: toJson(ids) }).map(toRepository)),
    listRepositories: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params, ordering } = buildRepositoryList(filter, page);
        const cut = cutOrdered(sql.select(text, listed).list({ ...params, tenant }), ordering, page);
        return { ...cut, rows: cut.rows.map(toRepository) };
      }),
    countRepositories: (tenant) => sql.read(() => rows.count.find({ tenant })?.count ?? 0),
    deleteRepository: (tenant, id) =>
      sql.write(() => {
        refuseInUse('repository', rows.users.list({ tenant, id }));
        const snapshots = rows.snapshots.find({ tenant, id })?.count ?? 0;
        if (snapshots > 0) {
          throw new AppError(
            'conflict',
            `the ledger still lists ${snapshots} snapshots in this repository; it cannot be deleted`,
            {
              details: { field: 'snapshots', snapshots },
            },
          );
        }
        if (rows.remove.run({ tenant, id }) === 0) throw new AppError('not_found', 'there is no such repository');
      }),
  };
}
