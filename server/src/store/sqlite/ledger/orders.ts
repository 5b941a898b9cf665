/** Orders on their way to hosts, and the runs that wait for them. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Failure } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { NamedSnapshot, Order, OrderStore } from '../../orders.ts';
import type { Run } from '../../runs.ts';
import { idOf, numberOf } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';
import { createRunRows, RUN_COLUMNS, runRow } from './run-rows.ts';

const ORDER = `id, tenant_id AS tenant, host_id AS host, type, run_id AS run, body, not_after AS notAfter,
  created_at AS createdAt, state`;
const orderRow: z.ZodType<Order> = z.object({
  id: idSchema('request'),
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  type: z.enum([
    'run.start',
    'restore.start',
    'forget.start',
    'check.start',
    'prune.start',
    'unlock.start',
    'drill.start',
    'verify.start',
    'delete_snapshot.start',
    'copy.start',
    'retention.start',
    'run.cancel',
  ]),
  run: idSchema('run'),
  body: z.string(),
  notAfter: z.int(),
  createdAt: z.int(),
  state: z.enum(['waiting', 'answered', 'refused', 'expired']),
});

const namedRow: z.ZodType<NamedSnapshot> = z.object({
  id: idSchema('snapshot'),
  engineId: z.string(),
  host: idSchema('host'),
  source: idSchema('source'),
  createdAt: z.int(),
});

export const INSERT_ORDER = `INSERT INTO orders (id, tenant_id, host_id, type, run_id, body, not_after, created_at, state)
  VALUES (@id, @tenant, @host, @type, @run, @body, @notAfter, @createdAt, @state)`;

/** A run that waits with its order is not the host's yet. */
const HELD = `NOT EXISTS (SELECT 1 FROM orders o WHERE o.run_id = r.id AND o.state = 'waiting' AND o.type <> 'run.cancel')`;

function prepareOrders(sql: Sql) {
  return {
    insert: sql.change(INSERT_ORDER),
    waiting: sql.select(
      `SELECT ${ORDER} FROM orders WHERE host_id = @host AND state = 'waiting' AND not_after > @now ORDER BY created_at, id`,
      orderRow,
    ),
    due: sql.select(`SELECT ${ORDER} FROM orders WHERE state = 'waiting' AND not_after <= @now ORDER BY not_after, id`, orderRow),
    settle: sql.change("UPDATE orders SET state = @state, body = '' WHERE id = @id AND state = 'waiting'"),
    held: sql.select(
      `SELECT ${RUN_COLUMNS} FROM runs r INDEXED BY runs_active
       WHERE r.tenant_no = ${numberOf('@tenant')} AND r.state IN ('queued', 'running', 'finalizing')
         AND r.host_no = ${numberOf('@host')} AND ${HELD}
       ORDER BY r.created_at, r.id`,
      runRow,
    ),
    ofSilentHosts: sql.select(
      `SELECT ${RUN_COLUMNS} FROM runs r INDEXED BY runs_active
       JOIN hosts h ON h.id = ${idOf('r.host_no')}
       WHERE r.state IN ('queued', 'running', 'finalizing') AND ${HELD}
         AND (h.state = 'revoked' OR coalesce(h.last_seen_at, h.created_at) < @since)
       ORDER BY r.created_at, r.id LIMIT @limit`,
      runRow,
    ),
    run: sql.select(`SELECT ${RUN_COLUMNS} FROM runs r WHERE r.id = @id`, runRow),
    name: sql.change('INSERT INTO run_snapshots (run_id, snapshot_id, tenant_id) VALUES (@run, @snapshot, @tenant)'),
    named: sql.select(
      `SELECT s.id, s.engine_id AS engineId, ${idOf('s.host_no')} AS host, ${idOf('s.source_no')} AS source, s.created_at AS createdAt
       FROM run_snapshots n CROSS JOIN snapshots s ON s.id = n.snapshot_id
       WHERE n.run_id = @run AND n.tenant_id = @tenant AND s.tenant_no = ${numberOf('n.tenant_id')} ORDER BY s.created_at DESC, s.id DESC`,
      namedRow,
    ),
  };
}

const EXPIRED = createReasonError('expired', 'The host did not take this order in time');
const EXPIRY: Failure = { code: EXPIRED.code, message: EXPIRED.message, reason: 'expired' };

export function createOrders(sql: Sql): OrderStore {
  const orders = prepareOrders(sql);
  const runs = createRunRows(sql);
  return {
    insertOrderedRun: (run, sources, order, named = []) =>
      sql.write(() => {
        runs.insert(run, sources);
        orders.insert.run({ ...order });
        for (const snapshot of named) orders.name.run({ run: run.id, snapshot, tenant: run.tenant });
      }),
    listNamedSnapshots: (tenant, run) => sql.read(() => orders.named.list({ tenant, run })),
    insertOrder: (order) => sql.write(() => void orders.insert.run({ ...order })),
    listWaitingOrders: (host, now) => sql.read(() => orders.waiting.list({ host, now })),
    settleOrder: (id, state) => sql.write(() => orders.settle.run({ id, state }) > 0),
    listHeldRuns: (tenant, host) => sql.read(() => orders.held.list({ tenant, host })),
    listRunsOfSilentHosts: (since, limit) => sql.read(() => orders.ofSilentHosts.list({ since, limit })),
    expireOrders: (now) =>
      sql.write(() => {
        const failed: Run[] = [];
        for (const order of orders.due.list({ now })) {
          orders.settle.run({ id: order.id, state: 'expired' });
          const head = order.type === 'run.cancel' ? undefined : runs.findHead(order.run);
          if (head?.state !== 'queued') continue;
          const end = { finishedAt: now, reportedAt: now, failure: EXPIRY };
          if (!runs.finish(head, 'failed', end, { state: 'failed', failure: EXPIRY })) continue;
          const run = orders.run.find({ id: head.id });
          if (run) failed.push(run);
        }
        return failed;
      }),
    finishUnstarted: (tenant, id, state, failure, at) =>
      sql.write(() => {
        const head = runs.findHead(id);
        if (head?.tenant !== tenant || head.state !== 'queued') return false;
        return runs.finish(head, state, { finishedAt: at, reportedAt: at, failure }, { state, failure });
      }),
    presumeEnd: (tenant, id, state, failure, at) =>
      sql.write(() => {
        const head = runs.findHead(id);
        if (head?.tenant !== tenant) return false;
        return runs.finish(head, state, { finishedAt: at, reportedAt: at, failure }, { state, failure });
      }),
  };
}
