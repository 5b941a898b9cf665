import { idSchema } from '@holdfast/shared/domain/ids.ts';
import type { FindingOrder } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COVERAGE } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { CoverageLook, CoveragePlace, CoverageStore, Finding } from '../coverage.ts';
import { flag, foldName, optional } from './columns.ts';
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
import type { Sql } from './statements.ts';

const COLUMNS = `f.id, f.tenant_id AS tenant, f.host_id AS host, f.kind, f.place, f.name, f.via_id AS via, f.size_bytes AS sizeBytes,
  f.first_seen_at AS firstSeenAt, f.last_seen_at AS lastSeenAt, f.is_new AS isNew, f.ignored_at AS ignoredAt, f.ignored_by AS ignoredBy,
  f.ignored_why AS ignoredWhy`;
const findingRow = z.object({
  id: idSchema('finding'),
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  kind: z.string(),
  place: z.string(),
  name: z.string(),
  via: optional(idSchema('source')),
  sizeBytes: optional(z.int()),
  firstSeenAt: z.int(),
  lastSeenAt: z.int(),
  isNew: flag,
  ignoredAt: optional(z.int()),
  ignoredBy: optional(z.string()),
  ignoredWhy: optional(z.string()),
});
const listedRow = z.intersection(findingRow, keyedRow);
const lookRow: z.ZodType<CoverageLook> = z.object({
  host: idSchema('host'),
  kind: z.string(),
  place: z.string(),
  firstAt: z.int(),
  lastAt: z.int(),
  failure: optional(z.string()),
});

function toFinding({ ignoredAt: at, ignoredBy, ignoredWhy, ...finding }: z.infer<typeof findingRow>): Finding {
  return { ...finding, ignored: at === undefined ? undefined : { at, by: ignoredBy ?? '', why: ignoredWhy ?? '' } };
}

const toPlaceParams = ({ host, kind, place }: CoveragePlace) => ({ host, kind, place });
/** Hosts that are out are nobody's gap. */
const ON_HOSTS = "EXISTS (SELECT 1 FROM hosts h WHERE h.id = f.host_id AND h.state <> 'revoked')";

/** As the index of each order has it. */
const ORDER_KEYS: Readonly<Record<FindingOrder, string>> = {
  seen: 'f.first_seen_at',
  size: 'coalesce(f.size_bytes, -1)',
  name: 'f.name',
};
/** Names of things are compared as SQLite folds them: letters of English whatever their case. */
const FITS = `(instr(lower(f.name), @search) > 0
  OR EXISTS (SELECT 1 FROM hosts named WHERE named.id = f.host_id AND instr(named.name_key, @search) > 0))`;

function prepareCoverage(sql: Sql) {
  const at = 'tenant_id = @tenant AND host_id = @host AND kind = @kind AND place = @place';
  return {
    begin: sql.change(`INSERT INTO coverage_looks (tenant_id, host_id, kind, place, first_at, last_at, failure)
      VALUES (@tenant, @host, @kind, @place, @at, @at, @failure)
      ON CONFLICT (tenant_id, host_id, kind, place) DO UPDATE SET last_at = excluded.last_at, failure = excluded.failure`),
    worked: sql.select(
      `SELECT EXISTS (SELECT 1 FROM coverage_looks WHERE ${at} AND failure IS NULL) AS known`,
      z.object({ known: flag }),
    ),
    put: sql.change(`INSERT INTO coverage_findings (id, tenant_id, host_id, kind, place, name, via_id, size_bytes, first_seen_at,
        last_seen_at, is_new)
      VALUES (@id, @tenant, @host, @kind, @place, @name, @via, @sizeBytes, @at, @at, @isNew)
      ON CONFLICT (tenant_id, host_id, kind, place, name) DO UPDATE SET via_id = excluded.via_id, size_bytes = excluded.size_bytes,
        last_seen_at = excluded.last_seen_at`),
    names: sql.select(
      `SELECT id, name FROM coverage_findings WHERE ${at}`,
      z.object({ id: idSchema('finding'), name: z.string() }),
    ),
    drop: sql.change('DELETE FROM coverage_findings WHERE tenant_id = @tenant AND id = @id'),
    places: sql.select(
      'SELECT kind, place FROM coverage_looks WHERE tenant_id = @tenant AND host_id = @host',
      z.object({ kind: z.string(), place: z.string() }),
    ),
    dropPlace: sql.change(`DELETE FROM coverage_findings WHERE ${at}`),
    dropLook: sql.change(`DELETE FROM coverage_looks WHERE ${at}`),
    find: sql.select(`SELECT ${COLUMNS} FROM coverage_findings f WHERE f.tenant_id = @tenant AND f.id = @id`, findingRow),
    count: sql.select(
      `SELECT count(*) AS open, coalesce(sum(f.is_new), 0) AS fresh FROM coverage_findings f INDEXED BY coverage_findings_open
       WHERE f.tenant_id = @tenant AND f.ignored_at IS NULL AND ${ON_HOSTS}`,
      z.object({ open: z.int(), fresh: z.int() }),
    ),
    ignore: sql.change(`UPDATE coverage_findings SET ignored_at = @at, ignored_by = @by, ignored_why = @why
      WHERE tenant_id = @tenant AND id = @id`),
    looked: sql.select(
      `SELECT count(*) AS looked, count(f.failure) AS failed FROM coverage_looks f WHERE f.tenant_id = @tenant AND ${ON_HOSTS}`,
      z.object({ looked: z.int(), failed: z.int() }),
    ),
    failedLooks: sql.select(
      `SELECT host_id AS host, kind, place, first_at AS firstAt, last_at AS lastAt, failure FROM coverage_looks f
       WHERE f.tenant_id = @tenant AND f.failure IS NOT NULL AND ${ON_HOSTS}
       ORDER BY f.last_at DESC, f.host_id, f.kind, f.place LIMIT @named`,
      lookRow,
    ),
    due: sql.select(
      `SELECT h.id FROM hosts h LEFT JOIN coverage_turns t ON t.host_id = h.id
       WHERE h.tenant_id = @tenant AND h.state = 'active' AND coalesce(t.due_at, h.created_at + ${COVERAGE.firstMs}) <= @now
       ORDER BY coalesce(t.due_at, h.created_at + ${COVERAGE.firstMs}), h.id LIMIT @limit`,
      z.object({ id: idSchema('host') }),
    ),
    turn: sql.change(`INSERT INTO coverage_turns (host_id, tenant_id, due_at)
      SELECT id, tenant_id, @dueAt FROM hosts WHERE id = @host AND tenant_id = @tenant
      ON CONFLICT (host_id) DO UPDATE SET due_at = excluded.due_at`),
    hurry: sql.change(`INSERT INTO coverage_turns (host_id, tenant_id, due_at)
      SELECT id, tenant_id, @dueAt FROM hosts WHERE tenant_id = @tenant AND state = 'active' AND (@host IS NULL OR id = @host)
      ON CONFLICT (host_id) DO UPDATE SET due_at = min(due_at, excluded.due_at)`),
  };
}

export function createCoverage(sql: Sql): CoverageStore {
  const rows = prepareCoverage(sql);
  return {
    recordLook: (tenant, { at, via, seen, ...place }, createId) =>
      sql.write(() => {
        const params = { tenant, ...toPlaceParams(place) };
        const isFirst = rows.worked.find(params)?.known !== true;
        const there = new Set(seen.map(({ name }) => name));
        const known = rows.names.list(params);
        for (const { id, name } of known) if (!there.has(name)) rows.drop.run({ tenant, id });
        const names = new Set(known.map(({ name }) => name));
        for (const { name, sizeBytes } of seen) {
          const isNew = !isFirst && !names.has(name);
          rows.put.run({ ...params, id: createId(), name, via, sizeBytes, at, isNew });
        }
        rows.begin.run({ ...params, at, failure: undefined });
      }),
    recordFailedLook: (tenant, { at, failure, ...place }) =>
      sql.write(() => void rows.begin.run({ tenant, ...toPlaceParams(place), at, failure })),
    keepPlaces: (tenant, host, places) =>
      sql.write(() => {
        const kept = new Set(places.map(({ kind, place }) => JSON.stringify([kind, place])));
        for (const { kind, place } of rows.places.list({ tenant, host })) {
          if (kept.has(JSON.stringify([kind, place]))) continue;
          rows.dropPlace.run({ tenant, host, kind, place });
          rows.dropLook.run({ tenant, host, kind, place });
        }
      }),
    findFinding: (tenant, id) =>
      sql.read(() => {
        const found = rows.find.find({ tenant, id });
        return found && toFinding(found);
      }),
    listFindings: (tenant, { ignored, fresh, ...filter }, { sort = { by: 'seen', direction: 'desc' }, ...page }) =>
      sql.read(() => {
        const ordering: Ordering = {
          name: `${sort.by}.${sort.direction}`,
          keys: [ORDER_KEYS[sort.by], 'f.id'],
          isDown: sort.direction === 'desc',
        };
        const text = `SELECT ${COLUMNS}, ${selectKeys(ordering)} FROM coverage_findings f WHERE ${joinConditions([
          'f.tenant_id = @tenant',
          ON_HOSTS,
          filter.host !== undefined && 'f.host_id = @host',
          filter.kind !== undefined && 'f.kind = @kind',
          filter.search !== undefined && FITS,
          fresh === true && 'f.is_new = 1',
          ignored !== undefined && `f.ignored_at IS ${ignored ? 'NOT NULL' : 'NULL'}`,
          sayAfter(ordering, page),
        ])} ${sayOrder(ordering)}`;
        const search = filter.search === undefined ? undefined : foldName(filter.search);
        const found = sql.select(text, listedRow).list({ ...filter, search, ...createOrderedPage(ordering, page), tenant });
        const cut = cutOrdered(found, ordering, page);
        return { ...cut, rows: cut.rows.map(toFinding) };
      }),
    countFindings: (tenant) => sql.read(() => rows.count.find({ tenant }) ?? { open: 0, fresh: 0 }),
    setIgnored: (tenant, id, ignored) =>
      sql.write(() => {
        if (rows.ignore.run({ tenant, id, at: ignored?.at, by: ignored?.by, why: ignored?.why }) === 0)
          throw new AppError('not_found', 'nothing of that kind is there any more');
      }),
    deleteFinding: (tenant, id) => sql.write(() => void rows.drop.run({ tenant, id })),
    summarizeLooks: (tenant, named) =>
      sql.read(() => ({
        ...(rows.looked.find({ tenant }) ?? { looked: 0, failed: 0 }),
        newestFailed: rows.failedLooks.list({ tenant, named }),
      })),
    listDueHosts: (tenant, now, limit) => sql.read(() => rows.due.list({ tenant, now, limit }).map(({ id }) => id)),
    hurryTurns: (tenant, host, dueAt) => sql.write(() => rows.hurry.run({ tenant, host, dueAt })),
    setTurn: (tenant, host, dueAt) => sql.write(() => void rows.turn.run({ tenant, host, dueAt })),
  };
}
