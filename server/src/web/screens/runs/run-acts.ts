/** What a person may do with a run now: cancel it, run it again, go on to what it made. */
import { isTerminal, type RunKind } from '@holdfast/shared/domain/run.ts';
import { type Caller, isAllowed } from '../../../core/caller.ts';
import { isRestorable as canBeRestored } from '../../../core/restores/restore-orders.ts';
import type { RunDetail } from '../../../core/runs/runs.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { Urls } from '../../urls.ts';
import { findRestoredFile } from '../restores/dump-words.ts';
import type { RunView } from './run.view.ts';
import type { Names } from './run-names.ts';

/** Whether a snapshot is offered for restore: only what a run vouches for, or a person took over, and nobody had deleted. */
export function isRestorable(snapshot: Pick<Snapshot, 'state' | 'role' | 'adoptedAt' | 'deletingRun'>): boolean {
  return snapshot.role === 'data' && canBeRestored(snapshot);
}

const EFFECTS: Readonly<Partial<Record<RunKind, string>>> = {
  restore: 'The host stops within a few seconds. What this restore created is removed.',
  check: 'The host stops within a few seconds. Nothing in the repository changes; what was read so far proves nothing.',
  verify: 'The host stops within a few seconds. Nothing in the repository changes.',
  delete_snapshot: 'The host stops within a few seconds. What was removed already is gone; the rest stays.',
  copy: 'The host stops within a few seconds. Copies that are whole stay; the next copy goes on from there.',
  drill: 'The host stops within a few seconds. What it restored is removed; nothing else was touched.',
  unlock: 'A host that has not begun leaves every lock where it is. One that has goes on to its end, in a moment.',
  prune: 'The host stops within a few seconds. Every snapshot stays restorable; the next prune goes on from there.',
};

const AT_ONCE = 'The host stops within a few seconds';
const LATER = 'The host is offline; as soon as it is back, it stops, unless the run has ended by then';

function findCancel({ run }: RunDetail, { hosts }: Pick<Names, 'hosts'>, urls: Urls): RunView['cancel'] {
  const effect =
    EFFECTS[run.kind] ?? `${AT_ONCE}. Nothing half-written becomes a snapshot; snapshots this run already made stay.`;
  const isHeard = hosts.get(run.host)?.standing === 'online';
  return { action: urls.cancelRun({ run: run.id }), effect: isHeard ? effect : effect.replace(AT_ONCE, LATER) };
}

function findOnward(caller: Caller, detail: RunDetail, urls: Urls): RunView['onward'] {
  const { run, snapshots } = detail;
  if (run.kind === 'restore') {
    const file = findRestoredFile(run);
    if (file !== undefined && run.state === 'failed' && isAllowed(caller, 'restore.start'))
      return { href: urls.restoreDump({ host: run.host, path: file.path }), label: 'Restore again…' };
    if (run.snapshot === undefined) return undefined;
    // What kept it from its place is mended in the form: another name, another directory.
    if (run.state === 'failed' && isAllowed(caller, 'restore.start'))
      return { href: urls.restoreSnapshot({ snapshot: run.snapshot }), label: 'Restore again…' };
    return { href: urls.snapshot({ snapshot: run.snapshot }), label: 'Open snapshot' };
  }
  // A copy elsewhere is no choice of its own: the page of the original leads to it.
  const usable = snapshots.filter((snapshot) => isRestorable(snapshot) && snapshot.copyOf === undefined);
  const [first] = usable;
  if (first === undefined) return undefined;
  if (usable.length > 1) return { href: urls.snapshots({ run: run.id }), label: 'Restore one of these…' };
  if (!isAllowed(caller, 'restore.start')) return { href: urls.snapshot({ snapshot: first.id }), label: 'Open snapshot' };
  return { href: urls.restoreSnapshot({ snapshot: first.id }), label: 'Restore this…' };
}

export function findRunActs(
  caller: Caller,
  detail: RunDetail,
  names: Pick<Names, 'plans' | 'hosts'>,
  urls: Urls,
): Pick<RunView, 'cancel' | 'again' | 'onward'> {
  const { run, parts } = detail;
  const mayStart = isAllowed(caller, 'run.start');
  if (!isTerminal(run.state)) return mayStart ? { cancel: findCancel(detail, names, urls) } : {};
  const canRepeat = mayStart && run.kind === 'backup' && run.plan !== undefined && names.plans.has(run.plan);
  return {
    ...(canRepeat && run.plan !== undefined
      ? { again: { action: urls.runPlan({ plan: run.plan }), sources: parts.map((part) => part.source).join(',') } }
      : {}),
    onward: findOnward(caller, detail, urls),
  };
}
