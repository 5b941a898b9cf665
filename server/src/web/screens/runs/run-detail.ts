/** What stands beside a run's log: troubles with their way out, parts, evidence, figures, places. Pure. */

import type { ChosenDump } from '@holdfast/shared/domain/dump-file.ts';
import { idSchema, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { Reason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence, Failure, RunKind } from '@holdfast/shared/domain/run.ts';
import { showStoredText } from '@holdfast/shared/domain/stored-path.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { RunDetail } from '../../../core/runs/runs.ts';
import type { RunPart } from '../../../store/runs.ts';
import { formatBytes, formatCount, formatNoun, formatRate } from '../../ui/quantity.ts';
import { formatStamp } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { findRestoredFile } from '../restores/dump-words.ts';
import { MODE_WORDS } from '../restores/restore-modes.ts';
import type { AttemptLine, EvidenceLine, PartLine, RunFact, Trouble } from './run.view.ts';
import { type Names, nameOf } from './run-names.ts';
import { listTerms } from './run-terms.ts';
import { findDurationMs, shortenSentence, splitFailure } from './run-words.ts';

/** Sources that the line of an attempt names. */
const AGAIN_NAMED = 5;

/** More failing sources than this are read in the table of parts. */
const TROUBLES_SHOWN = 5;

const CHECKS: Readonly<Record<Evidence['check'], { held: string; not: string }>> = {
  exit_codes: { held: 'Every stage exited 0', not: 'Not every stage exited 0' },
  size_floor: { held: 'Size above the floor', not: 'Smaller than the source allows' },
  snapshot_named: { held: 'The engine named a snapshot', not: 'The engine named no snapshot' },
  read_back: { held: 'Snapshot read back', not: 'Snapshot could not be read back' },
  format: { held: 'Format and header as expected', not: 'Format or header not as expected' },
  target_verified: { held: 'What was restored is there', not: 'What was restored is not as expected' },
  fully_read: { held: 'All of it was read first', not: 'It could not be read to its end' },
  safety_backup: { held: 'What stood there was backed up before', not: 'What stood there could not be backed up' },
  repository_checked: { held: 'No damage found', not: 'The repository is damaged' },
  same_content: { held: 'What came back is what was stored', not: 'What came back is not what was stored' },
  assertion: { held: 'What was asserted holds', not: 'Something that was asserted does not hold' },
  undamaged: { held: 'Tables and indexes are undamaged', not: 'Tables or indexes are damaged' },
};

/** The page on which a cause is mended. */
function findMend(failure: Failure, part: RunPart | undefined, detail: RunDetail, names: Names, urls: Urls): Trouble['mend'] {
  const reason = failure.reason ?? '';
  const { run } = detail;
  const source = part ?? (detail.parts.length === 1 ? detail.parts[0] : undefined);
  if (/^(database_|files_|source_|size_|dump_|secrets_)/.test(reason) && source !== undefined && names.sources.has(source.source))
    return { href: urls.source({ source: source.source }), label: 'Open the source' };
  if (reason.startsWith('repository_') && names.repositories.has(run.repository))
    return { href: urls.repository({ repository: run.repository }), label: 'Open the repository' };
  if (/^(tool_|disk_|stalled|interrupted|expired)/.test(reason) && names.hosts.has(run.host))
    return { href: urls.host({ host: run.host }), label: 'Open the host' };
  return undefined;
}

/** Why the run, or some of its parts, did not end clean. A cancelled run needs no explanation beyond its heading. */
export function listTroubles(detail: RunDetail, names: Names, urls: Urls): readonly Trouble[] {
  const { run, parts } = detail;
  if (run.state === 'cancelled') return [];
  const failing = parts.filter((part) => part.failure !== undefined && part.state !== 'cancelled');
  if (failing.length === 0) {
    if (run.failure === undefined) return [];
    return [{ ...splitFailure(run.failure), mend: findMend(run.failure, undefined, detail, names, urls) }];
  }
  return failing.slice(0, TROUBLES_SHOWN).flatMap((part) =>
    part.failure === undefined
      ? []
      : [
          {
            ...(parts.length > 1 ? { subject: nameOf(names.sources, part.source, 'source') } : {}),
            ...splitFailure(part.failure),
            mend: findMend(part.failure, part, detail, names, urls),
          },
        ],
  );
}

/** What a run that holds no slot now waits for: its next attempt, or others who hold its repository. */
export type AwaitedThing = 'attempt' | 'repository';

/** Undefined of a run that does something, or has ended. `now` in epoch milliseconds. */
export function findAwaited(
  { run, attempts, stages }: Pick<RunDetail, 'run' | 'attempts' | 'stages'>,
  now: number,
): AwaitedThing | undefined {
  const last = attempts.at(-1);
  if (run.state !== 'running' || last === undefined || stages.some(({ endedAt }) => endedAt === undefined)) return undefined;
  const isLocked = last.failure.reason === ('repository_locked' satisfies Reason);
  if (last.retryAt > now) return isLocked ? 'repository' : 'attempt';
  // From then on the host looks at the repository each minute without a word, until an attempt begins.
  const hasBegun = stages.some(({ stage, startedAt }) => stage !== 'after' && startedAt >= last.failedAt);
  return isLocked && !hasBegun ? 'repository' : undefined;
}

/** Attempts that were followed by another one. */
export function listAttemptLines({ attempts, parts }: RunDetail, names: Names): readonly AttemptLine[] {
  return attempts.map(({ attempt, failedAt, failure, retryAt, sources = [] }) => {
    const { what, why } = splitFailure(failure);
    // Where there is one source it is no question which is tried again.
    const again = parts.length > 1 ? sources.map((source) => nameOf(names.sources, source, 'source')) : [];
    return {
      attempt,
      failedAt,
      retryAt,
      what: shortenSentence(what, 200),
      why: failure.reason === ('unknown_failure' satisfies Reason) ? undefined : why,
      again: again.slice(0, AGAIN_NAMED),
      more: Math.max(0, again.length - AGAIN_NAMED),
    };
  });
}

export function listPartLines(detail: RunDetail, names: Names, urls: Urls): readonly PartLine[] {
  return detail.parts.map((part) => {
    const snapshot = detail.snapshots.find((one) => one.source === part.source && one.role === 'data');
    return {
      id: part.source,
      source: nameOf(names.sources, part.source, 'source'),
      ...(names.sources.has(part.source) ? { sourceHref: urls.source({ source: part.source }) } : {}),
      state: part.state,
      bytes: part.bytes > 0 ? part.bytes : undefined,
      durationMs: part.durationMs,
      ...(snapshot === undefined
        ? {}
        : { snapshot: { label: snapshot.engineId.slice(0, 8), href: urls.snapshot({ snapshot: snapshot.id }) } }),
      problem: part.failure === undefined ? undefined : shortenSentence(splitFailure(part.failure).what, 200),
    };
  });
}

export function toEvidenceLine(evidence: Evidence): EvidenceLine {
  const words = CHECKS[evidence.check];
  return { ok: evidence.ok, title: evidence.ok ? words.held : words.not, seen: evidence.seen };
}

/** The run's own evidence; where it has none, what was seen of its snapshots. */
export function listEvidence(detail: RunDetail): readonly EvidenceLine[] {
  const own = detail.run.evidence;
  return (own.length > 0 ? own : detail.snapshots.flatMap((snapshot) => snapshot.evidence)).map(toEvidenceLine);
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

/** What the bytes of a run are, where they are not what it read. */
const BYTES_OF: Readonly<Partial<Record<RunKind, string>>> = { restore: 'written', prune: 'freed' };

export function listFigures(detail: RunDetail): readonly RunFact[] {
  const { run } = detail;
  const snapshots = detail.snapshots.filter(({ copyOf }) => copyOf === undefined);
  const durationMs = findDurationMs(run);
  const rate =
    run.bytes > 0 && run.kind !== 'prune' && durationMs !== undefined && durationMs > 0
      ? ` · ${formatRate((run.bytes * 1000) / durationMs)}`
      : '';
  const added = sum(snapshots.map((snapshot) => snapshot.addedBytes));
  const files = sum(snapshots.map((snapshot) => snapshot.files));
  const size = sum(snapshots.filter((snapshot) => snapshot.role === 'data').map((snapshot) => snapshot.sizeBytes));
  return [
    ...(run.bytes > 0 ? [{ label: BYTES_OF[run.kind] ?? 'read', value: `${formatBytes(run.bytes)}${rate}` }] : []),
    ...(added === undefined ? [] : [{ label: 'added to the repository', value: formatBytes(added) }]),
    ...(size === undefined ? [] : [{ label: 'a restore gives back', value: formatBytes(size) }]),
    ...(files === undefined || files === 0 ? [] : [{ label: 'files', value: formatCount(files) }]),
  ];
}

/** Chosen paths that the page names; the rest are counted. */
const PATHS_NAMED = 5;

function describeFileTarget(target: Exclude<RestoreTarget, { kind: 'database' }>): RunFact[] {
  const paths = target.kind === 'archive' || target.kind === 'file' ? [target.from] : (target.paths ?? []);
  const named = paths.slice(0, PATHS_NAMED).map((path) => ({ label: 'chosen', value: showStoredText(path) }));
  const more = paths.length - named.length;
  const place: RunFact =
    target.kind === 'in_place'
      ? { label: 'target', value: 'in place: what stands there is replaced' }
      : { label: target.kind === 'directory' ? 'target directory' : 'target file', value: target.path };
  return [place, ...named, ...(more > 0 ? [{ label: 'chosen', value: `and ${formatNoun(more, 'more path')}` }] : [])];
}

/** The run of the safety backup that a restore made, by the evidence that names it. */
function findSafetyRun({ run }: RunDetail): RunId | undefined {
  const seen = run.evidence.find(({ check }) => check === 'safety_backup')?.seen;
  const parsed = idSchema('run').safeParse(/run_[0-9a-z]+/u.exec(seen ?? '')?.[0]);
  return parsed.success ? parsed.data : undefined;
}

/** A dump file of the host, in place of a snapshot. */
function describeFrom({ path, sizeBytes, modifiedAt }: ChosenDump, host: string): RunFact[] {
  return [
    { label: 'from file', value: `${showStoredText(path)} on ${host}` },
    { label: 'as it was', value: `${formatBytes(sizeBytes)}, last changed ${formatStamp(modifiedAt, 'UTC')}` },
  ];
}

function describeTarget(detail: RunDetail, names: Names, urls: Urls): RunFact[] {
  const { target } = detail.run;
  if (target === undefined) return [];
  const run = findSafetyRun(detail);
  const safety = run === undefined ? [] : [{ label: 'safety backup', value: 'open', href: urls.run({ run }) }];
  if (target.kind !== 'database') return [...describeFileTarget(target), ...safety];
  const tables = target.tables ?? [];
  const { from } = target;
  return [
    ...(from === undefined ? [] : describeFrom(from, nameOf(names.hosts, detail.run.host, 'host'))),
    { label: 'target database', value: target.database },
    { label: 'on the server of', value: nameOf(names.sources, target.source, 'source') },
    ...(target.mode === undefined ? [] : [{ label: 'way', value: MODE_WORDS[target.mode].label }]),
    ...(tables.length === 0 ? [] : [{ label: 'tables', value: formatNoun(tables.length, 'chosen table') }]),
    ...safety,
  ];
}

/** Hosts that made what the run is about, where it is carried out by another one. */
const MAKERS_NAMED = 3;

function listMakers({ run, named }: RunDetail, names: Names, urls: Urls): RunFact[] {
  const makers = [...new Set(named.map(({ host }) => host))];
  if (makers.every((host) => host === run.host)) return [];
  const shown = makers.slice(0, MAKERS_NAMED).map((host) => ({
    label: named.length === 1 ? 'snapshot made by' : 'snapshots made by',
    value: nameOf(names.hosts, host, 'host'),
    ...(names.hosts.has(host) ? { href: urls.host({ host }) } : {}),
  }));
  const more = makers.length - shown.length;
  return [...shown, ...(more > 0 ? [{ label: 'snapshots made by', value: `${formatNoun(more, 'more host')}` }] : [])];
}

export function listPlaces(detail: RunDetail, names: Names, urls: Urls): readonly RunFact[] {
  const { run, snapshots } = detail;
  const link = <T extends string>(map: ReadonlyMap<T, unknown>, id: T, href: string) => (map.has(id) ? { href } : {});
  const made = snapshots.filter((snapshot) => snapshot.role === 'data');
  const [only] = made;
  return [
    {
      label: 'host',
      value: nameOf(names.hosts, run.host, 'host'),
      ...link(names.hosts, run.host, urls.host({ host: run.host })),
    },
    ...(run.plan === undefined
      ? []
      : [
          {
            label: 'plan',
            value: nameOf(names.plans, run.plan, 'plan'),
            ...link(names.plans, run.plan, urls.plan({ plan: run.plan })),
          },
        ]),
    {
      // Nothing is read from it where a file comes back.
      label: findRestoredFile(run) ? 'repository of safety backups' : 'repository',
      value: nameOf(names.repositories, run.repository, 'repository'),
      ...link(names.repositories, run.repository, urls.repository({ repository: run.repository })),
    },
    ...listMakers(detail, names, urls),
    ...describeTarget(detail, names, urls),
    ...listTerms(run.options),
    ...(made.length === 1 && only !== undefined
      ? [{ label: 'snapshot', value: only.engineId.slice(0, 8), href: urls.snapshot({ snapshot: only.id }) }]
      : made.length > 1
        ? [{ label: 'snapshots', value: formatCount(made.length), href: urls.snapshots({ run: run.id }) }]
        : []),
    ...(run.snapshot === undefined
      ? []
      : [{ label: 'from snapshot', value: 'open', href: urls.snapshot({ snapshot: run.snapshot }) }]),
    // What else the same request ordered, and what the log says of it.
    ...(run.request === undefined ? [] : [{ label: 'request', value: run.request, href: urls.runs({ q: run.request }) }]),
  ];
}
