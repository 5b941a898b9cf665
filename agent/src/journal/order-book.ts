/**
 * Requests of the server that were carried out, with the answer given, so that a repeat gets the same answer and no
 * second effect.
 */
import type { Clock } from '@holdfast/shared/clock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Database } from './database.ts';

export interface StoredOrder {
  id: string;
  type: string;
  /** JSON values, as they were sent. */
  reply: unknown;
}

export interface OrderBook {
  find(id: string): StoredOrder | undefined;
  /**
   * Remembers the answer; belongs into the transaction of the order's effect. Throws `conflict` when the id is known,
   * which undoes the effect.
   */
  store(id: string, type: string, reply: unknown): void;
  /** Forgets orders stored before `storedBefore` (epoch milliseconds). */
  purge(storedBefore: number): void;
}

export function createOrderBook(database: Database, clock: Pick<Clock, 'now'>): OrderBook {
  const select = database.prepare('SELECT type, reply FROM orders WHERE id = ?');
  const insert = database.prepare(
    'INSERT INTO orders (id, type, reply, stored_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
  );
  const remove = database.prepare('DELETE FROM orders WHERE stored_at < ?');
  return {
    find(id) {
      const row = select.get(id) as unknown as { type: string; reply: string } | undefined;
      return row && { id, type: row.type, reply: JSON.parse(row.reply) as unknown };
    },
    store(id, type, reply) {
      database.transact(() => {
        const stored = insert.run(id, type, JSON.stringify(reply ?? null), clock.now()).changes;
        if (Number(stored) === 0) throw new AppError('conflict', `order ${id} was carried out before`, { retry: 'never' });
      });
    },
    purge: (storedBefore) => void database.transact(() => remove.run(storedBefore)),
  };
}
