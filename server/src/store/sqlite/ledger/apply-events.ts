/**
 * Durable events become the ledger. One frame is one transaction with the position of its stream. A report that contradicts
 * what the ledger knows (a run of another host, a source of another host, an end that cannot be) never stops the stream and
 * never changes the ledger: it is left out and told as an oddity.
 */
import type { HostId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { planApply } from '@holdfast/shared/protocol/channel.ts';
import type { DurableEvent, SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import * as z from 'zod';
import type { AppliedEvents } from '../../events.ts';
import { toJson } from '../columns.ts';
import { createDrillRows } from '../drills.ts';
import { idOf, numberOf, runNumberOf } from '../id-numbers.ts';
import type { LogLimits } from '../logs/log-losses.ts';
import { createLogWriter } from '../logs/logs.ts';
import type { Sql } from '../statements.ts';
import { createReportedHappeningAppender } from '../trail.ts';
import { applyPartFinished, applyRunFinished } from './apply-ends.ts';
import { createFireSettler } from './apply-fires.ts';
import { createCopyRows } from './copies.ts';
import type { Frame } from './event-frame.ts';
import { createOrderedRemovalRows } from './ordered-removals.ts';
import { createRunRows, type RunHead } from './run-rows.ts';
import { createSnapshotRows } from './snapshots.ts';

type EventOf<T extends DurableEvent['type']> = Extract<DurableEvent, { type: T }>;
type RunEventOf = Extract<DurableEvent, { run: unknown }>;
type HostEventOf = Exclude<DurableEvent, RunEventOf>;

/** Positions of outbox epochs kept for each host; an agent makes a new epoch only when it lost its journal. */
const EPOCHS_PER_HOST = 16;

function prepareStream(sql: Sql) {
  return {
    position: sql.select(
      'SELECT seq FROM host_streams WHERE host_id = @host AND epoch = @epoch AND tenant_id = @tenant',
      z.object({ seq: z.int() }),
    ),
    advance: sql.change(`INSERT INTO host_streams (host_id, epoch, tenant_id, seq, updated_at)
      VALUES (@host, @epoch, @tenant, @seq, @receivedAt)
      ON CONFLICT (host_id, epoch) DO UPDATE SET seq = excluded.seq, updated_at = excluded.updated_at`),
    forgetEpochs: sql.change(`DELETE FROM host_streams WHERE host_id = @host AND epoch NOT IN (
      SELECT s.epoch FROM host_streams s WHERE s.host_id = @host ORDER BY s.epoch = @epoch DESC, s.updated_at DESC LIMIT @keep)`),
    owner: sql.select(
      'SELECT tenant_id AS tenant, host_id AS host FROM sources WHERE id = @source',
      z.object({ tenant: z.string(), host: z.string() }),
    ),
    drillOrders: sql.select(
      `SELECT id FROM orders
       WHERE run_id = @run AND host_id = @host AND tenant_id = @tenant AND type = 'drill.start'`,
      z.object({ id: z.string() }),
    ),
    settleOrders: sql.change(`UPDATE orders SET state = 'answered', body = ''
      WHERE run_id = @run AND state = 'waiting' AND type <> 'run.cancel'`),
    stage: sql.change(`INSERT INTO run_stages (run_id, source_id, stage, tenant_id, started_at, ended_at, ok)
      VALUES (@run, @source, @stage, @tenant, @at, @endedAt, @ok)
      ON CONFLICT (run_id, source_id, stage) DO UPDATE SET ended_at = excluded.ended_at, ok = excluded.ok
      WHERE run_stages.ended_at IS NULL AND excluded.ended_at IS NOT NULL`),
    attempt: sql.change(`INSERT INTO run_attempts (run_id, attempt, tenant_id, failed_at, failure, retry_at, sources)
      VALUES (@run, @attempt, @tenant, @at, @failure, @retryAt, @sources) ON CONFLICT (run_id, attempt) DO NOTHING`),
    measure: sql.change(`INSERT INTO repository_sizes
        (run_id, tenant_id, repository_id, measured_at, size_bytes, uncompressed_bytes, snapshots, restore_bytes)
      SELECT @run, @tenant, @repository, @at, @sizeBytes, @uncompressedBytes, @snapshots, coalesce(sum(s.size_bytes), 0)
      FROM snapshots s WHERE s.tenant_no = ${numberOf('@tenant')} AND s.repository_no = ${numberOf('@repository')} AND s.state NOT IN ('missing', 'removed')
      ON CONFLICT (run_id) DO NOTHING`),
    forgetStages: sql.change(`DELETE FROM run_stages WHERE run_id = @run AND source_id NOT IN (
      SELECT ${idOf('p.source_no')} FROM run_parts p WHERE p.run_no = ${runNumberOf('@run')} AND p.state NOT IN ('queued', 'running'))`),
  };
}

type Stream = ReturnType<typeof prepareStream>;

function applyCreated(frame: Frame, stream: Stream, event: EventOf<'run.created'>, known: RunHead | undefined): boolean {
  // What the server ordered is what it is, whatever the report calls it.
  const kind = known?.kind ?? event.kind;
  // A restore reads what another host stored; a drill of that only where the server ordered it.
  const { tenant, host } = frame;
  const isOrderedDrill = kind === 'drill' && stream.drillOrders.find({ run: event.run, host, tenant }) !== undefined;
  const mayBeForeign = kind === 'restore' || isOrderedDrill;
  const sources = event.sources.filter((source) => {
    const owner = frame.ownerOf(source);
    const foreign = owner && (owner.tenant !== frame.tenant || (!mayBeForeign && owner.host !== frame.host));
    if (foreign) frame.report(`run ${event.run} names source ${source}, which is not this host's`);
    return !foreign;
  });
  if (known) {
    const settled = stream.settleOrders.run({ run: known.id }) > 0;
    const reopened = frame.rows.reopen(known);
    return (known.state === 'queued' && frame.rows.addParts(known, sources)) || settled || reopened;
  }
  const { type: _type, at, run, sources: _all, ...rest } = event;
  frame.rows.insert(
    {
      ...rest,
      id: run,
      tenant: frame.tenant,
      host: frame.host,
      state: 'queued',
      createdAt: at,
      receivedAt: frame.receivedAt,
      bytes: 0,
      evidence: [],
      logLines: 0,
    },
    sources,
  );
  return true;
}

function applyStage(frame: Frame, stream: Stream, event: EventOf<'run.stage'>, head: RunHead): boolean {
  if (event.source !== undefined && !frame.rows.findPart(head.id, event.source)) {
    frame.report(`run ${head.id} reports a stage of source ${event.source}, which is not in it`);
    return false;
  }
  const started = !event.ended && event.source !== undefined && frame.rows.startPart(head.id, event.source);
  const changed = stream.stage.run({
    run: head.id,
    source: event.source ?? '',
    stage: event.stage,
    tenant: frame.tenant,
    at: event.at,
    endedAt: event.ended ? event.at : undefined,
    ok: event.ended ? event.ok : undefined,
  });
  return started || changed > 0;
}

/** What failed begins anew: its stages are those of the attempt that follows. */
function applyAttempt(frame: Frame, stream: Stream, event: EventOf<'run.attempt'>, head: RunHead): boolean {
  if (isTerminal(head.state)) return false;
  const { run, attempt, at, failure, retryAt } = event;
  // What the host names besides is not this run's.
  const sources = event.sources?.filter((source) => frame.rows.findPart(run, source) !== undefined);
  const row = { run, attempt, tenant: head.tenant, at, failure: toJson(failure), retryAt, sources: sources && toJson(sources) };
  if (stream.attempt.run(row) === 0) return false;
  stream.forgetStages.run({ run });
  frame.snapshots.abandon(head);
  return true;
}

function applySnapshot(frame: Frame, event: EventOf<'snapshot.made'>, head: RunHead): boolean {
  const { snapshot } = event;
  const problem =
    head.kind !== 'backup'
      ? 'is no backup'
      : frame.rows.findPart(head.id, snapshot.source) === undefined
        ? `has no source ${snapshot.source}`
        : undefined;
  if (problem !== undefined) {
    frame.report(`run ${head.id} reports snapshot ${snapshot.id}, but ${problem}`);
    return false;
  }
  if (frame.snapshots.insert(head, snapshot)) return true;
  if (!frame.snapshots.isRepeat(head, snapshot)) {
    frame.report(`run ${head.id} reports snapshot ${snapshot.id} (${snapshot.engineId}), which is listed for another run`);
  }
  return false;
}

/** Nothing is offered for restore that its own host removed, or the one that the server told to; the row stays as what is left of the snapshot. */
function applyRemoved(frame: Frame, event: EventOf<'snapshots.removed'>, head: RunHead): boolean {
  if (head.kind !== 'forget' && head.kind !== 'delete_snapshot') {
    frame.report(`run ${head.id} says that it removed snapshots, but it is a ${head.kind}`);
    return false;
  }
  const own = frame.snapshots.markRemoved(head, event.source, event.at, event.snapshots);
  return frame.retention.markRemoved(head, event.source, event.at, event.snapshots) + own > 0;
}

function applyMeasured(frame: Frame, stream: Stream, event: EventOf<'repository.measured'>, head: RunHead): boolean {
  if (head.kind !== 'check' && head.kind !== 'prune') {
    frame.report(`run ${head.id} measured a repository, but it is a ${head.kind}`);
    return false;
  }
  const { type: _type, run, at, ...size } = event;
  return stream.measure.run({ ...size, run, at, tenant: head.tenant, repository: head.repository }) > 0;
}

function findHead(frame: Frame, run: RunId): RunHead | undefined {
  const head = frame.heads.get(run) ?? frame.rows.findHead(run);
  if (head) frame.heads.set(run, head);
  return head;
}

/** Applies one event about a run; returns the event as the ledger took it, undefined when it changed nothing. */
function applyRunEvent(frame: Frame, stream: Stream, event: RunEventOf): DurableEvent | undefined {
  const head = findHead(frame, event.run);
  if (head && (head.host !== frame.host || head.tenant !== frame.tenant)) {
    frame.report(`${event.type} about run ${event.run}, which is another host's`);
    return undefined;
  }
  if (event.type === 'run.created') return applyCreated(frame, stream, event, head) ? event : undefined;
  if (!head) {
    frame.report(`${event.type} about run ${event.run}, which nobody created`);
    return undefined;
  }
  // An end that was presumed of a run that had begun: its host knows better.
  if (isTerminal(head.state)) frame.rows.resume(head);
  switch (event.type) {
    case 'run.started':
      return frame.rows.advance(head, 'running', event.at) ? event : undefined;
    case 'run.finalizing':
      return frame.rows.advance(head, 'finalizing', event.at) ? event : undefined;
    case 'run.stage':
      return applyStage(frame, stream, event, head) ? event : undefined;
    case 'run.attempt':
      return applyAttempt(frame, stream, event, head) ? event : undefined;
    case 'run.log': {
      const lines = frame.logs.append(head.id, event.lines);
      return lines.length > 0 ? { ...event, lines: [...lines] } : undefined;
    }
    case 'snapshot.made':
      return applySnapshot(frame, event, head) ? event : undefined;
    case 'snapshots.removed':
      return applyRemoved(frame, event, head) ? event : undefined;
    case 'repository.measured':
      return applyMeasured(frame, stream, event, head) ? event : undefined;
    case 'snapshot.copied':
      return head.kind === 'copy' && frame.copies.insert(head, event) ? event : undefined;
    case 'snapshot.verified':
      return head.kind === 'verify' && frame.copies.verify(head, event) ? event : undefined;
    case 'part.finished':
      return applyPartFinished(frame, event, head) ? event : undefined;
    case 'run.finished':
      return applyRunFinished(frame, event, head);
  }
}

function createHostEventApplier(sql: Sql) {
  const append = createReportedHappeningAppender(sql);
  const repository = sql.select(
    'SELECT name FROM repositories WHERE id = @repository AND tenant_id = @tenant',
    z.object({ name: z.string() }),
  );
  return (frame: Frame, event: HostEventOf): boolean => {
    const { tenant, host } = frame;
    if (event.type === 'host.notice')
      return append({ tenant, host, at: event.at, type: 'notice', level: event.level, text: event.text });
    const missing = frame.snapshots.markMissing({ tenant, host, repository: event.repository }, event.missing);
    const level = missing > 0 || event.orphans.length > 0 ? 'warn' : 'info';
    const name = repository.find({ tenant, repository: event.repository })?.name ?? event.repository;
    const text = `Repository ${name} compared with what is known here: ${missing} snapshots are gone from it, ${event.orphans.length} lie there that no clean run vouches for.`;
    append({ tenant, host, at: event.at, type: 'reconciled', level, text });
    return true;
  };
}

export type EventApplier = (
  tenant: TenantId,
  host: HostId,
  epoch: string,
  events: readonly SequencedEvent[],
  receivedAt: number,
) => Promise<AppliedEvents>;

/** `fresh` of the result holds what changed the ledger, as the ledger took it. */
export function createEventApplier(sql: Sql, onOddity: (text: string) => void, logLimits?: LogLimits): EventApplier {
  const stream = prepareStream(sql);
  const rows = createRunRows(sql);
  const snapshots = createSnapshotRows(sql);
  const drills = createDrillRows(sql);
  const copies = createCopyRows(sql);
  const retention = createOrderedRemovalRows(sql);
  const beginLogs = createLogWriter(sql, logLimits);
  const applyHostEvent = createHostEventApplier(sql);
  const settleFires = createFireSettler(sql);

  return async (tenant, host, epoch, events, receivedAt) => {
    const oddities: string[] = [];
    const ownerOf = (source: string) => stream.owner.find({ source });
    const report = (text: string) => oddities.push(text);
    const applied = await sql.write((): AppliedEvents => {
      const known = stream.position.find({ host, epoch, tenant })?.seq;
      const logs = beginLogs({ tenant, host, receivedAt });
      const parts = { rows, snapshots, drills, copies, retention, logs };
      const frame: Frame = { tenant, host, receivedAt, heads: new Map(), ...parts, ownerOf, report };
      const planned = planApply(known ?? 0, events);
      const through = planned.at(-1)?.seq ?? known ?? 0;
      const fresh: SequencedEvent[] = [];
      for (const { seq, event } of planned) {
        if (!('run' in event)) {
          if (applyHostEvent(frame, event)) fresh.push({ seq, event });
          continue;
        }
        const taken = applyRunEvent(frame, stream, event);
        if (!taken) continue;
        fresh.push({ seq, event: taken });
        settleFires({ tenant, host, event: taken, head: frame.heads.get(event.run), receivedAt });
      }
      const logLoss = logs.flush();
      if (planned.length > 0) stream.advance.run({ host, epoch, tenant, seq: through, receivedAt });
      if (known === undefined) stream.forgetEpochs.run({ host, epoch, keep: EPOCHS_PER_HOST });
      return { through, fresh, ...(logLoss ? { logLoss } : {}) };
    });
    for (const text of oddities) onOddity(`host ${host}: ${text}`);
    return applied;
  };
}
