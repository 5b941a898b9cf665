/** The order of a list: read from the address, kept by its filters and pages, shown by the heads of its columns. */
import { DIRECTIONS, type Direction, findDefaultDirection } from '@holdfast/shared/domain/list-orders.ts';
import type { Sort } from '../../store/page.ts';
import type { Visit } from '../http/route.ts';
import type { Sort as TableSort } from '../ui/table.ts';
import { findText } from './forms/form-values.ts';

/** As it stands in the address; nothing for the list's own order. */
export interface SortQuery {
  sort?: string | undefined;
  order?: Direction | undefined;
}

export interface ListSort<C extends string> {
  /** What the list is asked for; undefined for its own order. */
  wish: Sort<C> | undefined;
  query: SortQuery;
  /** For the heads of the columns. `href` builds the list's address with this order. */
  toTable: (href: (query: SortQuery) => string) => TableSort;
}

/** Reads the order; what is not one leaves the list in its own, the first of `orders`. */
export function readSort<C extends string>({ query }: Pick<Visit, 'query'>, orders: readonly [C, ...C[]]): ListSort<C> {
  const [own] = orders;
  const text = findText(query, 'sort');
  const by = orders.find((known) => known === text) ?? own;
  const direction = DIRECTIONS.find((known) => known === findText(query, 'order')) ?? findDefaultDirection(by);
  const toQuery = (column: string, wanted: Direction): SortQuery => {
    const isFirst = wanted === findDefaultDirection(column);
    return { sort: column === own && isFirst ? undefined : column, order: isFirst ? undefined : wanted };
  };
  const asked = toQuery(by, direction);
  return {
    wish: asked.sort === undefined ? undefined : { by, direction },
    query: asked,
    toTable: (href) => ({
      column: by,
      direction,
      href: (column, wanted) => href(toQuery(column, wanted)),
      first: findDefaultDirection,
      orders,
    }),
  };
}

/** The order as hidden fields of the form that filters. */
export function keepSort({ sort, order }: SortQuery): Readonly<Record<string, string>> {
  return { ...(sort === undefined ? {} : { sort }), ...(order === undefined ? {} : { order }) };
}
