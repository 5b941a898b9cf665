/** Hosts and sources for the selects of forms. */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../../core/caller.ts';
import { type HostView, listHosts } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { Page } from '../../../store/page.ts';
import type { Source } from '../../../store/sources.ts';
import { type Offer, offerListed, type Sought } from '../forms/offer.ts';
import { loadNames } from '../runs/run-names.ts';

/** Hosts that a search looks for sources on. */
const HOSTS_SEARCHED = 20;

/** Active hosts for a select, 200 at most and those of `keep`. */
export async function offerHosts(
  context: CoreContext,
  caller: Caller,
  { find = '', keep = [] }: { find?: string; keep?: readonly (HostId | undefined)[] } = {},
): Promise<Offer<HostView>> {
  const search = find === '' ? undefined : find;
  const page = await listHosts(context, caller, { state: 'active', search }, { limit: HTTP.pageSizeMax });
  return offerListed(page, keep, async (ids) => {
    const { hosts } = await loadNames(context, caller, { hosts: ids });
    return [...hosts.values()].filter(({ state }) => state === 'active');
  });
}

interface SourceWish {
  /** Only those of it. */
  kind?: string | undefined;
  /** Only those on it. */
  host?: HostId | undefined;
  find?: string | undefined;
  keep?: readonly (SourceId | undefined)[];
}

/** Sources for a select, by their own name or that of their host. */
export async function offerSources(
  context: CoreContext,
  caller: Caller,
  { kind, host, find = '', keep = [] }: SourceWish,
): Promise<Offer<Source>> {
  const search = find === '' ? undefined : find;
  const page = await listSources(context, caller, { kind, host, search }, { limit: HTTP.pageSizeMax });
  const onHosts = search === undefined || host !== undefined ? NONE : await findOnHosts(context, caller, kind, search);
  const found = dropTwins([...page.rows, ...onHosts.rows]);
  const { sources } = await loadNames(context, caller, { sources: keep });
  const isWished = (source: Source) =>
    (kind === undefined || source.kind === kind) && (host === undefined || source.host === host);
  const kept = [...sources.values()].filter(isWished);
  return { rows: dropTwins([...kept, ...found]), found, isCut: page.next !== undefined || onHosts.next !== undefined };
}

const NONE: Page<Source> = { rows: [] };

function dropTwins(sources: readonly Source[]): readonly Source[] {
  return [...new Map(sources.map((source) => [source.id, source])).values()];
}

/** Sources on the first hosts whose name fits. */
async function findOnHosts(
  context: CoreContext,
  caller: Caller,
  kind: string | undefined,
  search: string,
): Promise<Page<Source>> {
  const { rows, next } = await listHosts(context, caller, { state: 'active', search }, { limit: HOSTS_SEARCHED });
  const sources = await Promise.all(rows.map(({ id }) => context.store.sources.listSourcesOfHost(caller.tenant, id)));
  return { rows: sources.flat().filter((source) => kind === undefined || source.kind === kind), next };
}

/** Of what somebody just searched for, the first that is there: it is what they mean. Undefined where nobody searched. */
export function findSought({ find, isAsked, isNew }: Sought, { found }: Pick<Offer<HostView>, 'found'>): HostId | undefined {
  return isAsked && isNew && find !== '' ? (found.find(({ standing }) => standing === 'online') ?? found[0])?.id : undefined;
}
