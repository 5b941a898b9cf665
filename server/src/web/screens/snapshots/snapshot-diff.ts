/** `/snapshots/:snapshot/diff`: what changed since an older snapshot of the same source. */
import { idSchema, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { showStoredText } from '@holdfast/shared/domain/stored-path.ts';
import type { TreeDiff } from '@holdfast/shared/protocol/browse.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { diffSnapshots, preferPlanned } from '../../../core/snapshots/snapshot-contents.ts';
import { getSnapshot, listSnapshots } from '../../../core/snapshots/snapshots.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { formatDay } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { findId, getParam } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { type SnapshotDiffView, snapshotDiffPage } from './snapshot-diff.view.ts';

/** Older snapshots that are offered at once, the newest first; a link leads to the others. */
const CHOICES = 60;

interface Offer {
  choices: readonly Snapshot[];
  /** Where those that are older still begin. */
  next: string | undefined;
}

async function listOlder(context: CoreContext, visit: Visit, snapshot: Snapshot, after: string | undefined): Promise<Offer> {
  const { source, repository, role, createdAt } = snapshot;
  const filter = { source, repository, role, until: createdAt + 1 };
  const { rows, next } = await listSnapshots(context, visit.caller, filter, { limit: CHOICES, after });
  return { choices: rows.filter((row) => row.id !== snapshot.id && row.state !== 'missing'), next };
}

/** The one to compare with: that which was wished, wherever it stands, or the newest that is offered; and all that can be chosen beside it. */
async function chooseOlder(context: CoreContext, visit: Visit, { choices }: Offer) {
  const wished = findId(readText(visit.query, 'older'), idSchema('snapshot'));
  if (wished === undefined) return { older: preferPlanned(choices), choices };
  const offered = choices.find(({ id }) => id === wished);
  if (offered) return { older: offered, choices };
  const older = await getSnapshot(context, visit.caller, wished);
  return { older, choices: [...choices, older].toSorted((a, b) => b.createdAt - a.createdAt) };
}

function describeTotals({ totals }: TreeDiff, since: string): string {
  const { added, removed, changed } = totals;
  if (added + removed + changed === 0) return `No file was added, removed or changed since ${since}.`;
  return `${formatCount(added)} added, ${formatCount(removed)} removed, ${formatCount(changed)} changed since ${since}.`;
}

async function readDiff(
  context: CoreContext,
  visit: Visit,
  snapshot: Snapshot,
  older: SnapshotId,
): Promise<{ diff?: TreeDiff; trouble?: SnapshotDiffView['trouble'] }> {
  try {
    const { answer } = await diffSnapshots(context, visit.caller, snapshot.id, { older });
    return { diff: answer };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    const { urls } = visit;
    const way =
      thrown.code === 'unavailable'
        ? { href: urls.host({ host: snapshot.host }), label: 'Open the host' }
        : { href: urls.snapshot({ snapshot: snapshot.id }), label: 'Back to the snapshot' };
    return { trouble: { title: 'They could not be compared.', text: thrown.message, ...way } };
  }
}

async function showDiff(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  demand(caller, 'restore.start');
  const snapshot = await getSnapshot(context, caller, getParam(visit, 'snapshot', idSchema('snapshot')));
  const names = await loadNames(context, caller, { sources: [snapshot.source] });
  const face = readClockface(context, visit);
  const name = nameOf(names.sources, snapshot.source, 'source');
  const after = readText(visit.query, 'after') || undefined;
  const offer = await listOlder(context, visit, snapshot, after);
  const { older, choices } = await chooseOlder(context, visit, offer);
  const linkTo = (from?: string) => urls.snapshotDiff({ snapshot: snapshot.id }, { older: older?.id, after: from });
  const { diff, trouble } = older === undefined ? {} : await readDiff(context, visit, snapshot, older.id);
  const none = {
    title: 'There is no older snapshot to compare with.',
    text: 'This is the first one of its source in this repository.',
    href: urls.snapshot({ snapshot: snapshot.id }),
    label: 'Back to the snapshot',
  };
  const view: SnapshotDiffView = {
    crumbs: [
      { label: 'Snapshots', href: urls.snapshots({ source: snapshot.source }) },
      { label: `${name} ${snapshot.engineId.slice(0, 8)}`, href: urls.snapshot({ snapshot: snapshot.id }) },
      { label: 'Differences' },
    ],
    heading:
      diff === undefined || older === undefined
        ? `What changed in ${name}.`
        : describeTotals(diff, formatDay(older.createdAt, face)),
    lede: diff?.truncated ? `The first ${formatNoun(diff.changes.length, 'change')} are shown.` : undefined,
    action: urls.snapshotDiff({ snapshot: snapshot.id }),
    older: older?.id ?? '',
    choices: choices.map((row) => ({ value: row.id, label: `${formatDay(row.createdAt, face)} · ${row.engineId.slice(0, 8)}` })),
    kept: after === undefined ? {} : { after },
    olderHref: offer.next === undefined ? undefined : linkTo(offer.next),
    newestHref: after === undefined ? undefined : linkTo(),
    changes: (diff?.changes ?? []).map((change) => ({ ...change, path: showStoredText(change.path) })),
    trouble: older === undefined ? none : trouble,
    backHref: urls.snapshotFiles({ snapshot: snapshot.id }),
  };
  return { kind: 'page', html: snapshotDiffPage(await buildShell(context, visit, 'snapshots'), view) };
}

export const SNAPSHOT_DIFF_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.snapshotDiff, handle: showDiff }];
