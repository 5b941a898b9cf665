/** `/reference`: the API as people read it, rendered from the very document that programs read. */
import { AppError } from '@holdfast/shared/errors.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { createOpenApiDocument } from '../../api/openapi/openapi.ts';
import { CALL_HEADERS } from '../../api/openapi/openapi-headers.ts';
import type { ApiEndpoint, PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { API_ROOT, PAGES, type Urls } from '../../urls.ts';
import { buildShell } from '../shell.ts';
import { referenceChapterPage, referenceIndexPage } from './reference.view.ts';
import { HEADER_FILE, listReference, type ReferenceChapter } from './reference-chapters.ts';

const MAKE_KEY = 'umask 077; holdfast-server api-key create --name me --scope operate > holdfast.key';
const MAKE_HEADER = `printf 'Authorization: Bearer %s\\n' "$(cat holdfast.key)" > ${HEADER_FILE}`;

function toLine(chapter: ReferenceChapter, urls: Urls) {
  return { name: chapter.name, description: chapter.description, href: urls.referenceChapter({ chapter: chapter.name }) };
}

export function createReferenceScreens(endpoints: readonly ApiEndpoint[]): readonly ScreenRoute[] {
  const made = new Map<string, readonly ReferenceChapter[]>();
  /** The table does not change while the server runs. */
  const readChapters = (baseUrl: string): readonly ReferenceChapter[] => {
    const chapters = made.get(baseUrl) ?? listReference(createOpenApiDocument(endpoints, baseUrl));
    made.set(baseUrl, chapters);
    return chapters;
  };

  async function showIndex(context: CoreContext, visit: Visit): Promise<PageReply> {
    demand(visit.caller, 'view');
    const { urls } = visit;
    const chapters = readChapters(context.baseUrl).map((chapter) => {
      const line = toLine(chapter, urls);
      const entries = chapter.entries.map(({ id, method, path, summary }) => ({
        method,
        path,
        summary,
        href: `${line.href}#${id}`,
      }));
      return { ...line, entries };
    });
    const view = {
      chapters,
      count: chapters.reduce((sum, { entries }) => sum + entries.length, 0),
      root: `${context.baseUrl}${API_ROOT}`,
      documentHref: urls.openapi(),
      key: MAKE_KEY,
      header: MAKE_HEADER,
      headers: CALL_HEADERS,
    };
    return { kind: 'page', html: referenceIndexPage(await buildShell(context, visit, 'reference'), view) };
  }

  async function showChapter(context: CoreContext, visit: Visit): Promise<PageReply> {
    demand(visit.caller, 'view');
    const chapter = readChapters(context.baseUrl).find(({ name }) => name === visit.params['chapter']);
    if (chapter === undefined) throw new AppError('not_found', 'the API has no such chapter');
    const view = { chapter: toLine(chapter, visit.urls), entries: chapter.entries, indexHref: visit.urls.reference() };
    return { kind: 'page', html: referenceChapterPage(await buildShell(context, visit, 'reference'), view) };
  }

  return [
    { method: 'get', path: PAGES.reference, handle: showIndex },
    { method: 'get', path: PAGES.referenceChapter, handle: showChapter },
  ];
}
