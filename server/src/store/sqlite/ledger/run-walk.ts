/** Lists of runs, newest first: what they walk through, and what they leave out. */
import type { PageRequest } from '../../page.ts';
import type { RunFilter } from '../../runs.ts';
import { numberOf } from '../id-numbers.ts';
import { computeFacetMask } from '../lists/facets.ts';
import { createTimePage, joinConditions } from '../lists/keyset.ts';
import type { Params } from '../statements.ts';
import { RUN_COLUMNS } from './run-rows.ts';

const ACTIVE = "('queued', 'running', 'finalizing')";

/** Backups are most of all runs; of any other kind there are few. */
function isRare({ kind }: RunFilter): boolean {
  return kind !== undefined && kind !== 'backup';
}

/** The table a list walks through, newest first: the parts of a source, or an index of runs. */
export function chooseWalk(filter: RunFilter): { from: string; key: string; facets: string } {
  if (filter.source !== undefined) {
    return {
      from: 'run_parts w INDEXED BY run_parts_by_source CROSS JOIN runs r ON r.no = w.run_no',
      key: 'w.created_at, r.id',
      facets: 'w.facets',
    };
  }
  const index =
    filter.active === true
      ? 'runs_active'
      : filter.plan !== undefined || filter.withoutPlan === true
        ? 'runs_by_plan'
        : filter.host !== undefined
          ? 'runs_by_host'
          : filter.requestedBy !== undefined
            ? 'runs_by_requester'
            : filter.trigger !== undefined && filter.trigger !== 'schedule'
              ? 'runs_by_cause'
              : isRare(filter)
                ? 'runs_by_kind'
                : filter.repository !== undefined
                  ? 'runs_by_repository'
                  : filter.state !== undefined
                    ? 'runs_by_state'
                    : 'runs_by_time';
  return { from: `runs r INDEXED BY ${index}`, key: 'r.created_at, r.id', facets: 'r.facets' };
}

/** The conditions of a list of runs, over the row `r` and what it is walked by. `since` is the first instant shown, `until` the first not shown. */
export function listRunConditions(
  filter: RunFilter,
  { createdAt, facets }: { createdAt: string; facets: string },
): readonly (string | false)[] {
  const { mask } = computeFacetMask(filter);
  return [
    `r.tenant_no = ${numberOf('@tenant')}`,
    filter.source !== undefined && `w.tenant_no = ${numberOf('@tenant')} AND w.source_no = ${numberOf('@source')}`,
    mask !== 0 && `(${facets} & @mask) = @facets`,
    filter.state !== undefined && 'r.state = @state',
    filter.active === true && `r.state IN ${ACTIVE}`,
    filter.active === false && `r.state NOT IN ${ACTIVE}`,
    filter.kind !== undefined && `r.kind = @kind${isRare(filter) ? " AND r.kind <> 'backup'" : ''}`,
    filter.host !== undefined && `r.host_no = ${numberOf('@host')}`,
    filter.plan !== undefined && `r.plan_no = ${numberOf('@plan')}`,
    filter.withoutPlan === true && 'r.plan_no IS NULL',
    filter.repository !== undefined && `r.repository_no = ${numberOf('@repository')}`,
    filter.trigger !== undefined && `r.cause = @trigger${filter.trigger === 'schedule' ? '' : " AND r.cause <> 'schedule'"}`,
    filter.requestedBy !== undefined && 'r.requested_by = @requestedBy',
    filter.since !== undefined && `${createdAt} >= @since`,
    filter.until !== undefined && `${createdAt} < @until`,
  ];
}

/** The values of the conditions. */
export function toRunParams(filter: RunFilter): Params {
  const { mask, value } = computeFacetMask(filter);
  return { ...filter, mask, facets: value };
}

/** A list in its own order, newest first. */
export function buildRunList(filter: RunFilter, page: PageRequest): { text: string; params: Params } {
  const walk = chooseWalk(filter);
  const [createdAt = '', id = ''] = walk.key.split(', ');
  const text = `SELECT ${RUN_COLUMNS} FROM ${walk.from}
WHERE ${joinConditions([
    ...listRunConditions(filter, { createdAt, facets: walk.facets }),
    page.after !== undefined && `(${createdAt}, ${id}) < (@afterKey, @afterId)`,
  ])}
ORDER BY ${createdAt} DESC, ${id} DESC LIMIT @pageLimit`;
  return { text, params: { ...toRunParams(filter), ...createTimePage(page) } };
}
