/**
 * Durable events on their way to the server. An event's sequence number is its row id minus the base of the epoch, so
 * numbers are gapless from 1 in every epoch, and a new epoch rewrites nothing.
 */
import type { Clock, RandomBytes } from '@holdfast/shared/clock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { OutboxReader } from '@holdfast/shared/protocol/channel.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Database } from './database.ts';
import { isUnwritable } from './fault.ts';
import type { Meta } from './meta.ts';
import { createOutboxBacklog } from './outbox-backlog.ts';
import { createOutboxRows, type EncodedEvent, encodeEvent, type OutboxLimits, type OutboxSize } from './outbox-rows.ts';

export interface OutboxHealth {
  /** False while events wait in memory because the disk refuses writes. */
  healthy: boolean;
  memoryEvents: number;
  memoryBytes: number;
  /** Why the last write failed; undefined when it did not. */
  fault?: string | undefined;
}

export interface Outbox extends OutboxReader {
  /** Made anew with a new file, a file that was copied, and `startNewEpoch`. */
  readonly epoch: string;
  /**
   * Stores an event together with `effects` (journal writes only) in one transaction, on disk before it returns the
   * event's sequence number. Undefined: the disk refused it, and event and effects are kept in memory, in order, until
   * `retry` writes them. Throws `invalid` or `limit` for an event that could never be sent. Inside `transact` it joins
   * the transaction and throws instead of keeping anything in memory.
   */
  append(event: DurableEvent, effects?: () => void): number | undefined;
  /** Like `append` for several events (at least one) in one transaction; returns the number of the last one. */
  appendAll(events: readonly DurableEvent[], effects?: () => void): number | undefined;
  /** Writes what waits in memory. True when nothing waits any more. The owner calls it at every tick. */
  retry(): boolean;
  /** The first number of this epoch that can still be read, 0 when there is none. */
  firstSeq(): number;
  /** The last number of this epoch the server has acknowledged. */
  acknowledgedSeq(): number;
  /**
   * The server has everything of this epoch up to `through`. False when that is nothing new, or the disk refused to note
   * it. Throws `conflict` for a number never given out: this journal is older than what the server has seen, and only
   * `startNewEpoch` helps.
   */
  acknowledge(through: number): boolean;
  /** What the server does not have yet starts again from 1 in a new epoch. Returns the epoch. */
  startNewEpoch(): string;
  /**
   * The last acknowledged event, in whichever epoch; a server without it is older than what it promised. Undefined before
   * the first acknowledgement and after a replay began.
   */
  findPromise(): { epoch: string; seq: number } | undefined;
  /** The server epoch that was noted last. */
  findServerEpoch(): number | undefined;
  /** Notes the epoch of the server that was met, unless the disk refuses it. */
  noteServerEpoch(serverEpoch: number): void;
  /**
   * For a server restored from a copy: everything still kept, acknowledged or not, is sent again in a new epoch, and the
   * server's epoch is noted in the same step. Returns how many events.
   */
  replayAcknowledged(serverEpoch: number): number;
  /** Calls back after each commit that added events; returns how to stop that. */
  watch(listener: () => void): () => void;
  size(): OutboxSize;
  health(): OutboxHealth;
}

export interface OutboxOptions {
  database: Database;
  meta: Meta;
  clock: Pick<Clock, 'now'>;
  randomBytes: RandomBytes;
  limits: OutboxLimits & { keepAcknowledgedMs: number; memoryBytes: number };
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { database, meta, clock, limits } = options;
  const rows = createOutboxRows(database, limits);
  const backlog = createOutboxBacklog(limits.memoryBytes);
  const listeners = new Set<() => void>();
  let fault: string | undefined;
  let epoch = '';
  /** Row ids: the one before the epoch's first event, and the last acknowledged one. */
  let base = 0;
  let acknowledged = 0;

  const reload = (): void => {
    epoch = meta.find('outbox.epoch') ?? '';
    base = Number(meta.find('outbox.base') ?? 0);
    acknowledged = Number(meta.find('outbox.acknowledged') ?? 0);
  };
  database.onUndone(() => {
    const restoreRows = rows.remember();
    return () => {
      restoreRows();
      reload();
    };
  });

  const beginEpoch = (newBase: number): string =>
    database.transact(() => {
      epoch = Buffer.from(options.randomBytes(16)).toString('hex');
      base = newBase;
      acknowledged = newBase;
      meta.set('outbox.epoch', epoch);
      meta.set('outbox.base', String(base));
      meta.set('outbox.acknowledged', String(acknowledged));
      return epoch;
    });

  reload();
  if (epoch === '') beginEpoch(0);

  const notify = (): void => {
    for (const listener of listeners) listener();
  };

  const write = (encoded: readonly EncodedEvent[], effects: (() => void) | undefined): number =>
    database.transact(() => {
      effects?.();
      let id = 0;
      for (const one of encoded) id = rows.insert(one, clock.now());
      database.afterCommit(notify);
      return id - base;
    });

  const noteFault = (error: unknown): void => {
    fault = error instanceof Error ? error.message : String(error);
  };

  /** What waits in memory goes first, one entry a transaction, so that order holds and progress is kept. */
  const retry = (): boolean => {
    if (database.inTransaction) return backlog.isEmpty();
    for (let entry = backlog.peek(); entry; entry = backlog.peek()) {
      try {
        write(entry.encoded, entry.effects);
      } catch (error) {
        noteFault(error);
        if (isUnwritable(error) || !entry.effects) return false;
        // Effects that cannot be applied any more must not hold back the events behind them.
        entry.effects = undefined;
        continue;
      }
      backlog.shift();
    }
    fault = undefined;
    return true;
  };

  const appendAll: Outbox['appendAll'] = (events, effects) => {
    const encoded = events.map(encodeEvent);
    if (database.inTransaction) return write(encoded, effects);
    if (!backlog.isEmpty() && !retry()) {
      backlog.push(encoded, effects);
      return undefined;
    }
    try {
      return write(encoded, effects);
    } catch (error) {
      if (!isUnwritable(error)) throw error;
      noteFault(error);
      backlog.push(encoded, effects);
      return undefined;
    }
  };

  const lastSeq = (): number => Math.max(rows.lastId() - base, 0);

  return {
    get epoch() {
      return epoch;
    },
    append: (event, effects) => appendAll([event], effects),
    appendAll,
    retry,
    lastSeq,
    firstSeq: () => (lastSeq() === 0 ? 0 : Math.max(rows.firstId() - base, 1)),
    acknowledgedSeq: () => acknowledged - base,
    read: (afterSeq, count, bytes) =>
      rows.read(base + Math.max(afterSeq, 0), count, bytes).map(({ id, event }) => ({ seq: id - base, event })),
    acknowledge(through) {
      if (through > lastSeq()) {
        throw new AppError('conflict', `the server has event ${through}, this host wrote only ${lastSeq()} in epoch ${epoch}`, {
          details: { lastSeq: lastSeq() },
        });
      }
      if (base + through <= acknowledged) return false;
      try {
        database.transact(() => {
          rows.markAcknowledged(acknowledged, base + through, clock.now());
          acknowledged = base + through;
          meta.set('outbox.acknowledged', String(acknowledged));
          meta.set('outbox.promise', `${epoch} ${through}`);
          rows.prune(clock.now() - limits.keepAcknowledgedMs);
        });
        return true;
      } catch (error) {
        // A forgotten acknowledgement costs nothing: the next one covers it.
        if (!isUnwritable(error)) throw error;
        noteFault(error);
        return false;
      }
    },
    startNewEpoch: () => beginEpoch(acknowledged),
    findPromise() {
      const [promisedEpoch, seq] = (meta.find('outbox.promise') ?? '').split(' ');
      return promisedEpoch === undefined || seq === undefined ? undefined : { epoch: promisedEpoch, seq: Number(seq) };
    },
    findServerEpoch() {
      const noted = meta.find('server.epoch');
      return noted === undefined ? undefined : Number(noted);
    },
    noteServerEpoch(serverEpoch) {
      try {
        meta.set('server.epoch', String(serverEpoch));
      } catch (error) {
        // Noted at the next connection.
        if (!isUnwritable(error)) throw error;
        noteFault(error);
      }
    },
    replayAcknowledged(serverEpoch) {
      const count = database.transact(() => {
        rows.markWaiting();
        beginEpoch(Math.max(rows.firstId() - 1, 0));
        meta.set('outbox.promise', '');
        meta.set('server.epoch', String(serverEpoch));
        return rows.size.events;
      });
      notify();
      return count;
    },
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    size: () => ({ ...rows.size }),
    health: () => ({
      healthy: backlog.isEmpty(),
      memoryEvents: backlog.count(),
      memoryBytes: backlog.bytes(),
      fault,
    }),
  };
}
