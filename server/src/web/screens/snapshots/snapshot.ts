/** `/snapshots/:snapshot`: one snapshot. */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { formatTags } from '@holdfast/shared/domain/snapshot.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { getRunDetail } from '../../../core/runs/runs.ts';
import { pinSnapshot, unpinSnapshot } from '../../../core/snapshots/pins.ts';
import { hasFiles } from '../../../core/snapshots/snapshot-contents.ts';
import { getSnapshot, getSnapshotRecord, listSnapshots } from '../../../core/snapshots/snapshots.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes, formatCount, formatDuration } from '../../ui/quantity.ts';
import { formatDay, formatStamp } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import { findOutOfReach } from '../restores/restore-scene.ts';
import { isRestorable } from '../runs/run-acts.ts';
import { toEvidenceLine } from '../runs/run-detail.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { describeQuarantine } from '../runs/run-snapshots.ts';
import { buildShell } from '../shell.ts';
import { describeRepository, labelSourceKind } from '../sources/source-words.ts';
import { type SnapshotView, snapshotPage } from './snapshot.view.ts';
import { readSnapshotMore } from './snapshot-acts.ts';
import { listByHandSteps } from './snapshot-by-hand.ts';
import { describeSuspicion } from './suspicion-words.ts';

const STATE_WORDS: Readonly<Record<Snapshot['state'], string>> = {
  good: 'a clean run vouches for it',
  partial: 'Some of what was to be backed up could not be read: see its run for what is missing. The rest can be restored.',
  quarantined: 'No clean run vouches for this snapshot, so it is not offered for restore.',
  missing: 'The host no longer finds this snapshot in the repository: it was removed by something other than Holdfast.',
  removed: 'This snapshot was removed from the repository.',
};

/** Why no clean run vouches for it, where its run still tells. */
async function findQuarantine(context: CoreContext, caller: Visit['caller'], snapshot: Snapshot): Promise<string | undefined> {
  if (snapshot.state !== 'quarantined' || snapshot.adoptedAt !== undefined) return undefined;
  try {
    return describeQuarantine(snapshot, await getRunDetail(context, caller, snapshot.run));
  } catch (thrown) {
    if (toAppError(thrown).code !== 'not_found') throw thrown;
    return undefined;
  }
}

/** What the state means, and of one that was removed when and why. */
function describeState({ state, removedAt, removedWhy, adoptedAt }: Snapshot, zone: string): string {
  if (state === 'quarantined' && adoptedAt !== undefined)
    return 'No run made this snapshot: somebody took it over from the repository. It can be restored by name, and never counts as a backup of its source. A restore reads all of it before it changes anything that is there.';
  if (state !== 'removed' || removedAt === undefined) return STATE_WORDS[state];
  const why = removedWhy === undefined || removedWhy === '' ? '' : `: ${removedWhy}`;
  const who = removedWhy?.startsWith('deleted by ')
    ? 'It was removed from the repository'
    : 'Retention removed this snapshot from the repository';
  return `${who} on ${formatStamp(removedAt, zone)}${why}.`;
}

/** Whether the repository still holds it. */
function isThere({ state }: Snapshot): boolean {
  return state !== 'missing' && state !== 'removed';
}

/** What was new to the repository and how much that is of the whole, packed as it lies there: `212 MiB, 6 % of it`. */
function describeAdded(sizeBytes: number, addedBytes: number): string {
  const percent = sizeBytes === 0 ? undefined : (100 * addedBytes) / sizeBytes;
  const share = percent === undefined ? '' : percent < 1 ? ', under 1 % of it' : `, ${Math.round(percent)} % of it`;
  return `${formatBytes(addedBytes)}${share}`;
}

/** How long the part took that made it; a copy was made by none. */
async function findTookMs({ store }: CoreContext, { tenant, run, source, copyOf }: Snapshot): Promise<number | undefined> {
  if (copyOf !== undefined) return undefined;
  return (await store.runs.listParts(tenant, run)).find((part) => part.source === source)?.durationMs;
}

function listFacts(
  snapshot: Snapshot,
  names: Names,
  visit: Visit,
  { stamp, tookMs }: { stamp: string; tookMs: number | undefined },
): SnapshotView['facts'] {
  const { urls } = visit;
  const source = names.sources.get(snapshot.source);
  const link = (known: boolean, href: string) => (known ? { href } : {});
  return [
    {
      label: 'source',
      value: nameOf(names.sources, snapshot.source, 'source'),
      ...link(source !== undefined, urls.source({ source: snapshot.source })),
    },
    ...(source === undefined ? [] : [{ label: 'kind', value: labelSourceKind(source.kind) }]),
    {
      label: 'host',
      value: nameOf(names.hosts, snapshot.host, 'host'),
      ...link(names.hosts.has(snapshot.host), urls.host({ host: snapshot.host })),
    },
    {
      label: 'repository',
      value: nameOf(names.repositories, snapshot.repository, 'repository'),
      ...link(names.repositories.has(snapshot.repository), urls.repository({ repository: snapshot.repository })),
    },
    ...(snapshot.plan === undefined
      ? []
      : [
          {
            label: 'plan',
            value: nameOf(names.plans, snapshot.plan, 'plan'),
            ...link(names.plans.has(snapshot.plan), urls.plan({ plan: snapshot.plan })),
          },
        ]),
    { label: 'made', value: stamp },
    ...(tookMs === undefined ? [] : [{ label: 'took', value: formatDuration(tookMs) }]),
    { label: 'a restore gives back', value: formatBytes(snapshot.sizeBytes) },
    ...(snapshot.addedBytes === undefined
      ? []
      : [{ label: 'added to the repository', value: describeAdded(snapshot.sizeBytes, snapshot.addedBytes) }]),
    ...(snapshot.files === undefined ? [] : [{ label: 'files', value: formatCount(snapshot.files) }]),
    ...(snapshot.fileName === undefined ? [] : [{ label: 'file inside', value: snapshot.fileName }]),
  ];
}

/** What the same part stored next to it: the roles beside a database, the data beside roles. */
async function listCompanions(context: CoreContext, visit: Visit, snapshot: Snapshot): Promise<SnapshotView['companions']> {
  const role = snapshot.role === 'data' ? 'globals' : 'data';
  const filter = { run: snapshot.run, source: snapshot.source, role } as const;
  const page = await listSnapshots(context, visit.caller, filter, { limit: 5 });
  return page.rows
    .filter((row) => row.source === snapshot.source)
    .map((row) => ({
      href: visit.urls.snapshot({ snapshot: row.id }),
      title: role === 'globals' ? 'Roles of the database server' : 'The data itself',
      detail: `${row.engineId.slice(0, 8)} · ${formatBytes(row.sizeBytes)}`,
    }));
}

function listReadLines(kind: string | undefined, fileName: string | undefined): readonly string[] {
  if (kind === undefined || fileName === undefined) return [];
  return findSourceAdapter(kind)?.byHand?.(fileName) ?? [];
}

/** What the deletion of a snapshot waits for; undefined where none is ordered, or it has just ended. */
async function describeDeletion(
  context: CoreContext,
  visit: Visit,
  { deletingRun }: Snapshot,
): Promise<SnapshotView['deletion']> {
  const { caller, urls } = visit;
  if (deletingRun === undefined) return undefined;
  const { run } = await getRunDetail(context, caller, deletingRun);
  const names = await loadNames(context, caller, { hosts: [run.host] });
  const host = names.hosts.get(run.host);
  const name = host?.name ?? 'its host';
  const isWaiting = run.state === 'queued';
  const waits =
    host?.standing === 'online'
      ? `it waits for its turn on ${name}`
      : `it waits for ${name}, which is ${host?.standing ?? 'gone'}`;
  const text = isWaiting
    ? `${run.requestedBy ?? 'Somebody'} had this snapshot deleted: ${waits}. Until then it can be taken back; nothing offers the snapshot for restore meanwhile.`
    : `${run.requestedBy ?? 'Somebody'} had this snapshot deleted, and ${name} has begun.`;
  return {
    text,
    runHref: urls.run({ run: deletingRun }),
    ...(isWaiting && isAllowed(caller, 'run.start') ? { cancelAction: urls.cancelRun({ run: deletingRun }) } : {}),
  };
}

async function showSnapshot(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const snapshot = await getSnapshot(context, caller, getParam(visit, 'snapshot', idSchema('snapshot')));
  const names = await loadNames(context, caller, {
    hosts: [snapshot.host],
    sources: [snapshot.source],
    repositories: [snapshot.repository],
    plans: [snapshot.plan],
  });
  const face = readClockface(context, visit);
  const source = nameOf(names.sources, snapshot.source, 'source');
  const repository = names.repositories.get(snapshot.repository);
  const { engineId, fileName, role, state } = snapshot;
  const view: SnapshotView = {
    face,
    crumbs: [
      { label: 'Snapshots', href: urls.snapshots() },
      { label: source, href: urls.snapshots({ source: snapshot.source }) },
      { label: engineId.slice(0, 8) },
    ],
    title: `Snapshot ${engineId.slice(0, 8)}`,
    heading: `${role === 'globals' ? `The roles beside ${source}` : source} as of ${formatDay(snapshot.createdAt, face)}.`,
    state,
    stateWords: [describeState(snapshot, face.zone), await findQuarantine(context, caller, snapshot)].filter(Boolean).join(' '),
    suspicion: describeSuspicion(snapshot),
    outOfReach: isThere(snapshot) ? findOutOfReach(repository, names.hosts.get(snapshot.host)) : undefined,
    at: snapshot.createdAt,
    facts: listFacts(snapshot, names, visit, {
      stamp: formatStamp(snapshot.createdAt, face.zone),
      tookMs: await findTookMs(context, snapshot),
    }),
    engineId,
    // The ledger makes them up from what it knows, which says nothing of what no run made.
    tags:
      snapshot.adoptedAt === undefined
        ? formatTags({
            tenant: snapshot.tenant,
            host: snapshot.host,
            plan: snapshot.plan ?? 'none',
            source: snapshot.source,
            run: snapshot.run,
            role,
          })
        : [],
    evidence: snapshot.evidence.map(toEvidenceLine),
    companions: await listCompanions(context, visit, snapshot),
    notes: await getSnapshotRecord(context, caller, snapshot.id),
    byHand: listByHandSteps({
      lines: listReadLines(names.sources.get(snapshot.source)?.kind, fileName),
      engineId,
      fileName,
      role,
      repository: repository === undefined ? 'its settings were deleted here' : describeRepository(repository),
    }),
    ...(snapshot.provenAt === undefined ? {} : { provenAt: snapshot.provenAt }),
    ...(snapshot.pinnedAt === undefined ? {} : { pin: { at: snapshot.pinnedAt, by: snapshot.pinnedBy ?? 'somebody' } }),
    ...(isThere(snapshot) && isAllowed(caller, 'plan.manage') ? { pinAction: urls.pinSnapshot({ snapshot: snapshot.id }) } : {}),
    ...(isThere(snapshot) &&
    role === 'data' &&
    hasFiles(snapshot, names.sources.get(snapshot.source)) &&
    isAllowed(caller, 'restore.start')
      ? { filesHref: urls.snapshotFiles({ snapshot: snapshot.id }) }
      : {}),
    ...(isRestorable(snapshot) && isAllowed(caller, 'restore.start')
      ? { restoreHref: urls.restoreSnapshot({ snapshot: snapshot.id }) }
      : {}),
    runHref: snapshot.adoptedAt === undefined ? urls.run({ run: snapshot.run }) : undefined,
    ...(snapshot.adoptedAt === undefined ? {} : { adopted: { at: snapshot.adoptedAt, by: snapshot.adoptedBy ?? 'somebody' } }),
    deletion: await describeDeletion(context, visit, snapshot),
    ...(await readSnapshotMore(context, visit, snapshot, {
      source,
      repository: nameOf(names.repositories, snapshot.repository, 'repository'),
    })),
  };
  return { kind: 'page', html: snapshotPage(await buildShell(context, visit, 'snapshots'), view) };
}

async function switchPin(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const id = getParam(visit, 'snapshot', idSchema('snapshot'));
  const to = urls.snapshot({ snapshot: id });
  try {
    if (readText(visit.form, 'pinned') === 'false') {
      await unpinSnapshot(context, caller, id);
      return { kind: 'redirect', to, flash: { tone: 'good', text: 'Unpinned: the policy of its plan decides again.' } };
    }
    await pinSnapshot(context, caller, id);
    return { kind: 'redirect', to, flash: { tone: 'good', text: 'Pinned: it stays whatever the policy of its plan says.' } };
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to, flash: { tone: 'bad', text: thrown.message } };
  }
}

export const SNAPSHOT_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.snapshot, handle: showSnapshot },
  { method: 'post', path: PAGES.pinSnapshot, handle: switchPin },
];
