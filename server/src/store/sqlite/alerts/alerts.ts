import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { AlertOrder } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import { ALERT_CONDITIONS } from '../../../core/alerts/conditions.ts';
import {
  type ActiveAlertFilter,
  ALERT_EVENT_KINDS,
  type Alert,
  type AlertEvent,
  type AlertFilter,
  type AlertStore,
  type NewDelivery,
} from '../../alerts.ts';
import type { PageRequest, SortedPage } from '../../page.ts';
import { foldName, optional, toJson } from '../columns.ts';
import {
  createOrderedPage,
  createTimePage,
  cutOrdered,
  cutPage,
  joinConditions,
  keyedRow,
  type Ordering,
  sayAfter,
  sayOrder,
  selectKeys,
} from '../lists/keyset.ts';
import type { Params, Sql } from '../statements.ts';
import { createAlertFacts } from './alert-facts.ts';
import { ALERT_COLUMNS, alertRow, toAlert } from './alert-rows.ts';
import { createAlertSigns, toThingParams } from './alert-signs.ts';

const eventRow: z.ZodType<AlertEvent> = z.object({
  at: z.int(),
  kind: z.enum(ALERT_EVENT_KINDS),
  by: optional(z.string()),
  text: z.string(),
});

const SNOOZED = '(a.snoozed_until IS NOT NULL AND a.snoozed_until > @now)';
const STATE_CONDITIONS = {
  active: 'a.resolved_at IS NULL',
  open: `a.resolved_at IS NULL AND a.acknowledged_at IS NULL AND NOT ${SNOOZED}`,
  acknowledged: `a.resolved_at IS NULL AND a.acknowledged_at IS NOT NULL AND NOT ${SNOOZED}`,
  snoozed: `a.resolved_at IS NULL AND ${SNOOZED}`,
  resolved: 'a.resolved_at IS NOT NULL',
} as const;

/** With line ends between, which nobody searches for. */
const SEARCHED = 'a.title || char(10) || a.text || char(10) || a.thing_name || char(10) || a.named';

function sayFilter(filter: AlertFilter): readonly (string | false)[] {
  return [
    'a.tenant_id = @tenant',
    filter.state !== undefined && STATE_CONDITIONS[filter.state],
    filter.severity !== undefined && 'a.severity = @severity',
    filter.condition !== undefined && 'a.condition = @condition',
    filter.thing !== undefined && 'a.thing_kind = @thingKind AND a.thing_id = @thingId',
    filter.search !== undefined && `instr(fold_name(${SEARCHED}), @search) > 0`,
  ];
}

/** The values of the conditions. */
function toFilterParams({ severity, condition, thing, search }: AlertFilter): Params {
  return {
    ...{ severity, condition, search: search === undefined ? undefined : foldName(search) },
    ...(thing ? toThingParams(thing) : {}),
  };
}

function buildAlertList(filter: AlertFilter, page: PageRequest): { text: string; params: Params } {
  const at = filter.state === 'resolved' ? 'a.resolved_at' : 'a.raised_at';
  // What is over grows for more than a year, and is never read as a whole; of what is not, there is little.
  const index =
    filter.state === undefined ? '' : filter.state === 'resolved' ? 'INDEXED BY alerts_past' : 'INDEXED BY alerts_active';
  const text = `SELECT ${ALERT_COLUMNS} FROM alerts a ${index}
WHERE ${joinConditions([...sayFilter(filter), page.after !== undefined && `(${at}, a.id) < (@afterKey, @afterId)`])}
ORDER BY ${at} DESC, a.id DESC LIMIT @pageLimit`;
  return { text, params: { ...toFilterParams(filter), ...createTimePage(page) } };
}

const NEED_OF_STATE = `CASE WHEN ${SNOOZED} THEN 0 WHEN a.acknowledged_at IS NOT NULL THEN 1 ELSE 2 END`;
const NEED_OF_SEVERITY = "CASE a.severity WHEN 'critical' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END";
const KEYS: Readonly<Record<AlertOrder, readonly string[]>> = {
  need: [`(${NEED_OF_STATE}) * 3 + ${NEED_OF_SEVERITY}`, 'a.raised_at', 'a.id'],
  title: ['fold_name(a.title)', 'a.id'],
  thing: ['fold_name(a.thing_name)', 'a.raised_at', 'a.id'],
  since: ['a.since', 'a.id'],
  count: ['a.members', 'a.raised_at', 'a.id'],
};

function findOrdering({ sort = { by: 'need', direction: 'desc' } }: SortedPage<AlertOrder>): Ordering {
  return { name: `${sort.by} ${sort.direction}`, keys: KEYS[sort.by], isDown: sort.direction === 'desc' };
}
const keyedAlertRow = alertRow.extend(keyedRow.shape);

/** Of what is not over there is little: it is read as a whole and sorted. */
function buildActiveList(filter: ActiveAlertFilter, ordering: Ordering, page: PageRequest): { text: string; params: Params } {
  const text = `SELECT ${ALERT_COLUMNS}, ${selectKeys(ordering)} FROM alerts a INDEXED BY alerts_active
WHERE ${joinConditions([...sayFilter(filter), sayAfter(ordering, page)])}
${sayOrder(ordering)}`;
  return { text, params: { ...toFilterParams(filter), ...createOrderedPage(ordering, page) } };
}

function toParams({ thing, named, ...alert }: Alert): Params {
  return { ...alert, ...toThingParams(thing), named: toJson(named) };
}

function prepareAlerts(sql: Sql) {
  const byId = 'WHERE a.tenant_id = @tenant AND a.id = @id';
  return {
    insert:
      sql.change(`INSERT INTO alerts (id, tenant_id, condition, severity, thing_kind, thing_id, thing_name, title, text, members,
        named, since, raised_at, settled_at, clear_since, resolved_at, flaps, acknowledged_at, acknowledged_by, snoozed_until,
        snoozed_by, run_id, last_good_at, version)
      VALUES (@id, @tenant, @condition, @severity, @thingKind, @thingId, @thingName, @title, @text, @members, @named, @since, @raisedAt,
        @settledAt, @clearSince, @resolvedAt, @flaps, @acknowledgedAt, @acknowledgedBy, @snoozedUntil, @snoozedBy, @run, @lastGoodAt,
        @version)`),
    update:
      sql.change(`UPDATE alerts SET severity = @severity, thing_name = @thingName, title = @title, text = @text, members = @members,
        named = @named, since = @since, raised_at = @raisedAt, settled_at = @settledAt, clear_since = @clearSince,
        resolved_at = @resolvedAt, flaps = @flaps, acknowledged_at = @acknowledgedAt, acknowledged_by = @acknowledgedBy,
        snoozed_until = @snoozedUntil, snoozed_by = @snoozedBy, run_id = @run, last_good_at = @lastGoodAt, version = version + 1
      WHERE tenant_id = @tenant AND id = @id AND version = @version`),
    find: sql.select(`SELECT ${ALERT_COLUMNS} FROM alerts a ${byId}`, alertRow),
    about: sql.select(
      `SELECT ${ALERT_COLUMNS} FROM alerts a INDEXED BY alerts_active WHERE a.tenant_id = @tenant AND a.resolved_at IS NULL
       AND a.thing_kind = @kind AND a.thing_id IN (SELECT value FROM json_each(@ids))
       ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, a.raised_at DESC, a.id DESC`,
      alertRow,
    ),
    past: sql.select(
      `SELECT ${ALERT_COLUMNS} FROM alerts a INDEXED BY alerts_by_thing WHERE a.tenant_id = @tenant AND a.condition = @condition
       AND a.thing_kind = @thingKind AND a.thing_id = @thingId AND a.resolved_at >= @since
       ORDER BY a.raised_at DESC, a.id DESC LIMIT 1`,
      alertRow,
    ),
    addEvent: sql.change(`INSERT INTO alert_events (alert_id, n, tenant_id, at, kind, by_name, text)
      SELECT @id, coalesce(max(n), 0) + 1, @tenant, @at, @kind, @by, @text FROM alert_events WHERE alert_id = @id`),
    events: sql.select(
      `SELECT at, kind, by_name AS by, text FROM alert_events WHERE alert_id = @id AND tenant_id = @tenant ORDER BY n DESC LIMIT @limit`,
      eventRow,
    ),
    counts: sql.select(
      `SELECT count(*) FILTER (WHERE a.acknowledged_at IS NULL AND NOT ${SNOOZED}) AS open,
         count(*) FILTER (WHERE a.acknowledged_at IS NOT NULL AND NOT ${SNOOZED}) AS acknowledged,
         count(*) FILTER (WHERE ${SNOOZED}) AS snoozed,
         count(*) FILTER (WHERE a.acknowledged_at IS NULL AND NOT ${SNOOZED} AND a.severity = 'critical') AS critical
       FROM alerts a INDEXED BY alerts_active WHERE a.tenant_id = @tenant AND a.resolved_at IS NULL`,
      z.object({ open: z.int(), acknowledged: z.int(), snoozed: z.int(), critical: z.int() }),
    ),
    byCondition: sql.select(
      `SELECT a.condition, count(*) AS count FROM alerts a INDEXED BY alerts_active
       WHERE a.tenant_id = @tenant AND a.resolved_at IS NULL GROUP BY a.condition`,
      z.object({ condition: z.enum(ALERT_CONDITIONS), count: z.int() }),
    ),
    prune: sql.change(`DELETE FROM alerts WHERE id IN (SELECT id FROM alerts INDEXED BY alerts_past
      WHERE resolved_at IS NOT NULL AND resolved_at < @before ORDER BY resolved_at LIMIT @limit)`),
  };
}

/** `putDelivery` stores a message in the transaction it is called in. */
export function createAlerts(
  sql: Sql,
  putDelivery: (tenant: TenantId, delivery: NewDelivery, at: number) => boolean,
): AlertStore {
  const rows = prepareAlerts(sql);
  return {
    ...createAlertSigns(sql),
    ...createAlertFacts(sql),
    findPast: (tenant, condition, thing, since) =>
      sql.read(() => {
        const found = rows.past.find({ tenant, condition, ...toThingParams(thing), since });
        return found && toAlert(found);
      }),
    applyStep: ({ alert, isNew, event, deliveries, at }) =>
      sql.write(() => {
        const { tenant, id } = alert;
        if (isNew) rows.insert.run(toParams(alert));
        else if (rows.update.run(toParams(alert)) === 0)
          throw new AppError('conflict', 'the alert changed meanwhile; look at it again', { details: { field: 'version' } });
        if (event) rows.addEvent.run({ ...event, tenant, id });
        for (const delivery of deliveries) putDelivery(tenant, delivery, at);
      }),
    findAlert: (tenant, id) =>
      sql.read(() => {
        const found = rows.find.find({ tenant, id });
        return found && toAlert(found);
      }),
    listAlerts: (tenant, filter, now, page) =>
      sql.read(() => {
        const { text, params } = buildAlertList(filter, page);
        const found = sql
          .select(text, alertRow)
          .list({ ...params, tenant, now })
          .map(toAlert);
        return cutPage(found, page, (alert) => [
          filter.state === 'resolved' ? (alert.resolvedAt ?? alert.raisedAt) : alert.raisedAt,
          alert.id,
        ]);
      }),
    listActiveAlerts: (tenant, filter, now, page) =>
      sql.read(() => {
        const ordering = findOrdering(page);
        const { text, params } = buildActiveList(filter, ordering, page);
        const found = cutOrdered(sql.select(text, keyedAlertRow).list({ ...params, tenant, now }), ordering, page);
        return { ...found, rows: found.rows.map(toAlert) };
      }),
    listActiveAbout: (tenant, kind, ids) => sql.read(() => rows.about.list({ tenant, kind, ids: toJson(ids) }).map(toAlert)),
    countAlerts: (tenant, now) =>
      sql.read(() => rows.counts.find({ tenant, now }) ?? { open: 0, acknowledged: 0, snoozed: 0, critical: 0 }),
    countByCondition: (tenant) =>
      sql.read(() => new Map(rows.byCondition.list({ tenant }).map(({ condition, count }) => [condition, count]))),
    listAlertEvents: (tenant, id, limit) => sql.read(() => rows.events.list({ tenant, id, limit })),
    pruneAlerts: (before, limit) => sql.write(() => rows.prune.run({ before, limit })),
  };
}
