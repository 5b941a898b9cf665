/** The sources a plan may have, by host, for the boxes of its form. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { Source } from '../../../store/sources.ts';
import type { Visit } from '../../http/route.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { describeSource } from '../sources/source-words.ts';
import type { PlanFormView } from './plan-form.view.ts';

/** Sources that a link to the form ticks at most: an address has a length. */
export const SOURCES_PREFILLED = 50;
/** Boxes shown at once; the search finds the others. */
const SOURCES_SHOWN = 60;

/** What fits the search, and always what is checked. */
export async function readSourceGroups(
  context: CoreContext,
  visit: Visit,
  chosenIds: readonly SourceId[],
  find: string,
): Promise<Pick<PlanFormView, 'groups' | 'cut' | 'hasSources'>> {
  const { caller } = visit;
  const limit = Math.min(SOURCES_SHOWN, HTTP.pageSizeMax);
  const chosen = chosenIds.length === 0 ? [] : await context.store.sources.findSources(caller.tenant, chosenIds);
  const page = await listSources(context, caller, find === '' ? {} : { search: find }, { limit });
  const rows = new Map<SourceId, Source>([...chosen, ...page.rows].map((source) => [source.id, source]));
  const names = await loadNames(context, caller, { hosts: [...rows.values()].map((source) => source.host) });
  const byHost = new Map<string, Source[]>();
  for (const source of rows.values()) {
    const host = nameOf(names.hosts, source.host, 'host');
    byHost.set(host, [...(byHost.get(host) ?? []), source]);
  }
  const checked = new Set<string>(chosenIds);
  const groups = [...byHost]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([host, sources]) => ({
      host,
      choices: sources.map((source) => ({
        id: source.id,
        name: source.name,
        detail: describeSource(source),
        checked: checked.has(source.id),
        ...(source.enabled ? {} : { remark: 'switched off' }),
      })),
    }));
  return { groups, cut: page.next !== undefined, hasSources: rows.size > 0 || find !== '' };
}
