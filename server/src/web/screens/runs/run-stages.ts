/** The stages of a run as one bar: parts are summed up, what never came is said. Pure. */
import { isTerminal, type RunKind, type Stage } from '@holdfast/shared/domain/run.ts';
import type { Run, RunStage } from '../../../store/runs.ts';
import type { StageState, StageView } from '../../ui/stages.ts';

type Step = { readonly name: string; readonly stages: readonly Stage[] };

const STEPS: Readonly<Record<RunKind, readonly Step[]>> = {
  backup: [
    { name: 'Script before', stages: ['before'] },
    { name: 'Pre-flight', stages: ['preflight'] },
    // A dump flows into its store: both move at once and are one step.
    { name: 'Dump and store', stages: ['dump'] },
    { name: 'Store', stages: ['store'] },
    { name: 'Evidence', stages: ['evidence'] },
    { name: 'Script after', stages: ['after'] },
  ],
  restore: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Read', stages: ['read'] },
    { name: 'Restore', stages: ['restore'] },
    { name: 'Evidence', stages: ['evidence'] },
    { name: 'Safety backup', stages: ['safety'] },
    { name: 'Swap', stages: ['swap'] },
  ],
  forget: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Remove', stages: ['forget'] },
  ],
  check: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Check', stages: ['check'] },
    { name: 'Measure', stages: ['measure'] },
  ],
  drill: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Restore', stages: ['restore'] },
    { name: 'Evidence', stages: ['evidence'] },
  ],
  verify: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Read', stages: ['read'] },
  ],
  delete_snapshot: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Remove', stages: ['forget'] },
  ],
  copy: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Copy', stages: ['copy'] },
  ],
  unlock: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Unlock', stages: ['unlock'] },
  ],
  prune: [
    { name: 'Pre-flight', stages: ['preflight'] },
    { name: 'Prune', stages: ['prune'] },
    { name: 'Measure', stages: ['measure'] },
  ],
};

/** Databases are dumped and stored, trees only stored: a run shows the step it has; before either came, the store is to come. */
function listSteps(kind: RunKind, stages: readonly RunStage[]): readonly Step[] {
  const has = (stage: Stage) => stages.some((row) => row.stage === stage);
  return STEPS[kind].filter((step) => {
    // Scripts are there only where a plan names them.
    if (step.stages.includes('dump') || step.stages.includes('before') || step.stages.includes('after'))
      return step.stages.some(has);
    // Only some ways of restoring have them.
    if (step.stages.includes('read') || step.stages.includes('safety') || step.stages.includes('swap'))
      return step.stages.some(has);
    if (step.stages.includes('store')) return has('store') || !has('dump');
    return true;
  });
}

/** Per source from its first beginning to its last end, added up over the sources. */
function measure(rows: readonly RunStage[], until: number): number {
  const spans = new Map<string, { from: number; to: number }>();
  for (const row of rows) {
    const key = row.source ?? '';
    const span = spans.get(key);
    const to = row.endedAt ?? until;
    spans.set(key, { from: Math.min(span?.from ?? row.startedAt, row.startedAt), to: Math.max(span?.to ?? to, to) });
  }
  return [...spans.values()].reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
}

function judge(run: Pick<Run, 'state'>, rows: readonly RunStage[]): StageState {
  const over = isTerminal(run.state);
  if (rows.length === 0) {
    if (!over) return 'pending';
    return run.state === 'succeeded' ? 'succeeded' : 'skipped';
  }
  const open = rows.some((row) => row.endedAt === undefined);
  if (open && !over) return 'running';
  const bad = rows.filter((row) => row.ok === false || row.endedAt === undefined);
  if (bad.length === 0) return 'succeeded';
  if (run.state === 'cancelled') return 'cancelled';
  return run.state === 'partial' || bad.length < rows.length ? 'partial' : 'failed';
}

/** What was going on when its host was last heard of: whether it still does, and for how long, nobody knows. */
export function hideProgress(stages: readonly StageView[]): readonly StageView[] {
  return stages.map((stage) => (stage.state === 'running' ? { ...stage, state: 'unknown', durationMs: undefined } : stage));
}

/** The steps of a run in order. `now` measures what still goes on. Empty when a run ended before it began. */
export function toStageViews(
  run: Pick<Run, 'kind' | 'state' | 'finishedAt'>,
  stages: readonly RunStage[],
  now: number,
): readonly StageView[] {
  const over = isTerminal(run.state);
  if (over && stages.length === 0) return [];
  return listSteps(run.kind, stages)
    .map((step) => ({ step, rows: stages.filter((row) => step.stages.includes(row.stage)) }))
    .filter(({ rows }) => rows.length > 0 || run.state !== 'succeeded')
    .map(({ step, rows }) => ({
      name: step.name,
      state: judge(run, rows),
      durationMs: rows.length === 0 ? undefined : measure(rows, over ? (run.finishedAt ?? now) : now),
    }));
}
