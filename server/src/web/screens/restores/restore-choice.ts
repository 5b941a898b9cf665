/** Step one of a restore: which snapshot of a source. `/sources/:source/restore` leads to the one that was meant. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { chooseSnapshot, findGoodSnapshot } from '../../../core/restores/restore-choice.ts';
import { listSnapshots } from '../../../core/snapshots/snapshots.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { Source } from '../../../store/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { type Clockface, formatDate, formatMinute, formatStamp } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { findText } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import { isRestorable } from '../runs/run-acts.ts';
import { judgeMoment, MOMENTS_SHOWN } from '../snapshots/moments.ts';
import type { SnapshotPoint } from '../snapshots/moments.view.ts';
import type { ChoiceView } from './restore-choice.view.ts';

function toPoint(snapshot: Snapshot, chosen: Snapshot, face: Clockface, { urls }: Visit): SnapshotPoint {
  const href = isRestorable(snapshot) ? urls.restoreSnapshot({ snapshot: snapshot.id }) : undefined;
  return { ...judgeMoment(snapshot, face), href, isChosen: snapshot.id === chosen.id };
}

/** `2026-11-20T09:00`, as the browser's own field takes it. */
const formatField = (at: number, zone: string) => `${formatDate(at, zone)}T${formatMinute(at, zone)}`;

/** What the clock on the wall shows there, as if it were UTC. */
const readWall = (at: number, zone: string) => Date.parse(`${formatStamp(at, zone).slice(0, 19).replace(' ', 'T')}Z`);

/**
 * The instant at which a clock in the zone shows this minute; the end of the minute, so that what was made in it counts. Of an hour that comes
 * twice, the later; undefined for what is no time.
 */
export function parseField(text: string, zone: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?$/.test(text)) return undefined;
  const wall = Date.parse(`${text.slice(0, 16)}:59.999Z`);
  if (Number.isNaN(wall)) return undefined;
  const DAY_MS = 24 * 3_600_000;
  const offsets = [wall - DAY_MS, wall + DAY_MS].map((at) => readWall(at, zone) - at + (at % 1000));
  const instants = offsets.map((offset) => wall - offset);
  const fitting = instants.filter((at) => formatField(at, zone) === text.slice(0, 16));
  return Math.max(...(fitting.length > 0 ? fitting : instants));
}

export async function readChoice(context: CoreContext, visit: Visit, chosen: Snapshot, source: Source): Promise<ChoiceView> {
  const { caller, urls } = visit;
  const face = readClockface(context, visit);
  const [newest, page] = await Promise.all([
    findGoodSnapshot(context, caller, source.id),
    listSnapshots(context, caller, { source: source.id }, { limit: MOMENTS_SHOWN }),
  ]);
  const shown = page.rows.filter(({ state, id }) => id === chosen.id || (state !== 'removed' && state !== 'missing'));
  const all = shown.some(({ id }) => id === chosen.id) ? shown : [...shown, chosen];
  return {
    face,
    newest: newest && {
      isChosen: newest.id === chosen.id || newest.id === chosen.copyOf,
      at: newest.createdAt,
      href: urls.restoreSnapshot({ snapshot: newest.id }),
    },
    points: all.toSorted((a, b) => a.createdAt - b.createdAt).map((snapshot) => toPoint(snapshot, chosen, face, visit)),
    hasOlder: page.next !== undefined,
    olderHref: urls.snapshots({ source: source.id }),
    action: urls.restoreSource({ source: source.id }),
    asOf: formatField(chosen.createdAt, face.zone),
  };
}

/** Without `asOf` the newest good one. */
async function goToChosen(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'restore.start');
  const source = getParam(visit, 'source', idSchema('source'));
  const text = findText(visit.query, 'asOf');
  const asOf = text === undefined ? undefined : parseField(text, readClockface(context, visit).zone);
  if (text !== undefined && asOf === undefined) throw new AppError('invalid', 'that is no date and time');
  const snapshot = await chooseSnapshot(context, visit.caller, asOf === undefined ? { newest: true, source } : { asOf, source });
  return { kind: 'redirect', to: visit.urls.restoreSnapshot({ snapshot }) };
}

export const RESTORE_CHOICE_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.restoreSource, handle: goToChosen }];
