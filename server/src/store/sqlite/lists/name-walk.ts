/** All hosts or plans of a tenant by name, a few at a time. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Direction } from '@holdfast/shared/domain/list-orders.ts';
import * as z from 'zod';
import type { Sql } from '../statements.ts';
import type { Group, GroupKey } from './grouped-list.ts';

const AT_ONCE = 200;
const named = z.object({ id: z.string(), nameKey: z.string() });

/** Yields ids with their place, beginning with the mark itself where it still is. */
export function createNameWalk(
  sql: Sql,
  table: 'hosts' | 'plans',
): (tenant: TenantId, direction: Direction, from: GroupKey | undefined) => Iterable<Group<string>> {
  const select = (direction: Direction, isFirst: boolean) => {
    const isDown = direction === 'desc';
    return sql.select(
      `SELECT id, name_key AS nameKey FROM ${table} INDEXED BY ${table}_by_name WHERE tenant_id = @tenant
       ${isFirst ? '' : `AND (name_key, id) ${isDown ? '<=' : '>='} (@name, @id)`}
       ORDER BY name_key${isDown ? ' DESC' : ''}, id${isDown ? ' DESC' : ''} LIMIT ${AT_ONCE}`,
      named,
    );
  };
  return function* walk(tenant, direction, from) {
    for (let mark = from; ; ) {
      const found = select(direction, mark === undefined).list({ tenant, name: mark?.[0], id: mark?.[1] });
      for (const { id, nameKey } of found) if (mark === from || mark?.[1] !== id) yield { key: [nameKey, id], within: id };
      const last = found.at(-1);
      if (found.length < AT_ONCE || last === undefined) return;
      mark = [last.nameKey, last.id];
    }
  };
}
