import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Source, SourceStore } from '../sources.ts';
import { counted, foldName, toJson } from './columns.ts';
import { createSortedSources } from './lists/sorted-sources.ts';
import { SOURCE_COLUMNS, sourceRow, toSource } from './source-rows.ts';
import type { Params, Sql } from './statements.ts';

function toParams(source: Source): Params {
  return {
    ...source,
    nameKey: foldName(source.name),
    config: toJson(source.config),
    secrets: toJson(source.secrets),
  };
}

function prepareSources(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO sources
      (id, tenant_id, host_id, name, name_key, kind, config, secrets, enabled, version, created_at, updated_at)
      VALUES (@id, @tenant, @host, @name, @nameKey, @kind, @config, @secrets, @enabled, @version, @createdAt, @updatedAt)`),
    update: sql.change(`UPDATE sources SET host_id = @host, name = @name, name_key = @nameKey, kind = @kind, config = @config,
      secrets = @secrets, enabled = @enabled, version = version + 1, updated_at = @updatedAt
      WHERE tenant_id = @tenant AND id = @id AND version = @expectedVersion`),
    find: sql.select(`SELECT ${SOURCE_COLUMNS} FROM sources s WHERE s.tenant_id = @tenant AND s.id = @id`, sourceRow),
    // The plus keeps SQLite from walking all of the tenant in the order of names for the few that are asked for.
    some: sql.select(
      `SELECT ${SOURCE_COLUMNS} FROM sources s WHERE +s.tenant_id = @tenant AND s.id IN (SELECT value FROM json_each(@ids))
       ORDER BY s.name_key, s.id`,
      sourceRow,
    ),
    ofHost: sql.select(
      `SELECT ${SOURCE_COLUMNS} FROM sources s WHERE s.tenant_id = @tenant AND s.host_id = @host ORDER BY s.name_key, s.id`,
      sourceRow,
    ),
    ofHosts: sql.select(
      `SELECT ${SOURCE_COLUMNS} FROM sources s INDEXED BY sources_by_host
       WHERE s.tenant_id = @tenant AND s.host_id IN (SELECT value FROM json_each(@hosts))
       ORDER BY s.name_key, s.id`,
      sourceRow,
    ),
    count: sql.select('SELECT count(*) AS count FROM sources WHERE tenant_id = @tenant', counted),
    users: sql.select(
      `SELECT p.name FROM plan_sources ps JOIN plans p ON p.id = ps.plan_id
       WHERE ps.tenant_id = @tenant AND ps.source_id = @id ORDER BY p.name_key LIMIT 20`,
      z.object({ name: z.string() }),
    ),
    remove: sql.change('DELETE FROM sources WHERE tenant_id = @tenant AND id = @id'),
  };
}

export function createSources(sql: Sql): SourceStore {
  const rows = prepareSources(sql);
  const listSorted = createSortedSources(sql);
  return {
    insertSource: (source) => sql.write(() => void rows.insert.run(toParams(source))),
    updateSource: (source, expectedVersion) =>
      sql.write(() => {
        if (rows.update.run({ ...toParams(source), expectedVersion }) > 0) return;
        refuseUpdate('source', rows.find.find({ tenant: source.tenant, id: source.id }));
      }),
    findSource: (tenant, id) =>
      sql.read(() => {
        const found = rows.find.find({ tenant, id });
        return found && toSource(found);
      }),
    findSources: (tenant, ids) => sql.read(() => rows.some.list({ tenant, ids: toJson(ids) }).map(toSource)),
    listSources: (tenant, filter, page) => sql.read(() => listSorted(tenant, filter, page)),
    listSourcesOfHost: (tenant, host) => sql.read(() => rows.ofHost.list({ tenant, host }).map(toSource)),
    listSourcesOfHosts: (tenant, hosts) => sql.read(() => rows.ofHosts.list({ tenant, hosts: toJson(hosts) }).map(toSource)),
    countSources: (tenant) => sql.read(() => rows.count.find({ tenant })?.count ?? 0),
    deleteSource: (tenant, id) =>
      sql.write(() => {
        refuseInUse('source', rows.users.list({ tenant, id }));
        if (rows.remove.run({ tenant, id }) === 0) throw new AppError('not_found', 'there is no such source');
      }),
  };
}

/** Why an update changed no row: somebody else changed it first, or it is gone. */
export function refuseUpdate(noun: string, current: { version: number } | undefined): never {
  if (!current) throw new AppError('not_found', `this ${noun} does not exist any more`);
  throw new AppError('conflict', `this ${noun} was changed by somebody else meanwhile; reload it and make your change again`, {
    details: { field: 'version', current: current.version },
  });
}

/** `conflict` naming the plans that still use a thing. */
export function refuseInUse(noun: string, plans: readonly { name: string }[]): void {
  if (plans.length === 0) return;
  const names = plans.map((plan) => plan.name);
  throw new AppError('conflict', `this ${noun} is used by ${names.join(', ')}; remove it from there first`, {
    details: { field: 'plans', plans: names },
  });
}
