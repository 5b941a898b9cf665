/** `/restore`: each source with its newest good snapshot, one click from bringing it back; and past restores. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import { listLeaving } from '../../../core/snapshots/snapshot-deletion.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { Source } from '../../../store/sources.ts';
import type { SourceStanding } from '../../../store/standings.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { wantsPart } from '../params.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { readListedRuns, toRunLine } from '../runs/runs.ts';
import { type BriefRunsView, RUNS_TABLE, runsBrief } from '../runs/runs.view.ts';
import { buildShell } from '../shell.ts';
import { labelSourceKind } from '../sources/source-words.ts';
import {
  RESTORABLE_TABLE,
  type RestorableLine,
  type RestoreStartView,
  restorableTable,
  restoreStartPage,
} from './restore-start.view.ts';

const PAST_SHOWN = 8;

interface Seen {
  names: Names;
  /** Snapshots that are about to be deleted. */
  leaving: ReadonlySet<SnapshotId>;
}

function toLine(source: Source, standing: SourceStanding | undefined, { names, leaving }: Seen, visit: Visit): RestorableLine {
  const { urls, caller } = visit;
  const snapshot = standing?.lastGoodSnapshot;
  const isLeaving = snapshot !== undefined && leaving.has(snapshot);
  // What is restored by no tool of its own is a tree of files.
  const hasFiles = getSourceAdapter(source.kind).restore === undefined;
  return {
    id: source.id,
    name: source.name,
    href: urls.source({ source: source.id }),
    host: nameOf(names.hosts, source.host, 'host'),
    kind: labelSourceKind(source.kind),
    ...(snapshot === undefined || standing?.lastGoodAt === undefined
      ? {}
      : {
          newest: { at: standing.lastGoodAt, bytes: standing.lastGoodBytes, href: urls.snapshot({ snapshot }) },
          ...(isAllowed(caller, 'restore.start')
            ? {
                // Where the newest is about to be deleted, the one before it.
                restoreHref: isLeaving ? urls.restoreSource({ source: source.id }) : urls.restoreSnapshot({ snapshot }),
                filesHref: hasFiles && !isLeaving ? urls.snapshotFiles({ snapshot }) : undefined,
              }
            : {}),
        }),
    olderHref: urls.snapshots({ source: source.id }),
  };
}

async function readPast(context: CoreContext, visit: Visit): Promise<BriefRunsView> {
  const { caller, urls } = visit;
  const face = readClockface(context, visit);
  const page = await listRuns(context, caller, { kind: 'restore' }, { limit: PAST_SHOWN });
  const listed = await readListedRuns(context, caller, page.rows);
  return { face, rows: page.rows.map((run) => toRunLine(run, listed, urls, face.now)), liveUrl: urls.restores() };
}

/** The page's answer. */
function describeChoice(rows: readonly RestorableLine[], isWhole: boolean): string {
  const ready = rows.filter((row) => row.newest !== undefined).length;
  if (ready === 0) return isWhole ? 'Nothing can be brought back yet.' : 'Choose what to bring back.';
  if (!isWhole) return 'Choose what to bring back.';
  return ready === rows.length
    ? `${ready === 1 ? 'The one source' : `All ${formatNoun(ready, 'source')}`} can be brought back.`
    : `${ready} of ${formatNoun(rows.length, 'source')} can be brought back.`;
}

async function showStart(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  if (wantsPart(visit, RUNS_TABLE)) return { kind: 'page', html: runsBrief(await readPast(context, visit)) };
  const q = findText(visit.query, 'q');
  const trail = readTrail(visit);
  const page = await listSources(context, caller, { search: q }, trail.request);
  const ids = page.rows.map((source) => source.id);
  const [standings, leaving, names] = await Promise.all([
    context.store.standings.listStandings(caller.tenant, ids),
    listLeaving(context, caller),
    loadNames(context, caller, { hosts: page.rows.map((source) => source.host) }),
  ]);
  const standingOf = new Map(standings.map((standing) => [standing.source, standing]));
  const rows = page.rows.map((source) => toLine(source, standingOf.get(source.id), { names, leaving }, visit));
  const isWhole = q === undefined && trail.cursors.length === 0 && page.next === undefined;
  const view: Omit<RestoreStartView, 'past'> = {
    face: readClockface(context, visit),
    heading: describeChoice(rows, isWhole),
    rows,
    action: urls.restores(),
    search: q ?? '',
    pager: {
      summary: `${formatNoun(rows.length, 'source')} shown`,
      ...linkPages(trail, page.next, (cursors) => urls.restores({ q, after: cursors })),
    },
    liveUrl: trail.cursors.length === 0 ? urls.restores({ q }) : undefined,
    plansHref: urls.plans(),
    pastHref: urls.runs({ kind: 'restore' }),
    dumpsHref: isAllowed(caller, 'restore.start') ? urls.dumpFiles() : undefined,
  };
  const past = await readPast(context, visit);
  if (wantsPart(visit, RESTORABLE_TABLE)) return { kind: 'page', html: restorableTable({ ...view, past }) };
  return { kind: 'page', html: restoreStartPage(await buildShell(context, visit, 'restore'), { ...view, past }) };
}

export const RESTORE_START_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.restores, handle: showStart }];
