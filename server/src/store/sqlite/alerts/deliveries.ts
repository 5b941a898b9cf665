/** The outbox of messages to channels, and what became of each attempt. */
import { idSchema, type TenantId } from '@holdfast/shared/domain/ids.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { NewDelivery } from '../../alerts.ts';
import { type ChannelStore, DELIVERY_STATES, type Delivery, type DeliveryAttempt } from '../../channels.ts';
import type { PageRequest } from '../../page.ts';
import { counted, flag, optional, toJson } from '../columns.ts';
import { createTimePage, cutPage, joinConditions } from '../lists/keyset.ts';
import type { Params, Sql } from '../statements.ts';

const DELIVERY = `d.id, d.tenant_id AS tenant, d.channel_id AS channel, d.alert_id AS alert, d.topic, d.kind, d.body,
  d.created_at AS createdAt, d.due_at AS dueAt, d.attempts, d.state, d.settled_at AS settledAt,
  (SELECT t.text FROM delivery_attempts t WHERE t.delivery_id = d.id ORDER BY t.n DESC LIMIT 1) AS outcome`;
const deliveryRow: z.ZodType<Delivery> = z.object({
  id: idSchema('delivery'),
  tenant: idSchema('tenant'),
  channel: idSchema('channel'),
  alert: optional(idSchema('alert')),
  topic: z.string(),
  kind: z.string(),
  body: z.string(),
  createdAt: z.int(),
  dueAt: z.int(),
  attempts: z.int(),
  state: z.enum(DELIVERY_STATES),
  settledAt: optional(z.int()),
  outcome: optional(z.string()),
});
const attemptRow: z.ZodType<DeliveryAttempt> = z.object({
  delivery: idSchema('delivery'),
  at: z.int(),
  tookMs: z.int(),
  ok: flag,
  text: z.string(),
});

function buildDeliveryList(
  filter: Parameters<ChannelStore['listDeliveries']>[1],
  page: PageRequest,
): { text: string; params: Params } {
  const text = `SELECT ${DELIVERY} FROM deliveries d
WHERE ${joinConditions([
    'd.tenant_id = @tenant',
    filter.channel !== undefined && 'd.channel_id = @channel',
    filter.alert !== undefined && 'd.alert_id = @alert',
    filter.topic !== undefined && 'd.topic = @topic',
    page.after !== undefined && '(d.created_at, d.id) < (@afterKey, @afterId)',
  ])}
ORDER BY d.created_at DESC, d.id DESC LIMIT @pageLimit`;
  return { text, params: { ...filter, ...createTimePage(page) } };
}

/** What a person has not seen of what was given up: rows of `id`. */
const UNDELIVERED = `SELECT id FROM (SELECT id, state, kind FROM deliveries INDEXED BY deliveries_by_channel
      WHERE tenant_id = @tenant AND channel_id = @channel ORDER BY created_at DESC, id DESC LIMIT @most)
    WHERE state = 'given_up' AND kind NOT IN (SELECT value FROM json_each(@except))`;

function prepareDeliveries(sql: Sql) {
  return {
    // A message on which nothing waits any longer than on others; one more than there is room for is not taken.
    insert:
      sql.change(`INSERT INTO deliveries (id, tenant_id, channel_id, alert_id, topic, kind, body, created_at, due_at, attempts, state)
      SELECT @id, @tenant, @channel, @alert, @topic, @kind, @body, @at, @at, 0, 'waiting'
      WHERE (SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_waiting
        WHERE state = 'waiting' AND channel_id = @channel LIMIT @most)) < @most
      ON CONFLICT (channel_id, topic) DO NOTHING`),
    due: sql.select(
      `SELECT ${DELIVERY} FROM deliveries d INDEXED BY deliveries_waiting JOIN channels c ON c.id = d.channel_id
       WHERE d.tenant_id = @tenant AND d.state = 'waiting' AND d.due_at <= @now AND c.enabled = 1 AND c.id = @channel
       ORDER BY d.due_at, d.id LIMIT @limit`,
      deliveryRow,
    ),
    find: sql.select(`SELECT ${DELIVERY} FROM deliveries d WHERE d.tenant_id = @tenant AND d.id = @id`, deliveryRow),
    channels: sql.select(
      `SELECT DISTINCT d.channel_id AS channel FROM deliveries d INDEXED BY deliveries_waiting
       WHERE d.state = 'waiting' AND d.due_at <= @now AND d.tenant_id = @tenant`,
      z.object({ channel: idSchema('channel') }),
    ),
    settle: sql.change(`UPDATE deliveries SET state = @state, due_at = @dueAt, attempts = attempts + 1, settled_at = @settledAt
      WHERE tenant_id = @tenant AND id = @delivery AND state = 'waiting'`),
    addAttempt: sql.change(`INSERT INTO delivery_attempts (delivery_id, n, tenant_id, at, took_ms, ok, text)
      SELECT @delivery, attempts, @tenant, @at, @tookMs, @ok, @text FROM deliveries WHERE id = @delivery`),
    hurry: sql.change(`UPDATE deliveries SET due_at = @at WHERE state = 'waiting' AND due_at > @at AND tenant_id = @tenant
      AND channel_id = (SELECT c.id FROM deliveries d JOIN channels c ON c.id = d.channel_id WHERE d.id = @delivery AND c.failures > 0)`),
    fare: sql.change(`UPDATE channels SET tried_at = @at,
        failures = CASE WHEN @ok = 1 THEN 0 ELSE failures + 1 END,
        failing_since = CASE WHEN @ok = 1 THEN NULL ELSE coalesce(failing_since, @at) END,
        failure = CASE WHEN @ok = 1 THEN NULL ELSE @text END,
        worked_at = CASE WHEN @ok = 1 THEN @at ELSE worked_at END
      WHERE tenant_id = @tenant AND id = (SELECT channel_id FROM deliveries WHERE id = @delivery)`),
    count: sql.change(`INSERT INTO delivery_totals (tenant_id, outcome, count) VALUES (@tenant, @state, 1)
      ON CONFLICT (tenant_id, outcome) DO UPDATE SET count = count + 1`),
    undelivered: sql.select(`SELECT count(*) AS count FROM (${UNDELIVERED})`, counted),
    settleUndelivered: sql.change(`UPDATE deliveries SET state = @state,
        due_at = CASE WHEN @state = 'waiting' THEN @at ELSE due_at END,
        settled_at = CASE WHEN @state = 'waiting' THEN NULL ELSE settled_at END
      WHERE tenant_id = @tenant AND id IN (${UNDELIVERED})`),
    attempts: sql.select(
      `SELECT delivery_id AS delivery, at, took_ms AS tookMs, ok, text FROM delivery_attempts
       WHERE tenant_id = @tenant AND delivery_id = @delivery ORDER BY n`,
      attemptRow,
    ),
    waiting: sql.select(
      "SELECT count(*) AS count FROM deliveries INDEXED BY deliveries_waiting WHERE state = 'waiting' AND tenant_id = @tenant",
      counted,
    ),
    totals: sql.select(
      'SELECT outcome, count FROM delivery_totals WHERE tenant_id = @tenant',
      z.object({ outcome: z.enum(DELIVERY_STATES), count: z.int() }),
    ),
    prune: sql.change(`DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries INDEXED BY deliveries_by_time
      WHERE created_at < @before AND state <> 'waiting' ORDER BY created_at LIMIT @limit)`),
  };
}

type Deliveries = Omit<ChannelStore, 'insertChannel' | 'updateChannel' | 'findChannel' | 'listChannels' | 'deleteChannel'>;

export function createDeliveries(sql: Sql): Deliveries & { put(tenant: TenantId, delivery: NewDelivery, at: number): boolean } {
  const rows = prepareDeliveries(sql);
  const put = (tenant: TenantId, delivery: NewDelivery, at: number): boolean =>
    rows.insert.run({ ...delivery, tenant, at, most: OUTGOING.waitingPerChannel }) > 0;
  return {
    put,
    insertDelivery: (tenant, delivery, at) => sql.write(() => put(tenant, delivery, at)),
    listDue: (tenant, now, perChannel) =>
      sql.read(() =>
        rows.channels.list({ tenant, now }).flatMap(({ channel }) => rows.due.list({ tenant, now, channel, limit: perChannel })),
      ),
    findDelivery: (tenant, id) => sql.read(() => rows.find.find({ tenant, id })),
    recordAttempt: (tenant, attempt, { state, dueAt }) =>
      sql.write(() => {
        const settledAt = state === 'waiting' ? undefined : attempt.at;
        if (rows.settle.run({ tenant, delivery: attempt.delivery, state, dueAt, settledAt }) === 0) return;
        rows.addAttempt.run({ ...attempt, tenant });
        if (attempt.ok) rows.hurry.run({ tenant, at: attempt.at, delivery: attempt.delivery });
        rows.fare.run({ ...attempt, tenant });
        if (state !== 'waiting') rows.count.run({ tenant, state });
      }),
    countUndelivered: (tenant, channel, except) =>
      sql.read(() => rows.undelivered.find({ tenant, channel, except: toJson(except), most: OUTGOING.lookedBack })?.count ?? 0),
    settleUndelivered: (tenant, channel, except, { state, at }) =>
      sql.write(() =>
        rows.settleUndelivered.run({ tenant, channel, except: toJson(except), most: OUTGOING.lookedBack, state, at }),
      ),
    listDeliveries: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params } = buildDeliveryList(filter, page);
        const found = sql.select(text, deliveryRow).list({ ...params, tenant });
        return cutPage(found, page, (row) => [row.createdAt, row.id]);
      }),
    listAttempts: (tenant, delivery) => sql.read(() => rows.attempts.list({ tenant, delivery })),
    countWaiting: (tenant) => sql.read(() => rows.waiting.find({ tenant })?.count ?? 0),
    listDeliveryTotals: (tenant) =>
      sql.read(() => new Map(rows.totals.list({ tenant }).map(({ outcome, count }) => [outcome, count]))),
    pruneDeliveries: (before, limit) => sql.write(() => rows.prune.run({ before, limit })),
  };
}
