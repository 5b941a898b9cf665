/** `/sources/discover?source=`: what the connection of a source offers, and making sources of it. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COUNTS, TEXT } from '@holdfast/shared/limits.ts';
import { type Caller, demand } from '../../../core/caller.ts';
import { getHost } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { adoptDiscovered, discoverSources, getSource } from '../../../core/sources/sources.ts';
import type { Source } from '../../../store/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES, type Urls } from '../../urls.ts';
import { isShown } from '../forms/form-problem.ts';
import { findText, readList } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { buildShell } from '../shell.ts';
import { type DiscoverView, discoverPage, type FoundDatabase, type RefusedDatabase } from './source-discover.view.ts';
import { labelSourceKind } from './source-words.ts';

async function readConnection(context: CoreContext, visit: Visit): Promise<Source> {
  demand(visit.caller, 'source.manage');
  const id = findId(findText(visit.query, 'source'), idSchema('source'));
  if (id === undefined) throw new AppError('not_found', 'choose the source whose connection is to be asked');
  return getSource(context, visit.caller, id);
}

async function askDatabases(
  context: CoreContext,
  visit: Visit,
  source: Source,
): Promise<{ found: readonly FoundDatabase[]; problem?: string }> {
  try {
    const found = await discoverSources(context, visit.caller, { source: source.id });
    return { found: found.map(({ name, sizeBytes, known }) => ({ name, sizeBytes, known })) };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { found: [], problem: thrown.message };
  }
}

async function replyDiscovery(
  context: CoreContext,
  visit: Visit,
  source: Source,
  denial?: Pick<DiscoverView, 'refused' | 'nothing'>,
): Promise<PageReply> {
  const host = await getHost(context, visit.caller, source.host);
  const asked = await askDatabases(context, visit, source);
  const view: DiscoverView = {
    urls: visit.urls,
    source: { id: source.id, name: source.name },
    hostName: host.name,
    kindLabel: labelSourceKind(source.kind),
    ticked: findText(visit.query, 'select') !== 'none',
    ...denial,
    ...asked,
  };
  const html = discoverPage(await buildShell(context, visit, 'sources'), view);
  return { kind: 'page', status: denial === undefined ? 200 : 422, html };
}

async function showDiscovery(context: CoreContext, visit: Visit): Promise<PageReply> {
  return replyDiscovery(context, visit, await readConnection(context, visit));
}

/** A database may be called anything; a source's name is one line without control characters. */
export function nameAdopted(database: string): string {
  const cleaned = database.replace(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]+/gu, ' ').slice(0, TEXT.nameChars);
  return nameSchema.safeParse(cleaned).data ?? 'database';
}

/** See `encodeName`. */
function decodeName(text: string): readonly string[] {
  try {
    return [decodeURIComponent(text)];
  } catch {
    return [];
  }
}

/** The databases that were ticked, each once. */
export function readChosen(form: Visit['form']): readonly string[] {
  return [...new Set(readList(form, 'database').flatMap(decodeName))].slice(0, COUNTS.discovered);
}

/** Makes a source of each, one by one: a name that is taken must not keep the others out. */
export async function adoptEach(
  context: CoreContext,
  caller: Caller,
  connection: Parameters<typeof adoptDiscovered>[2],
  databases: readonly string[],
): Promise<{ added: number; refused: readonly RefusedDatabase[] }> {
  const refused: RefusedDatabase[] = [];
  let added = 0;
  for (const database of databases) {
    try {
      await adoptDiscovered(context, caller, connection, [{ name: nameAdopted(database), database }]);
      added += 1;
    } catch (thrown) {
      if (!isShown(thrown)) throw thrown;
      refused.push({ name: database, why: thrown.message });
    }
  }
  return { added, refused };
}

/** Where one goes who has added so many, and what is said there. */
export function sayAdopted(urls: Urls, host: string, added: number): { to: string; flash: { tone: 'good'; text: string } } {
  const text = `${added === 1 ? '1 source was' : `${added} sources were`} added. Next: put ${added === 1 ? 'it' : 'them'} into a plan.`;
  return { to: urls.sources({ host, plan: 'none' }), flash: { tone: 'good', text } };
}

async function postAdoption(context: CoreContext, visit: Visit): Promise<PageReply> {
  const source = await readConnection(context, visit);
  const chosen = readChosen(visit.form);
  if (chosen.length === 0) return replyDiscovery(context, visit, source, { nothing: true });
  const { added, refused } = await adoptEach(context, visit.caller, { source: source.id }, chosen);
  if (refused.length > 0) return replyDiscovery(context, visit, source, { refused });
  return { kind: 'redirect', ...sayAdopted(visit.urls, source.host, added) };
}

export const SOURCE_DISCOVER_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.discoverSources, handle: showDiscovery },
  { method: 'post', path: PAGES.discoverSources, handle: postAdoption },
];
