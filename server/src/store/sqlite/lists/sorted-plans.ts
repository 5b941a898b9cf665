/** Lists of plans, by name or by their next fire. Runs in a caller's read. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Direction } from '@holdfast/shared/domain/list-orders.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import * as z from 'zod';
import type { Page, PageRequest } from '../../page.ts';
import type { PlanFilter, PlanPage } from '../../plans.ts';
import { foldName, json, optional } from '../columns.ts';
import { PLAN_COLUMNS, type PlanRow, planRow, storedSchedule } from '../plan-rows.ts';
import type { Params, Sql } from '../statements.ts';
import { type Group, type GroupKey, walkGroups } from './grouped-list.ts';
import {
  createOrderedPage,
  cutOrdered,
  joinConditions,
  keyedRow,
  type Ordering,
  sayAfter,
  sayOrder,
  selectKeys,
} from './keyset.ts';

/** What an index can hold of a schedule: the text it is stored as, empty for none. */
const SCHEDULE = "coalesce(p.schedule, '')";

/** Plans of one schedule, or all that never fire by themselves. */
type Fires = { schedule: string; isEnabled: boolean };

const byName = (direction: Direction): Ordering => ({
  name: `name.${direction}`,
  keys: ['p.name_key', 'p.id'],
  isDown: direction === 'desc',
});

const HAS_SOURCE_ON_HOST = `EXISTS (SELECT 1 FROM plan_sources ps JOIN sources s ON s.id = ps.source_id
    WHERE ps.plan_id = p.id AND s.tenant_id = p.tenant_id AND s.host_id = @host)`;

const HAS_SOURCE_ON_TAGGED_HOST = `EXISTS (SELECT 1 FROM plan_sources ps JOIN sources s ON s.id = ps.source_id
    JOIN host_tags t ON t.tenant_id = s.tenant_id AND t.tag = @tag AND t.host_id = s.host_id
    WHERE ps.plan_id = p.id AND s.tenant_id = p.tenant_id)`;

export function buildPlanList(
  filter: PlanFilter,
  page: PageRequest,
  ordering = byName('asc'),
  fires?: Fires,
): { text: string; params: Params } {
  const text = `SELECT ${PLAN_COLUMNS}, ${selectKeys(ordering)} FROM plans p${fires === undefined ? '' : ' INDEXED BY plans_by_schedule'}
WHERE ${joinConditions([
    'p.tenant_id = @tenant',
    filter.repository !== undefined && 'p.repository_id = @repository',
    filter.copyRepository !== undefined && 'p.copy_repository_id = @copyRepository',
    filter.enabled !== undefined && 'p.enabled = @enabled',
    filter.retentionPolicy !== undefined && 'p.retention_policy_id = @retentionPolicy',
    filter.sharedSchedule !== undefined && 'p.shared_schedule_id = @sharedSchedule',
    filter.search !== undefined && 'instr(p.name_key, @search) > 0',
    filter.source !== undefined && 'EXISTS (SELECT 1 FROM plan_sources ps WHERE ps.plan_id = p.id AND ps.source_id = @source)',
    filter.host !== undefined && HAS_SOURCE_ON_HOST,
    filter.tag !== undefined && HAS_SOURCE_ON_TAGGED_HOST,
    fires !== undefined && `p.enabled = @isEnabled AND ${SCHEDULE} = @schedule`,
    sayAfter(ordering, page),
  ])}
${sayOrder(ordering)}`;
  const search = filter.search === undefined ? undefined : foldName(filter.search);
  return { text, params: { ...filter, search, ...fires, ...createOrderedPage(ordering, page) } };
}

interface FireGroup extends Fires {
  /** Never: behind all others, whichever way they are ordered. */
  at: number;
}

export function createSortedPlans(sql: Sql): (tenant: TenantId, filter: PlanFilter, page: PlanPage) => Page<PlanRow> {
  const listed = z.intersection(planRow, keyedRow);
  const nextSchedule = sql.select(
    `SELECT min(${SCHEDULE}) AS schedule FROM plans p INDEXED BY plans_by_schedule
     WHERE p.tenant_id = @tenant AND p.enabled = @isEnabled AND ${SCHEDULE} > @after`,
    z.object({ schedule: optional(z.string()) }),
  );
  const listBy = (tenant: TenantId, filter: PlanFilter, page: PageRequest, ordering = byName('asc'), fires?: Fires) => {
    const { text, params } = buildPlanList(filter, page, ordering, fires);
    return cutOrdered(sql.select(text, listed).list({ ...params, tenant }), ordering, page) as Page<PlanRow>;
  };
  function* walkSchedules(tenant: TenantId, isEnabled: boolean): Iterable<Fires> {
    yield { schedule: '', isEnabled };
    for (let after = ''; ; ) {
      const found = nextSchedule.find({ tenant, isEnabled, after })?.schedule;
      if (found === undefined) return;
      yield { schedule: found, isEnabled };
      after = found;
    }
  }
  const listFireGroups = (
    tenant: TenantId,
    direction: Direction,
    nextFire: (schedule: Schedule) => number | undefined,
  ): readonly FireGroup[] => {
    const find = ({ schedule, isEnabled }: Fires) =>
      isEnabled && schedule !== '' ? nextFire(json(storedSchedule).parse(schedule)) : undefined;
    const all = [...walkSchedules(tenant, true), ...walkSchedules(tenant, false)].map((fires): FireGroup => {
      const at = find(fires);
      const sooner = direction === 'desc' ? -1 : 1;
      return { ...fires, at: at === undefined ? Number.MAX_SAFE_INTEGER : at * sooner };
    });
    return all.toSorted((a, b) => a.at - b.at || (toId(a) < toId(b) ? -1 : 1));
  };
  return (tenant, filter, { sort, nextFire, ...page }) => {
    if (sort?.by !== 'next' || nextFire === undefined) return listBy(tenant, filter, page, byName(sort?.direction ?? 'asc'));
    const groups = (from: GroupKey | undefined): readonly Group<Fires>[] =>
      listFireGroups(tenant, sort.direction, nextFire).flatMap((fires) => {
        const isPast = from !== undefined && (fires.at < Number(from[0]) || (fires.at === from[0] && toId(fires) < from[1]));
        return isPast ? [] : [{ key: [fires.at, toId(fires)], within: fires }];
      });
    const list = ({ schedule, isEnabled }: Fires, inner: PageRequest) =>
      listBy(tenant, filter, inner, byName('asc'), { schedule, isEnabled });
    return walkGroups({ name: `next.${sort.direction}`, groups, list }, page);
  };
}

function toId({ schedule, isEnabled }: Fires): string {
  return `${isEnabled ? 1 : 0}${schedule}`;
}
