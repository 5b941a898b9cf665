/** The snapshots of a run with what they stand for, and why one is not offered for restore. Pure. */
import { isTerminal, type RunKind } from '@holdfast/shared/domain/run.ts';
import type { RunDetail } from '../../../core/runs/runs.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import { formatBytes } from '../../ui/quantity.ts';
import type { Urls } from '../../urls.ts';
import type { StoredLine } from './run.view.ts';
import { type Names, nameOf } from './run-names.ts';
import { shortenSentence, splitFailure } from './run-words.ts';

const REASON_CHARS = 200;
const LINES = 20;
/** Kinds that make snapshots of what they read. */
const MAKERS: ReadonlySet<RunKind> = new Set<RunKind>(['backup', 'copy']);

type QuarantineFacts = Pick<RunDetail, 'run' | 'parts' | 'attempts'>;

/** Why nobody vouches for a snapshot of this run, as a sentence; undefined when the run does not tell. */
export function describeQuarantine(
  { source, createdAt }: Pick<Snapshot, 'source' | 'createdAt'>,
  { run, parts, attempts }: QuarantineFacts,
): string | undefined {
  const cut = attempts.find(({ failedAt }) => createdAt <= failedAt);
  if (cut !== undefined)
    return `Attempt ${cut.attempt} stored it and did not end clean: ${shortenSentence(splitFailure(cut.failure).what, REASON_CHARS)}.`;
  if (!isTerminal(run.state)) return 'Its run still goes on: until that ends clean, nobody vouches for it.';
  const failure = parts.find((part) => part.source === source)?.failure ?? run.failure;
  if (failure === undefined) return undefined;
  return `Its run did not end clean: ${shortenSentence(splitFailure(failure).what, REASON_CHARS)}.`;
}

function describeStored(snapshot: Snapshot, detail: RunDetail): string {
  const size = formatBytes(snapshot.sizeBytes);
  if (snapshot.state !== 'quarantined') return size;
  return `${size} · not offered for restore. ${describeQuarantine(snapshot, detail) ?? 'No clean run vouches for it.'}`;
}

/** All of a run of one source; of several, whose table names the good ones, only those that are something else. */
export function listStoredLines(detail: RunDetail, names: Names, urls: Urls): readonly StoredLine[] {
  const { run, parts, snapshots } = detail;
  if (!MAKERS.has(run.kind)) return [];
  const isAlone = parts.length <= 1;
  return snapshots
    .filter(({ state }) => isAlone || state !== 'good')
    .slice(0, LINES)
    .map((snapshot) => ({
      id: snapshot.id,
      state: snapshot.state,
      label: snapshot.engineId.slice(0, 8),
      href: urls.snapshot({ snapshot: snapshot.id }),
      of: [
        ...(isAlone ? [] : [nameOf(names.sources, snapshot.source, 'source')]),
        ...(snapshot.role === 'globals' ? ['roles of the database server'] : []),
      ].join(', '),
      words: describeStored(snapshot, detail),
    }));
}
