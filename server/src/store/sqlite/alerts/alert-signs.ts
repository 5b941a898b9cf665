/** Signs of trouble: what each look found, and where that differs from the alerts there are. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import { ALERT_CONDITIONS, THING_KINDS } from '../../../core/alerts/conditions.ts';
import { type AlertSign, type AlertStore, SIGN_SCOPES, type SignRange, type Thing } from '../../alerts.ts';
import type { PageRequest } from '../../page.ts';
import { optional, toJson } from '../columns.ts';
import {
  createOrderedPage,
  cutOrdered,
  joinConditions,
  keyedRow,
  type Ordering,
  sayAfter,
  sayOrder,
  selectKeys,
} from '../lists/keyset.ts';
import type { Params, Sql } from '../statements.ts';
import { ALERT_COLUMNS, alertRow, toAlert } from './alert-rows.ts';

const SIGN = `s.scope, s.scope_id AS scopeId, s.subject, s.condition, s.thing_kind AS thingKind, s.thing_id AS thingId, s.name, s.text,
  s.since, s.run_id AS run, s.last_good_at AS lastGoodAt`;
const signRow = z.object({
  scope: z.enum(SIGN_SCOPES),
  scopeId: z.string(),
  subject: z.string(),
  condition: z.enum(ALERT_CONDITIONS),
  thingKind: z.enum(THING_KINDS),
  thingId: z.string(),
  name: z.string(),
  text: z.string(),
  since: z.int(),
  run: optional(idSchema('run')),
  lastGoodAt: optional(z.int()),
});

const keyedSignRow = signRow.extend(keyedRow.shape);

function toSign({ thingKind: kind, thingId: id, ...sign }: z.infer<typeof signRow>): AlertSign {
  return { ...sign, thing: { kind, id } };
}

function toParams({ thing, ...sign }: AlertSign): Params {
  return { ...sign, ...toThingParams(thing) };
}

export function toThingParams({ kind, id }: Thing): { thingKind: string; thingId: string } {
  return { thingKind: kind, thingId: id };
}

const BY_IDS = 'scope_id IN (SELECT value FROM json_each(@ids))';
const BY_SPAN = 'scope_id > @after AND (@through IS NULL OR scope_id <= @through)';

function toRangeParams(range: SignRange): Params {
  return 'ids' in range
    ? { scope: range.scope, ids: toJson(range.ids) }
    : { scope: range.scope, after: range.after, through: range.through };
}

const groupRow = z.object({
  condition: z.enum(ALERT_CONDITIONS),
  thingKind: z.enum(THING_KINDS),
  thingId: z.string(),
  members: z.int(),
  since: z.int(),
  changedAt: z.int(),
});
const SAME = 'a.tenant_id = @tenant AND a.condition = g.condition AND a.thing_kind = g.thing_kind AND a.thing_id = g.thing_id';
/** Every group of signs is counted in the index alone; only those that differ from their alert come out. */
const UNSETTLED_SIGNS = `SELECT g.condition, g.thing_kind AS thingKind, g.thing_id AS thingId, g.members, g.since, g.changed AS changedAt
  FROM (SELECT condition, thing_kind, thing_id, count(*) AS members, min(since) AS since, max(changed_at) AS changed
    FROM alert_signs INDEXED BY alert_signs_by_alert WHERE tenant_id = @tenant GROUP BY condition, thing_kind, thing_id) g
  LEFT JOIN alerts a ON ${SAME} AND a.resolved_at IS NULL
  WHERE a.id IS NULL OR a.members <> g.members OR a.settled_at < g.changed OR a.clear_since IS NOT NULL OR a.snoozed_until <= @now
  LIMIT @limit`;
const UNSETTLED_ALERTS = `SELECT ${ALERT_COLUMNS} FROM alerts a INDEXED BY alerts_active
  WHERE a.tenant_id = @tenant AND a.resolved_at IS NULL AND (a.clear_since IS NULL OR a.clear_since <= @clearBefore)
    AND NOT EXISTS (SELECT 1 FROM alert_signs s INDEXED BY alert_signs_by_alert WHERE s.tenant_id = a.tenant_id
      AND s.condition = a.condition AND s.thing_kind = a.thing_kind AND s.thing_id = a.thing_id)
  LIMIT @limit`;

function prepareSigns(sql: Sql) {
  const of = 'tenant_id = @tenant AND scope = @scope';
  return {
    byIds: sql.select(
      `SELECT ${SIGN} FROM alert_signs s WHERE ${of} AND ${BY_IDS} ORDER BY scope_id, subject, condition`,
      signRow,
    ),
    bySpan: sql.select(
      `SELECT ${SIGN} FROM alert_signs s WHERE ${of} AND ${BY_SPAN} ORDER BY scope_id, subject, condition`,
      signRow,
    ),
    put: sql.change(`INSERT INTO alert_signs (tenant_id, scope, scope_id, subject, condition, thing_kind, thing_id, name, text, since,
        changed_at, run_id, last_good_at)
      VALUES (@tenant, @scope, @scopeId, @subject, @condition, @thingKind, @thingId, @name, @text, @since, @at, @run, @lastGoodAt)
      ON CONFLICT (tenant_id, scope, scope_id, subject, condition) DO UPDATE SET thing_kind = excluded.thing_kind,
        thing_id = excluded.thing_id, name = excluded.name, text = excluded.text, since = excluded.since,
        changed_at = excluded.changed_at, run_id = excluded.run_id, last_good_at = excluded.last_good_at`),
    remove: sql.change(
      `DELETE FROM alert_signs WHERE ${of} AND scope_id = @scopeId AND subject = @subject AND condition = @condition`,
    ),
    ofAlert: sql.select(
      `SELECT ${SIGN} FROM alert_signs s INDEXED BY alert_signs_by_alert WHERE s.tenant_id = @tenant AND s.condition = @condition
       AND s.thing_kind = @thingKind AND s.thing_id = @thingId ORDER BY s.since LIMIT @limit`,
      signRow,
    ),
    unsettledSigns: sql.select(UNSETTLED_SIGNS, groupRow),
    unsettledAlerts: sql.select(UNSETTLED_ALERTS, alertRow),
    standing: sql.select(
      `SELECT ${ALERT_COLUMNS} FROM alerts a WHERE a.tenant_id = @tenant AND a.condition = @condition AND a.thing_kind = @thingKind
       AND a.thing_id = @thingId AND a.resolved_at IS NULL`,
      alertRow,
    ),
  };
}

const keyOf = (sign: AlertSign): string => JSON.stringify([sign.scopeId, sign.subject, sign.condition]);
const contentOf = (sign: AlertSign): string =>
  JSON.stringify([sign.thing.kind, sign.thing.id, sign.name, sign.text, sign.since, sign.run, sign.lastGoodAt]);

type Signs = Pick<AlertStore, 'listSigns' | 'replaceSigns' | 'listMembers' | 'listSignsOf' | 'listUnsettled'>;

const BY_AGE: Ordering = { name: 'age', keys: ['s.since', 's.scope_id', 's.subject'], isDown: false };

/** Of one alert there are at most as many as there are sources: they are read by its index and ordered. */
function buildMemberList(page: PageRequest): { text: string; params: Params } {
  const text = `SELECT ${SIGN}, ${selectKeys(BY_AGE)} FROM alert_signs s INDEXED BY alert_signs_by_alert
WHERE ${joinConditions([
    's.tenant_id = @tenant AND s.condition = @condition AND s.thing_kind = @thingKind AND s.thing_id = @thingId',
    sayAfter(BY_AGE, page),
  ])}
${sayOrder(BY_AGE)}`;
  return { text, params: createOrderedPage(BY_AGE, page) };
}

export function createAlertSigns(sql: Sql): Signs {
  const rows = prepareSigns(sql);
  const list = (tenant: string, range: SignRange): AlertSign[] =>
    ('ids' in range ? rows.byIds : rows.bySpan).list({ tenant, ...toRangeParams(range) }).map(toSign);
  return {
    listSigns: (tenant, range) => sql.read(() => list(tenant, range)),
    async replaceSigns(tenant, range, signs, at) {
      const wanted = new Map(signs.map((sign) => [keyOf(sign), sign]));
      const differs = (stored: readonly AlertSign[]) => {
        const known = new Map(stored.map((sign) => [keyOf(sign), sign]));
        const gone = stored.filter((sign) => !wanted.has(keyOf(sign)));
        const changed = [...wanted].flatMap(([key, sign]) => {
          const before = known.get(key);
          return before !== undefined && contentOf(before) === contentOf(sign) ? [] : [sign];
        });
        return { gone, changed };
      };
      // Most looks find what is known: these write nothing.
      const { gone, changed } = differs(await sql.read(() => list(tenant, range)));
      if (gone.length === 0 && changed.length === 0) return false;
      return sql.write(() => {
        const now = differs(list(tenant, range));
        for (const sign of now.gone) rows.remove.run({ tenant, ...toParams(sign) });
        for (const sign of now.changed) rows.put.run({ tenant, at, ...toParams(sign) });
        return true;
      });
    },
    listMembers: (tenant, condition, thing, page) =>
      sql.read(() => {
        const { text, params } = buildMemberList(page);
        const all = sql.select(text, keyedSignRow).list({ ...params, tenant, condition, ...toThingParams(thing) });
        const found = cutOrdered(all, BY_AGE, page);
        return { ...found, rows: found.rows.map(toSign) };
      }),
    listSignsOf: (tenant, condition, thing, limit) =>
      sql.read(() => rows.ofAlert.list({ tenant, condition, ...toThingParams(thing), limit }).map(toSign)),
    listUnsettled: (tenant, now, clearBefore, limit) =>
      sql.read(() => {
        const groups = rows.unsettledSigns.list({ tenant, now, limit }).map(({ thingKind: kind, thingId: id, ...group }) => {
          const thing = { kind, id };
          const alert = rows.standing.find({ tenant, condition: group.condition, ...toThingParams(thing) });
          return { ...group, thing, alert: alert && toAlert(alert) };
        });
        const left = rows.unsettledAlerts.list({ tenant, clearBefore, limit }).map((row) => {
          const alert = toAlert(row);
          const { condition, thing, since, settledAt: changedAt } = alert;
          return { condition, thing, members: 0, since, changedAt, alert };
        });
        return [...groups, ...left];
      }),
  };
}
