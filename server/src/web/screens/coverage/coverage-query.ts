/** What the list of what was found may be narrowed to, as its address says. */
import { SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import type { CoverageFilter } from '../../../store/coverage.ts';
import type { Visit } from '../../http/route.ts';
import { findText } from '../forms/form-values.ts';
import { findId } from '../params.ts';

export interface CoverageQuery {
  /** What is open where it is left out. */
  show?: 'ignored' | 'new' | undefined;
  q?: string | undefined;
  host?: HostId | undefined;
  kind?: string | undefined;
}

/** What does not read as a filter is left out: an address someone kept must not become an error. */
export function readCoverageQuery({ query }: Pick<Visit, 'query'>): CoverageQuery {
  const show = findText(query, 'show');
  const kind = findText(query, 'kind');
  return {
    show: show === 'ignored' || show === 'new' ? show : undefined,
    q: findText(query, 'q'),
    host: findId(findText(query, 'host'), idSchema('host')),
    kind: SOURCE_ADAPTERS.find((adapter) => adapter.kind === kind)?.kind,
  };
}

export function toCoverageFilter({ show, q, host, kind }: CoverageQuery): CoverageFilter {
  return { search: q, host, kind, ignored: show === 'ignored', ...(show === 'new' ? { fresh: true } : {}) };
}
