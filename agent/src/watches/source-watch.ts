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
import { createSourceLooks, type Outcome, type Watched } from './source-looks.ts';

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

function listWatchable(spec: Spec | undefined): readonly SpecSource[] {
  if (spec === undefined) return [];
  const planned = new Set(spec.plans.filter(({ enabled }) => enabled).flatMap(({ sourceIds }) => sourceIds));
  return spec.sources.filter(({ id }) => planned.has(id));
}

export function createSourceWatch({ workbench, spec, listBusySources, report, random }: SourceWatchPorts): SourceWatch {
  const { clock, log } = workbench;
  const looks = createSourceLooks({ clock, report, random });
  /** Tools end in time; a path on a file system that hangs may not, and must not keep the databases from being seen. */
  const lanes = { tools: false, paths: false };
  const stopping = new AbortController();

  async function probe(source: PreparedSource): Promise<Outcome> {
    try {
      await probeSource(workbench, workbench.exec, source, { signal: stopping.signal });
      return {};
    } catch (thrown) {
      const error = toAppError(thrown);
      if (stopping.signal.aborted || error.code === 'internal' || HOST_REASONS.has(findReason(error) ?? '')) return undefined;
      return { text: source.redact(error.message).slice(0, SOURCE_HEALTH.textChars) };
    }
  }

  /** Ends with the look itself; while it does not answer in time, that counts as one failed look after the other. */
  async function lookAt(source: SpecSource, entry: Watched): Promise<void> {
    const startedAt = clock.monotonicMs();
    const noteSilence = () => {
      looks.note(entry, source, startedAt, { text: `no answer within ${SOURCE_HEALTH.lookMs / 1000} s` });
      looks.tell();
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
      looks.note(entry, source, startedAt, outcome);
    }
  }

  async function walk(lane: keyof typeof lanes, due: readonly SpecSource[]): Promise<void> {
    if (lanes[lane]) return;
    lanes[lane] = true;
    try {
      for (const source of due) {
        const entry = looks.find(source.id);
        if (stopping.signal.aborted || entry === undefined || listBusySources().has(source.id)) continue;
        await lookAt(source, entry);
        looks.tell();
      }
    } catch (error) {
      log.warn({ err: error }, 'a source could not be looked at');
    } finally {
      lanes[lane] = false;
    }
  }

  return {
    async tick() {
      if (stopping.signal.aborted) return;
      const sources = listWatchable(spec());
      looks.keepUp(sources);
      const due = looks.listDue(sources);
      looks.tell();
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
