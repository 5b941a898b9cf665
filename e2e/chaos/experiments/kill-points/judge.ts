/** What the ledger, the agent's journal and the repository must say after a crash. Pure. */
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal, type RunState } from '@holdfast/shared/domain/run.ts';

/** A run as the server's ledger has it. */
export type LedgerRun = {
  readonly id: RunId;
  readonly plan: PlanId;
  readonly state: RunState;
  readonly createdAt: number;
  readonly fireAt: number | undefined;
  readonly reason: string | undefined;
  /** Numbers of the log lines the ledger has, in order, and how many there are by the run's end. */
  readonly lines: readonly number[];
  readonly logLines: number;
  readonly snapshots: readonly { readonly engineId: string; readonly state: string }[];
  /** Attempts that another one of the same run followed: each may have left a snapshot that nobody vouches for. */
  readonly attempts: number;
};

export type JournalRun = { readonly run: string; readonly isClosed: boolean };

/** One thing that should have become a run. */
export type Fire = { readonly plan: PlanId; readonly fireAt: number };

export type CrashFacts = {
  /** Runs whose order was answered. */
  readonly ordered: readonly RunId[];
  /** Orders whose answer never came: each is one run or none. */
  readonly uncertainOrders: number;
  /** Fires of the span that is judged, and the span itself: scheduled runs outside it are judged another time. */
  readonly fires: readonly Fire[];
  readonly firesWithin: readonly [after: number, through: number];
  readonly ledger: readonly LedgerRun[];
  readonly journal: readonly JournalRun[];
  /** Engine ids of the snapshots that lie in the repository. */
  readonly stored: ReadonlySet<string>;
  /** The host's agent was killed, so runs may have been interrupted. With the server alone away every run must succeed. */
  readonly wasAgentHit: boolean;
};

/** Runs by id, and what is wrong with the list itself. */
function indexLedger(ledger: readonly LedgerRun[]): { runs: ReadonlyMap<RunId, LedgerRun>; problems: string[] } {
  const runs = new Map<RunId, LedgerRun>();
  const problems: string[] = [];
  for (const run of ledger) {
    if (runs.has(run.id)) problems.push(`run ${run.id} stands in the ledger twice`);
    runs.set(run.id, run);
  }
  return { runs, problems };
}

function judgeOrders(facts: CrashFacts, runs: ReadonlyMap<RunId, LedgerRun>): string[] {
  const problems = facts.ordered.filter((id) => !runs.has(id)).map((id) => `the order of run ${id} was answered and is lost`);
  const manual = [...runs.values()].filter(({ fireAt }) => fireAt === undefined);
  const unasked = manual.filter(({ id }) => !facts.ordered.includes(id));
  if (unasked.length > facts.uncertainOrders)
    problems.push(`${unasked.length} runs nobody was told of, and only ${facts.uncertainOrders} orders without an answer`);
  return problems;
}

function judgeFires({ fires, firesWithin: [after, through] }: CrashFacts, runs: ReadonlyMap<RunId, LedgerRun>): string[] {
  const problems: string[] = [];
  const count = new Map<string, number>();
  for (const { plan, fireAt } of runs.values())
    if (fireAt !== undefined) count.set(`${plan} ${fireAt}`, (count.get(`${plan} ${fireAt}`) ?? 0) + 1);
  const due = new Set(fires.map(({ plan, fireAt }) => `${plan} ${fireAt}`));
  for (const fire of due) if ((count.get(fire) ?? 0) !== 1) problems.push(`fire ${fire} has ${count.get(fire) ?? 0} runs`);
  for (const { id, plan, fireAt } of runs.values())
    if (fireAt !== undefined && fireAt > after && fireAt <= through && !due.has(`${plan} ${fireAt}`))
      problems.push(`run ${id} is of a fire that was not due`);
  return problems;
}

function judgeRun(run: LedgerRun, { stored, wasAgentHit }: CrashFacts): string[] {
  const problems: string[] = [];
  const say = (text: string) => problems.push(`run ${run.id} (${run.state}) ${text}`);
  if (!isTerminal(run.state)) {
    say('never ended');
    return problems;
  }
  const good = run.snapshots.filter(({ state }) => state === 'good');
  // Its plan has it so: a fire that meets the run before it is skipped, and recorded.
  const isOverlap = run.state === 'skipped' && run.reason === 'overlap' && run.fireAt !== undefined;
  if (run.state === 'succeeded') {
    if (good.length !== 1) say(`has ${good.length} good snapshots instead of one`);
    for (const { engineId } of good) if (!stored.has(engineId)) say(`vouches for snapshot ${engineId}, which is not stored`);
  } else {
    if (good.length > 0) say('has a good snapshot');
    if (isOverlap) return problems;
    if (!wasAgentHit) say(`did not succeed although only the server was away: ${run.reason ?? 'no reason'}`);
    else if (run.reason !== 'interrupted') say(`failed for another cause than its interruption: ${run.reason ?? 'no reason'}`);
  }
  const isWhole = run.lines.length === run.logLines && run.lines.every((n, index) => n === index + 1);
  if (!isWhole) say(`has ${run.lines.length} of ${run.logLines} log lines, or not in their order`);
  return problems;
}

function judgeJournal({ journal }: CrashFacts, runs: ReadonlyMap<RunId, LedgerRun>): string[] {
  const known = new Map(journal.map((row) => [row.run, row]));
  const problems = journal.filter(({ isClosed }) => !isClosed).map(({ run }) => `run ${run} is still open in the journal`);
  for (const { id } of runs.values()) if (!known.has(id)) problems.push(`run ${id} is in the ledger and not in the journal`);
  return problems;
}

/** Everything that is lost, doubled or falsely green; empty when ledger, journal and repository agree. */
export function judgeCrash(facts: CrashFacts): string[] {
  const { runs, problems } = indexLedger(facts.ledger);
  return [
    ...problems,
    ...judgeOrders(facts, runs),
    ...judgeFires(facts, runs),
    ...[...runs.values()].flatMap((run) => judgeRun(run, facts)),
    ...judgeJournal(facts, runs),
  ];
}

/** A snapshot as restic lists it, with what lies below its source in one text: names, kinds, sizes, times, modes. */
export type StoredSnapshot = { readonly id: string; readonly tags: readonly string[]; readonly content: string };

/**
 * Compares what lies in the repository with the ledger: every good snapshot has the content of the one that was restored and hashed, and no
 * green run has two of them; what an attempt left that was cut off is no good one. `contents` names what each plan's source holds.
 */
export function judgeRepository(
  snapshots: readonly StoredSnapshot[],
  ledger: readonly LedgerRun[],
  contents: ReadonlyMap<PlanId, string>,
): string[] {
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  return ledger.flatMap((run) => {
    const problems: string[] = [];
    const tagged = snapshots.filter(({ tags }) => tags.some((tag) => tag.includes(run.id)));
    if (run.state === 'succeeded' && (tagged.length < 1 || tagged.length > 1 + run.attempts))
      problems.push(`run ${run.id} has ${tagged.length} snapshots in the repository`);
    for (const { engineId, state } of run.snapshots) {
      const content = byId.get(engineId)?.content;
      if (state === 'good' && (content === undefined || content !== contents.get(run.plan)))
        problems.push(`run ${run.id} is green and its snapshot ${engineId} holds something else than its source`);
    }
    return problems;
  });
}
