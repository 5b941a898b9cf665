/** The newest look of each source, when it is due again, and what the server was told of it. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SpecSource } from '@holdfast/shared/domain/plan.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { SourceLook } from '@holdfast/shared/protocol/source-looks.ts';

export interface Watched {
  version: number;
  /** On the monotonic clock, like `toldAt`. */
  dueAt: number;
  failures: number;
  newest?: SourceLook | undefined;
  told?: SourceLook | undefined;
  toldAt: number;
}

/** What people are told of a failed look; undefined where nothing is known of the source. */
export type Outcome = { text?: string | undefined } | undefined;

export interface SourceLooks {
  /** Those of the spec and no others; a source that was changed is looked at soon. */
  keepUp(sources: readonly SpecSource[]): void;
  listDue(sources: readonly SpecSource[]): readonly SpecSource[];
  find(source: SourceId): Watched | undefined;
  /** A look that began at `startedAt`, on the monotonic clock, came to this, or did not end yet. */
  note(entry: Watched, source: SpecSource, startedAt: number, outcome: Outcome): void;
  /** Tells the server what is news; where there is no line, it stays so. */
  tell(): void;
}

export interface SourceLooksPorts {
  clock: Pick<Clock, 'now' | 'monotonicMs'>;
  /** False where there is no line to the server. */
  report(looks: readonly SourceLook[]): boolean;
  /** 0 ≤ x < 1. */
  random(): number;
}

export function createSourceLooks({ clock, report, random }: SourceLooksPorts): SourceLooks {
  const watched = new Map<SourceId, Watched>();

  function isNews({ newest, told, toldAt }: Watched): boolean {
    if (newest === undefined || newest === told) return false;
    return newest.failures !== told?.failures || clock.monotonicMs() - toldAt >= SOURCE_HEALTH.tellMs;
  }

  return {
    keepUp(sources) {
      const there = new Set(sources.map(({ id }) => id));
      for (const id of watched.keys()) if (!there.has(id)) watched.delete(id);
      for (const { id, version } of sources) {
        if (watched.get(id)?.version === version) continue;
        const dueAt = clock.monotonicMs() + random() * SOURCE_HEALTH.firstMs;
        watched.set(id, { version, dueAt, failures: 0, toldAt: 0 });
      }
    },
    listDue(sources) {
      const now = clock.monotonicMs();
      return sources.filter(({ id }) => (watched.get(id)?.dueAt ?? now) <= now);
    },
    find: (source) => watched.get(source),
    note(entry, source, startedAt, outcome) {
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
    },
    tell() {
      const news = [...watched.values()].filter(isNews);
      for (let at = 0; at < news.length; at += SOURCE_HEALTH.looksPerFrame) {
        const some = news.slice(at, at + SOURCE_HEALTH.looksPerFrame);
        if (!report(some.flatMap(({ newest }) => newest ?? []))) return;
        for (const entry of some) {
          entry.told = entry.newest;
          entry.toldAt = clock.monotonicMs();
        }
      }
    },
  };
}
