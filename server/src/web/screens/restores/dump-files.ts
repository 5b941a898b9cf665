/** `/restore/dumps`: dump files that lie on hosts, directory by directory, as their hosts list them while the page waits. */
import { describeDump } from '@holdfast/shared/domain/dump-file.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import {
  findParentPath,
  isAtOrBelow,
  joinStoredPath,
  showStoredText,
  splitStoredPath,
  storedPathSchema,
} from '@holdfast/shared/domain/stored-path.ts';
import { DUMP_FILES, TEXT } from '@holdfast/shared/limits.ts';
import type { DumpEntry } from '@holdfast/shared/protocol/dump-files.ts';
import type { HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import {
  type DumpListing,
  listDumpFiles,
  listOfferedDirectories,
  listOfferingHosts,
  OFFER_SETTING,
} from '../../../core/restores/dump-files.ts';
import type { Host } from '../../../store/hosts.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount } from '../../ui/quantity.ts';
import { PAGES, type Urls } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { buildShell } from '../shell.ts';
import { type DumpFilesView, type DumpLine, dumpFilesPage, dumpHostsPage, type OfferLine } from './dump-files.view.ts';

const NOT_OPENED = 'no regular file: links, devices and the like are never opened';

function toOffer(host: HostView, urls: Urls): OfferLine {
  return {
    id: host.id,
    host: host.name,
    href: urls.host({ host: host.id }),
    standing: host.standing,
    condition: host.condition,
    directories: listOfferedDirectories(host).map((path) => ({
      label: showStoredText(path),
      href: host.standing === 'online' ? urls.dumpFiles({ host: host.id, path }) : undefined,
    })),
  };
}

async function showHosts(context: CoreContext, visit: Visit, problem?: string): Promise<PageReply> {
  const { urls, caller } = visit;
  const hosts = await listOfferingHosts(context, caller);
  const view = {
    crumbs: [{ label: 'Restore', href: urls.restores() }, { label: 'Dump files' }],
    lines: hosts.map((host) => toOffer(host, urls)),
    setting: OFFER_SETTING,
    backHref: urls.restores(),
    problem,
  };
  return { kind: 'page', html: dumpHostsPage(await buildShell(context, visit, 'restore'), view) };
}

interface Place {
  host: HostId;
  path: string;
  after: number;
}

/** Where one stands; undefined before a host and one of its directories were chosen. */
export function readPlace({ query }: Visit): Place | undefined {
  const host = findId(readText(query, 'host'), idSchema('host'));
  const path = storedPathSchema.safeParse(readText(query, 'path').slice(0, TEXT.pathChars));
  const after = Number.parseInt(readText(query, 'after'), 10);
  if (host === undefined || !path.success) return undefined;
  return { host, path: path.data, after: Number.isSafeInteger(after) && after > 0 ? after : 0 };
}

function toLine(entry: DumpEntry, { host, path: directory, after }: Place, urls: Urls): DumpLine {
  const { name, type, sizeBytes, modifiedAt, dump, refusal } = entry;
  const path = joinStoredPath(directory, name);
  const line = { name: showStoredText(name), isDirectory: type === 'dir', modifiedAt };
  if (type === 'dir') return { ...line, href: urls.dumpFiles({ host, path }) };
  if (type === 'other') return { ...line, refusal: NOT_OPENED };
  if (dump === undefined) return { ...line, sizeBytes, refusal };
  return { ...line, sizeBytes, kind: describeDump(dump), restoreHref: urls.restoreDump({ host, path, after }) };
}

/** From the offered directory it lies in; that one is named whole. */
function listPlaces(offered: readonly string[], { host, path }: Place, urls: Urls): DumpFilesView['places'] {
  const top = offered.toSorted((a, b) => b.length - a.length).find((one) => isAtOrBelow(path, one)) ?? path;
  const names = splitStoredPath(path.slice(top.length));
  const below = names.map((name, at) => ({
    label: showStoredText(name),
    href: urls.dumpFiles({ host, path: joinStoredPath(top, names.slice(0, at + 1).join('/')) }),
  }));
  return [{ label: showStoredText(top), href: urls.dumpFiles({ host, path: top }) }, ...below];
}

function toView(visit: Visit, place: Place, host: Host, listing: DumpListing): Omit<DumpFilesView, 'face'> {
  const { urls } = visit;
  const { entries, total, next } = listing;
  const { after, path } = place;
  const offered = listOfferedDirectories(host);
  const pageAt = (from: number) => urls.dumpFiles({ host: host.id, path, after: from > 0 ? from : undefined });
  const end = after + entries.length;
  return {
    crumbs: [{ label: 'Restore', href: urls.restores() }, { label: 'Dump files', href: urls.dumpFiles() }, { label: host.name }],
    host: host.name,
    places: listPlaces(offered, place, urls),
    lines: entries.map((entry) => toLine(entry, place, urls)),
    pager: {
      summary: `${formatCount(Math.min(after + 1, end))}–${formatCount(end)} of ${formatCount(total)}`,
      ...(after > 0 ? { previousHref: pageAt(Math.max(0, after - DUMP_FILES.entriesPerPage)) } : {}),
      ...(next === undefined ? {} : { nextHref: pageAt(next) }),
    },
    upHref: offered.includes(path) ? urls.dumpFiles() : urls.dumpFiles({ host: host.id, path: findParentPath(path) }),
    hostsHref: urls.dumpFiles(),
  };
}

async function showDumpFiles(context: CoreContext, visit: Visit): Promise<PageReply> {
  const place = readPlace(visit);
  if (place === undefined) return showHosts(context, visit);
  try {
    const { host, listing } = await listDumpFiles(context, visit.caller, place.host, place);
    const view = { face: readClockface(context, visit), ...toView(visit, place, host, listing) };
    return { kind: 'page', html: dumpFilesPage(await buildShell(context, visit, 'restore'), view) };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return showHosts(context, visit, thrown.message);
  }
}

export const DUMP_FILE_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.dumpFiles, handle: showDumpFiles }];
