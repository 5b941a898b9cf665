/**
 * Looks at the sources of this host regularly, so that a database that is away is known before its next backup. Looks go on without the
 * server; what is kept for it is the newest look of each source and nothing else.
 */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { SourceLook } from '@holdfast/shared/protocol/source-looks.ts';
import { probeSource } from '../runs/backup/probe.ts';
import { type PreparedSource, prepareSource, withWorkDir } from '../runs/inputs.ts';
import type { Workbench } from '../runs/workbench.ts';

export interface SourceWatch {
  /** Looks at what is due and tells what is news; to be called often. Resolves when the looks that it began have ended. */
  tick(): Promise<void>;
  /** Ends what goes on; nothing begins any more. */
  stop(): void;
}

export interface SourceWatchPorts {
  workbench: Workbench;
  spec(): Spec | undefined;
  /** Sources that a run reads or waits for: the run itself tells how they are. */
  listBusySources(): ReadonlySet<SourceId>;
  /** False where there is no line to the server. */
  report(looks: readonly SourceLook[]): boolean;
  /** 0 ≤ x < 1. */
  random(): number;
}

/** Causes that say something of this host, and nothing of the source. */
const HOST_REASONS: ReadonlySet<string> = new Set(['tool_missing', 'tool_outdated', 'secrets_missing', 'secrets_unreadable']);

interface Watched {
  version: number;
  /** On the monotonic clock, like `toldAt`. */
  dueAt: number;
  failures: number;
  newest?: SourceLook | undefined;
  told?: SourceLook | undefined;
  toldAt: number;
}

/** What people are told of a failed look; undefined where nothing is known of the source. */
type Outcome = { text?: string | undefined } | undefined;

function listWatchable(spec: Spec | undefined): readonly SpecSource[] {
  if (spec === undefined) return [];
  const planned = new Set(spec.plans.filter(({ enabled }) => enabled).flatMap(({ sourceIds }) => sourceIds));
  return spec.sources.filter(({ id }) => planned.has(id));
}

export function createSourceWatch({ workbench, spec, listBusySources, report, random }: SourceWatchPorts): SourceWatch {
  const { clock, log } = workbench;
  const watched = new Map<SourceId, Watched>();
  /** Tools end in time; a path on a file system that hangs may not, and must not keep the databases from being seen. */
  const lanes = { tools: false, paths: false };
  const stopping = new AbortController();

  /** Those of the spec and no others; a source that was changed is looked at soon. */
  function keepUp(sources: readonly SpecSource[]): void {
    const there = new Set(sources.map(({ id }) => id));
    for (const id of watched.keys()) if (!there.has(id)) watched.delete(id);
    for (const { id, version } of sources) {
      if (watched.get(id)?.version === version) continue;
      const dueAt = clock.monotonicMs() + random() * SOURCE_HEALTH.firstMs;
      watched.set(id, { version, dueAt, failures: 0, toldAt: 0 });
    }
  }

  async function probe(source: PreparedSource): Promise<Outcome> {
    try {
      await probeSource(workbench, workbench.exec, source, stopping.signal);
      return {};
    } catch (thrown) {
      const error = toAppError(thrown);
      if (stopping.signal.aborted || error.code === 'internal' || HOST_REASONS.has(findReason(error) ?? '')) return undefined;
      return { text: source.redact(error.message).slice(0, SOURCE_HEALTH.textChars) };
    }
  }

  function note(entry: Watched, source: SpecSource, startedAt: number, outcome: Outcome): void {
    const now = clock.monotonicMs();
    const wait = outcome?.text === undefined ? SOURCE_HEALTH.everyMs : SOURCE_HEALTH.againMs;
    entry.dueAt = now + wait * (0.9 + 0.2 * random());
    if (outcome === undefined) return;
    const { text } = outcome;
    entry.failures = text === undefined ? 0 : Math.min(entry.failures + 1, SOURCE_HEALTH.offlineFrom);
    entry.newest = {
      source: source.id,
      at: clock.now(),
      failures: entry.failures,
      latencyMs: Math.max(0, Math.round(now - startedAt)),
      ...(text === undefined ? {} : { text }),
    };
  }

  /** Ends with the look itself; while it does not answer in time, that counts as one failed look after the other. */
  async function lookAt(source: SpecSource, entry: Watched): Promise<void> {
    const startedAt = clock.monotonicMs();
    const noteSilence = () => {
      note(entry, source, startedAt, { text: `no answer within ${SOURCE_HEALTH.lookMs / 1000} s` });
      tell();
      stopTimer = workbench.setTimer(SOURCE_HEALTH.againMs, noteSilence);
    };
    let stopTimer = workbench.setTimer(SOURCE_HEALTH.lookMs, noteSilence);
    let outcome: Outcome;
    try {
      outcome = await withWorkDir(workbench, async (workDir) => {
        let prepared: PreparedSource;
        try {
          prepared = prepareSource(workbench, source, workDir);
        } catch {
          // Secrets that are not here, or a kind of a newer server: the run that needs them says so.
          return undefined;
        }
        return probe(prepared);
      });
    } finally {
      stopTimer();
      note(entry, source, startedAt, outcome);
    }
  }

  async function walk(lane: keyof typeof lanes, due: readonly SpecSource[]): Promise<void> {
    if (lanes[lane]) return;
    lanes[lane] = true;
    try {
      for (const source of due) {
        const entry = watched.get(source.id);
        if (stopping.signal.aborted || entry === undefined || listBusySources().has(source.id)) continue;
        await lookAt(source, entry);
        tell();
      }
    } catch (error) {
      log.warn({ err: error }, 'a source could not be looked at');
    } finally {
      lanes[lane] = false;
    }
  }

  function isNews({ newest, told, toldAt }: Watched): boolean {
    if (newest === undefined || newest === told) return false;
    return newest.failures !== told?.failures || clock.monotonicMs() - toldAt >= SOURCE_HEALTH.tellMs;
  }

  function tell(): void {
    const news = [...watched.values()].filter(isNews);
    for (let at = 0; at < news.length; at += SOURCE_HEALTH.looksPerFrame) {
      const some = news.slice(at, at + SOURCE_HEALTH.looksPerFrame);
      if (!report(some.flatMap(({ newest }) => newest ?? []))) return;
      for (const entry of some) {
        entry.told = entry.newest;
        entry.toldAt = clock.monotonicMs();
      }
    }
  }

  return {
    async tick() {
      if (stopping.signal.aborted) return;
      const sources = listWatchable(spec());
      keepUp(sources);
      const now = clock.monotonicMs();
      const due = sources.filter(({ id }) => (watched.get(id)?.dueAt ?? now) <= now);
      tell();
      await Promise.all([
        walk(
          'tools',
          due.filter(({ kind }) => kind !== 'files'),
        ),
        walk(
          'paths',
          due.filter(({ kind }) => kind === 'files'),
        ),
      ]);
    },
    stop: () => stopping.abort(),
  };
}
