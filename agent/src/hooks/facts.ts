/** What a hook is told, as its environment. Pure. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';

/** How a run stood when it ended; `interrupted` where the agent or the host died under it. */
export type HookState = 'succeeded' | 'partial' | 'failed' | 'cancelled' | 'interrupted';

/** Before anything of the run is read, or after everything, whatever became of it. */
export type HookMoment = { phase: 'before' } | { phase: 'after'; state: HookState };

export interface HookFacts {
  run: RunId;
  /** Names that people gave; hostile text. */
  plan: string;
  host: string;
  sources: readonly string[];
}

/** The kernel takes no single variable above 128 KiB. */
const SOURCES_BYTES = 64 * 1024;

/** Names are one line each by schema; a list that trusts in that would be broken by one that is not. */
function flatten(name: string): string {
  return name.replaceAll(/[\u0000-\u001f\u007f]/g, ' ');
}

/** Names one a line, as many as fit. */
function listNames(names: readonly string[]): string {
  const lines: string[] = [];
  let bytes = 0;
  for (const name of names.map(flatten)) {
    bytes += Buffer.byteLength(name) + 1;
    if (bytes > SOURCES_BYTES) break;
    lines.push(name);
  }
  return lines.join('\n');
}

export function createHookEnvironment(facts: HookFacts, moment: HookMoment): Record<string, string> {
  return {
    HOLDFAST_RUN: facts.run,
    HOLDFAST_PLAN: flatten(facts.plan),
    HOLDFAST_HOST: flatten(facts.host),
    HOLDFAST_PHASE: moment.phase,
    ...(moment.phase === 'after' ? { HOLDFAST_STATE: moment.state } : {}),
    HOLDFAST_SOURCES: listNames(facts.sources),
    HOLDFAST_SOURCE_COUNT: String(facts.sources.length),
  };
}
