/** `/sources/discover?source=`: what the connection of a source offers, and making sources of it. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COUNTS, TEXT } from '@holdfast/shared/limits.ts';
import { type Caller, demand } from '../../../core/caller.ts';
import { getHost } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { adoptDiscovered, type Connection, testDiscovered } from '../../../core/sources/adoption.ts';
import { discoverSources, getSource } from '../../../core/sources/sources.ts';
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

export interface Adopted {
  added: number;
  refused: readonly RefusedDatabase[];
  /** What the tests of those that were added warn of, each with its database. */
  warnings: readonly string[];
}

/** Tries each from its host, then makes a source of each that works, one by one: what is wrong with one must not keep the others out. */
export async function adoptEach(
  context: CoreContext,
  caller: Caller,
  connection: Connection,
  databases: readonly string[],
): Promise<Adopted> {
  const chosen = databases.map((database) => ({ name: nameAdopted(database), database }));
  const tests = await testDiscovered(context, caller, connection, chosen);
  const refused: RefusedDatabase[] = [];
  const warnings: string[] = [];
  let added = 0;
  for (const [at, one] of chosen.entries()) {
    const test = tests[at];
    if (test?.works !== true) {
      refused.push({ name: one.database, why: test?.text ?? '' });
      continue;
    }
    try {
      await adoptDiscovered(context, caller, connection, [one]);
      added += 1;
      if (test.warnings.length > 0) warnings.push(`${one.name}: ${test.warnings.join('; ')}`);
    } catch (thrown) {
      if (!isShown(thrown)) throw thrown;
      refused.push({ name: one.database, why: thrown.message });
    }
  }
  return { added, refused, warnings };
}

/** So many letters of warnings stand beside what was done; each source's page has the rest, with a test. */
const WARNED_CHARS = 300;

/** Where one goes who has added so many, and what is said there. */
export function sayAdopted(
  urls: Urls,
  host: string,
  { added, warnings }: Pick<Adopted, 'added' | 'warnings'>,
): { to: string; flash: { tone: 'good'; text: string } } {
  const warned = warnings.length === 0 ? '' : ` The tests warn: ${shortenWords(warnings.join(' '), WARNED_CHARS)}`;
  const text = `${added === 1 ? '1 source was' : `${added} sources were`} added. Next: put ${added === 1 ? 'it' : 'them'} into a plan.${warned}`;
  return { to: urls.sources({ host, plan: 'none' }), flash: { tone: 'good', text } };
}

function shortenWords(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;
}

async function postAdoption(context: CoreContext, visit: Visit): Promise<PageReply> {
  const source = await readConnection(context, visit);
  const chosen = readChosen(visit.form);
  if (chosen.length === 0) return replyDiscovery(context, visit, source, { nothing: true });
  const adopted = await adoptEach(context, visit.caller, { source: source.id }, chosen);
  if (adopted.refused.length > 0) return replyDiscovery(context, visit, source, { refused: adopted.refused });
  return { kind: 'redirect', ...sayAdopted(visit.urls, source.host, adopted) };
}

export const SOURCE_DISCOVER_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.discoverSources, handle: showDiscovery },
  { method: 'post', path: PAGES.discoverSources, handle: postAdoption },
];
