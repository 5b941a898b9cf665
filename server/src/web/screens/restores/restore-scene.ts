/** What both restore pages show of the snapshot, and when there is nothing to restore. */
import { findRepositoryAdapter, findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { demand } from '../../../core/caller.ts';
import type { HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { findHostRefusal, takesRestores } from '../../../core/restores/host-policy.ts';
import { findSecondPlace, type SecondPlace } from '../../../core/restores/second-place.ts';
import { getSnapshot } from '../../../core/snapshots/snapshots.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { Source } from '../../../store/sources.ts';
import type { Visit } from '../../http/route.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { formatDay } from '../../ui/time.ts';
import { readClockface } from '../clockface.ts';
import { getParam } from '../params.ts';
import { isRestorable } from '../runs/run-acts.ts';
import { loadNames } from '../runs/run-names.ts';
import { labelSourceKind } from '../sources/source-words.ts';
import type { RestoreFrame } from './restore.view.ts';
import { readChoice } from './restore-choice.ts';
import type { ChoiceView } from './restore-choice.view.ts';

/** One line of text: what a file system or a database server can be given as a name and a person can read in a list. */
export const ONE_LINE = /^[^\u0000-\u001f\u007f]*$/u;

export interface RestoreScene {
  snapshot: Snapshot;
  source: Source | undefined;
  repository: Repository | undefined;
  madeOn: HostView | undefined;
  /** Where the same backup lies too, and can be read, while it is out of reach here. */
  elsewhere?: SecondPlace | undefined;
  /** What else there is of the same source. */
  choice: ChoiceView | undefined;
}

export async function readScene(context: CoreContext, visit: Visit): Promise<RestoreScene> {
  demand(visit.caller, 'restore.start');
  const snapshot = await getSnapshot(context, visit.caller, getParam(visit, 'snapshot', idSchema('snapshot')));
  const names = await loadNames(context, visit.caller, {
    hosts: [snapshot.host],
    sources: [snapshot.source],
    repositories: [snapshot.repository],
  });
  const source = names.sources.get(snapshot.source);
  const repository = names.repositories.get(snapshot.repository);
  const madeOn = names.hosts.get(snapshot.host);
  const isAway = isRestorable(snapshot) && findOutOfReach(repository, madeOn) !== undefined;
  return {
    snapshot,
    source,
    choice: source && snapshot.role === 'data' ? await readChoice(context, visit, snapshot, source) : undefined,
    repository,
    madeOn,
    elsewhere: isAway ? await findSecondPlace(context, visit.caller, snapshot) : undefined,
  };
}

export function isDatabase(source: Source): boolean {
  return findSourceAdapter(source.kind)?.restore !== undefined;
}

/** Whether the repository lies on the disk of the one host that wrote it. */
export function isOnOneHost(repository: Repository): boolean {
  return findRepositoryAdapter(repository.kind)?.localPath !== undefined;
}

/** Why nobody can read a snapshot for now, in a sentence; undefined where some host may. */
export function findOutOfReach(
  repository: Repository | undefined,
  madeOn: { readonly name: string; readonly standing: string } | undefined,
): string | undefined {
  if (repository === undefined || !isOnOneHost(repository) || madeOn?.standing === 'online') return undefined;
  const holder = madeOn === undefined ? 'a host that was deleted here' : `${madeOn.name}, which is ${madeOn.standing}`;
  return `Out of reach for now: it lies on the disk of ${holder}. No other host can read it.`;
}

/** Why the one host that can read it does not restore it, in a sentence; undefined where it does, or others can. */
function findOnlyRefusal({ repository, madeOn }: RestoreScene): string | undefined {
  if (repository === undefined || madeOn === undefined || !isOnOneHost(repository) || takesRestores(madeOn)) return undefined;
  return `${findHostRefusal(madeOn, { kind: 'directory' })}. It is restored by hand on that host: the page of the snapshot says how.`;
}

export function findRefusal(scene: RestoreScene): string | undefined {
  if (scene.source === undefined) return 'The source of this snapshot was deleted here. Restore it by hand: its page says how.';
  if (scene.repository === undefined) return 'The repository of this snapshot was deleted here. Restore it by hand.';
  if (scene.snapshot.role !== 'data') return 'These are the roles beside a database; they are read into a server by hand.';
  if (scene.snapshot.deletingRun !== undefined)
    return 'The deletion of this snapshot is ordered, so it is not offered for restore. Its page says how to take that back.';
  if (!isRestorable(scene.snapshot)) return 'No clean run vouches for this snapshot, so it is not offered for restore.';
  const outOfReach = findOutOfReach(scene.repository, scene.madeOn) ?? findOnlyRefusal(scene);
  if (outOfReach === undefined || scene.elsewhere === undefined) return outOfReach;
  return `${outOfReach} The same backup lies in the repository ${scene.elsewhere.repository.name} too.`;
}

/** Letters a path and a database name may have everywhere. */
export function toPlainName(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^_+|_+$/g, '') || 'backup';
}

/** The page around the form. */
export function describeScene(context: CoreContext, visit: Visit, scene: RestoreScene): RestoreFrame {
  const { urls } = visit;
  const { snapshot, source, repository } = scene;
  const name = source?.name ?? 'a deleted source';
  const made = formatDay(snapshot.createdAt, readClockface(context, visit));
  return {
    crumbs: [
      { label: 'Snapshots', href: urls.snapshots() },
      { label: `${name} ${snapshot.engineId.slice(0, 8)}`, href: urls.snapshot({ snapshot: snapshot.id }) },
      { label: 'Restore' },
    ],
    heading: `Bring back ${name} as of ${made}.`,
    state: snapshot.state,
    facts: [
      { label: 'source', value: source === undefined ? name : `${name} · ${labelSourceKind(source.kind)}` },
      { label: 'made on', value: scene.madeOn?.name ?? 'a deleted host' },
      { label: 'made', value: made },
      { label: 'a restore gives back', value: formatBytes(snapshot.sizeBytes) },
      { label: 'from the repository', value: repository?.name ?? 'a deleted repository' },
    ],
    action: urls.restoreSnapshot({ snapshot: snapshot.id }),
    cancelHref: urls.snapshot({ snapshot: snapshot.id }),
    choice: scene.choice,
    refusal: findRefusal(scene),
    elsewhere: scene.elsewhere && {
      label: `Restore it from ${scene.elsewhere.repository.name}`,
      href: urls.restoreSnapshot({ snapshot: scene.elsewhere.snapshot.id }),
    },
  };
}

/** Why some host is not among the places. */
export function describePlaces(scene: RestoreScene): string {
  return scene.repository !== undefined && isOnOneHost(scene.repository)
    ? `The repository is a folder on ${scene.madeOn?.name ?? 'the host that made it'}, so only that host can read it.`
    : 'Hosts that do not answer now, or take no restores, cannot be chosen.';
}
