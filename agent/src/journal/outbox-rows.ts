/** The outbox's table: rows in, rows out, and room made at the limits. Knows ids, not sequence numbers. */
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { type DurableEvent, durableEventSchema } from '@holdfast/shared/protocol/events.ts';
import type { Database } from './database.ts';
import { createLogDay, type LogDay, startOfDay } from './log-day.ts';
import { growMarker, type LogEvent, type ShedDepth, shedLog, splitChatter } from './log-shedding.ts';

/** A full outbox sheds down to this share of its limit, so that it does not shed again with every event. */
const SHED_TO_RATIO = 0.9;
const SHED_BATCH = 100;
/** Above the limit of a day warnings and errors still fit, up to this share more. */
const GRAVE_RATIO = 9 / 8;
/** At most this many rows go at one prune: more than one acknowledgement covers, and few enough to hold nothing up. */
export const PRUNED_ROWS = 2000;

/** An event in the form it is stored and sent in. */
export interface EncodedEvent {
  event: DurableEvent;
  json: string;
  bytes: number;
}

/**
 * Checks an event where it is made, so that no event the server must refuse blocks those behind it for ever. Throws
 * `invalid` for a wrong shape and `limit` for one that does not fit a frame.
 */
export function encodeEvent(event: DurableEvent): EncodedEvent {
  const parsed = durableEventSchema.safeParse(event);
  if (!parsed.success) {
    const [first] = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
    throw new AppError('invalid', `${event.type} is not a durable event: ${first}`);
  }
  const json = JSON.stringify(parsed.data);
  const bytes = Buffer.byteLength(json);
  if (bytes > WIRE.eventBytesPerFrame) {
    throw new AppError('limit', `${event.type} has ${bytes} bytes; ${WIRE.eventBytesPerFrame} fit into a frame`, {
      retry: 'after_change',
    });
  }
  return { event: parsed.data, json, bytes };
}

export interface OutboxLimits {
  events: number;
  bytes: number;
  /** Log lines of one UTC day that wait for the server; without it only the total bounds them. */
  logBytesPerDay?: number | undefined;
}

/** Everything in the table, kept acknowledged events included. */
export interface OutboxSize {
  events: number;
  bytes: number;
  /** Of these, what the server does not have yet. */
  waitingEvents: number;
  waitingBytes: number;
}

export interface OutboxRows {
  readonly size: OutboxSize;
  firstId(): number;
  lastId(): number;
  /**
   * Inserts an event or, where a full outbox takes no more log lines, counts it in the run's marker. Returns the row's
   * id.
   */
  insert(encoded: EncodedEvent, at: number): number;
  read(afterId: number, count: number, bytes: number): { id: number; event: DurableEvent }[];
  /** Marks the rows in (afterId, throughId], all of them waiting. */
  markAcknowledged(afterId: number, throughId: number, at: number): void;
  markWaiting(): void;
  /** Deletes the oldest events acknowledged before `acknowledgedBefore`, at most `PRUNED_ROWS`; the newest row always stays. */
  prune(acknowledgedBefore: number): void;
  /** Notes what is known of the table without reading it; returns what puts that back after the table went back as well. */
  remember(): () => void;
}

interface LogRow {
  id: number;
  event: string;
  bytes: number;
  dropped_lines: number;
}

/** Apart from opening and replaying, no step looks at more rows than it changes, however many there are. */
export function createOutboxRows(database: Database, limits: OutboxLimits): OutboxRows {
  const sql = prepareStatements(database);
  const size: OutboxSize = { events: 0, bytes: 0, waitingEvents: 0, waitingBytes: 0 };
  let first = 0;
  let last = 0;
  /** Everything up to this row is acknowledged and nothing behind it is. */
  let acknowledged = 0;
  let logDay: LogDay;

  const readEnds = () => sql.ends.get() as { first: number; last: number };
  const reload = (): void => {
    Object.assign(size, sql.measure.get());
    ({ first, last } = readEnds());
    acknowledged = size.events === size.waitingEvents ? 0 : (sql.newestAcknowledged.get() as { id: number }).id;
    const { at } = sql.newest.get(last) as { at: number };
    logDay = createLogDay(at, (sql.logSince.get(startOfDay(at)) as { bytes: number }).bytes);
  };
  reload();

  const remember = (): (() => void) => {
    const before = { size: { ...size }, first, last, acknowledged };
    const restoreDay = logDay.remember();
    return () => {
      const ends = readEnds();
      // A transaction that SQLite itself gave up may have let single statements through.
      if (ends.first !== before.first || ends.last !== before.last) return reload();
      Object.assign(size, before.size);
      ({ first, last, acknowledged } = before);
      restoreDay();
    };
  };

  const rewrite = (row: LogRow, event: LogEvent, shed: number, droppedLines: number): void => {
    const json = JSON.stringify(event);
    const bytes = Buffer.byteLength(json);
    sql.rewrite.run(json, bytes, shed, droppedLines, row.id);
    size.bytes += bytes - row.bytes;
    size.waitingBytes += bytes - row.bytes;
  };

  /** Sheds the oldest logs that still hold lines of this depth, until the total is at most `target` bytes. */
  const shedStored = (depth: ShedDepth, target: number): void => {
    const [from, to] = depth === 'quiet' ? [0, 1] : [1, 2];
    while (size.bytes > target) {
      const rows = sql.sheddable.all(from, SHED_BATCH) as unknown as LogRow[];
      if (rows.length === 0) return;
      for (const row of rows) {
        const { event, droppedLines } = shedLog(JSON.parse(row.event) as LogEvent, row.dropped_lines, depth);
        rewrite(row, event, to, droppedLines);
        if (size.bytes <= target) return;
      }
    }
  };

  const dropAcknowledged = (until: () => boolean): void => {
    while (!until() && first !== 0) {
      const row = sql.oldest.get(first) as { id: number; bytes: number } | undefined;
      if (!row || row.id > acknowledged || row.id >= last) return;
      sql.deleteOne.run(row.id);
      size.events -= 1;
      size.bytes -= row.bytes;
      first = row.id + 1;
    }
  };

  const makeRoom = (incomingBytes: number): void => {
    const fits = () => size.events < limits.events && size.bytes + incomingBytes <= limits.bytes;
    if (fits()) return;
    dropAcknowledged(fits);
    if (size.bytes + incomingBytes <= limits.bytes) return;
    const target = limits.bytes * SHED_TO_RATIO - incomingBytes;
    shedStored('quiet', target);
    shedStored('all', target);
  };

  const insertRow = ({ event, json, bytes }: EncodedEvent, at: number, shed: number, droppedLines: number): number => {
    const run = 'run' in event ? event.run : null;
    last = Number(sql.insert.run(event.type, run, json, bytes, shed, droppedLines, at).lastInsertRowid);
    if (first === 0) first = last;
    size.events += 1;
    size.bytes += bytes;
    size.waitingEvents += 1;
    size.waitingBytes += bytes;
    if (event.type === 'run.log') logDay.add(bytes);
    return last;
  };

  /** A full outbox keeps one marker a run instead of its further lines. */
  const insertMarker = (event: LogEvent, at: number): number => {
    const row = sql.lastMarker.get(event.run) as unknown as LogRow | undefined;
    if (row) {
      const dropped = row.dropped_lines + event.lines.length;
      rewrite(row, growMarker(JSON.parse(row.event) as LogEvent, dropped), 2, dropped);
      return row.id;
    }
    const shed = shedLog(event, 0, 'all');
    const json = JSON.stringify(shed.event);
    return insertRow({ event: shed.event, json, bytes: Buffer.byteLength(json) }, at, 2, shed.droppedLines);
  };

  const isWithinDay = ({ event, bytes }: EncodedEvent, at: number, ratio: number): boolean =>
    event.type !== 'run.log' ||
    limits.logBytesPerDay === undefined ||
    logDay.fits(bytes, at, size.waitingBytes, limits.logBytesPerDay * ratio);

  /** A day that holds its share keeps what tells of trouble, and counts the rest. */
  const insertBeyondDay = (event: LogEvent, at: number): number => {
    const { chatter, grave } = splitChatter(event);
    const counted = chatter ? insertMarker(chatter, at) : 0;
    if (!grave) return counted;
    const encoded = encodeEvent(grave);
    return isWithinDay(encoded, at, GRAVE_RATIO) ? insertRow(encoded, at, 0, 0) : insertMarker(grave, at);
  };

  return {
    size,
    firstId: () => first,
    lastId: () => last,
    remember,
    insert(encoded, at) {
      makeRoom(encoded.bytes);
      const full = size.events >= limits.events || size.bytes + encoded.bytes > limits.bytes;
      if (full && encoded.event.type === 'run.log') return insertMarker(encoded.event, at);
      if (encoded.event.type === 'run.log' && !isWithinDay(encoded, at, 1)) return insertBeyondDay(encoded.event, at);
      return insertRow(encoded, at, 0, 0);
    },
    read(afterId, count, bytes) {
      const found: { id: number; event: DurableEvent }[] = [];
      let total = 0;
      for (const row of sql.page.iterate(afterId, count)) {
        const { id, event, bytes: size } = row as unknown as LogRow;
        total += size;
        if (found.length > 0 && total > bytes) break;
        found.push({ id, event: JSON.parse(event) as DurableEvent });
      }
      return found;
    },
    markAcknowledged(afterId, throughId, at) {
      const taken = sql.measureRange.get(afterId, throughId) as { events: number; bytes: number };
      sql.acknowledge.run(at, afterId, throughId);
      acknowledged = throughId;
      size.waitingEvents -= taken.events;
      size.waitingBytes -= taken.bytes;
    },
    markWaiting() {
      sql.waitAgain.run();
      reload();
    },
    prune(acknowledgedBefore) {
      const end = first + PRUNED_ROWS;
      const row = sql.firstKept.get(first, end, acknowledgedBefore) as { id: number } | undefined;
      const keepFrom = Math.min(row?.id ?? end, last);
      if (keepFrom <= first) return;
      const gone = sql.measureRange.get(0, keepFrom - 1) as { events: number; bytes: number };
      sql.deleteBefore.run(keepFrom);
      size.events -= gone.events;
      size.bytes -= gone.bytes;
      first = keepFrom;
    },
  };
}

function prepareStatements(database: Database) {
  const waiting = 'acknowledged_at IS NULL';
  return {
    measure: database.prepare(
      `SELECT count(*) AS events, coalesce(sum(bytes), 0) AS bytes, count(*) FILTER (WHERE ${waiting}) AS waitingEvents,
       coalesce(sum(bytes) FILTER (WHERE ${waiting}), 0) AS waitingBytes FROM outbox`,
    ),
    // Each of its own: SQLite walks the whole table for both ends in one SELECT.
    ends: database.prepare(
      'SELECT coalesce((SELECT min(id) FROM outbox), 0) AS first, coalesce((SELECT max(id) FROM outbox), 0) AS last',
    ),
    newest: database.prepare('SELECT coalesce((SELECT appended_at FROM outbox WHERE id = ?), 0) AS at'),
    logSince: database.prepare(
      `SELECT coalesce(sum(bytes), 0) AS bytes FROM outbox WHERE type = 'run.log' AND ${waiting} AND appended_at >= ?`,
    ),
    newestAcknowledged: database.prepare('SELECT max(id) AS id FROM outbox WHERE acknowledged_at IS NOT NULL'),
    insert: database.prepare(
      'INSERT INTO outbox (type, run, event, bytes, shed, dropped_lines, appended_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    rewrite: database.prepare('UPDATE outbox SET event = ?, bytes = ?, shed = ?, dropped_lines = ? WHERE id = ?'),
    sheddable: database.prepare(
      `SELECT id, event, bytes, dropped_lines FROM outbox WHERE type = 'run.log' AND ${waiting} AND shed = ? ORDER BY id LIMIT ?`,
    ),
    lastMarker: database.prepare(
      `SELECT id, event, bytes, dropped_lines FROM outbox INDEXED BY outbox_markers
       WHERE type = 'run.log' AND ${waiting} AND shed = 2 AND run = ? ORDER BY id DESC LIMIT 1`,
    ),
    oldest: database.prepare('SELECT id, bytes FROM outbox WHERE id >= ? ORDER BY id LIMIT 1'),
    deleteOne: database.prepare('DELETE FROM outbox WHERE id = ?'),
    page: database.prepare('SELECT id, event, bytes FROM outbox WHERE id > ? ORDER BY id LIMIT ?'),
    acknowledge: database.prepare('UPDATE outbox SET acknowledged_at = ? WHERE id > ? AND id <= ?'),
    measureRange: database.prepare(
      'SELECT count(*) AS events, coalesce(sum(bytes), 0) AS bytes FROM outbox WHERE id > ? AND id <= ?',
    ),
    waitAgain: database.prepare('UPDATE outbox SET acknowledged_at = NULL WHERE acknowledged_at IS NOT NULL'),
    firstKept: database.prepare(
      `SELECT id FROM outbox WHERE id >= ? AND id < ? AND (${waiting} OR acknowledged_at >= ?) ORDER BY id LIMIT 1`,
    ),
    deleteBefore: database.prepare('DELETE FROM outbox WHERE id < ?'),
  };
}
