/** What is wrong with the backups of one source. Pure. */
import type { HostId, PlanId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { AlertSign, NewestDrill, RecentPart, Thing } from '../../store/alerts.ts';
import type { DrillSettings } from '../../store/drills.ts';
import type { SourceHealth } from '../../store/health.ts';
import type { ProofTrouble } from '../drills/proof-trouble.ts';
import type { HostSituation } from '../protection/protection-facts.ts';
import { judgeFailureCause } from './conditions.ts';
import { shortenText } from './text.ts';

export interface SourceFacts {
  now: number;
  source: SourceId;
  name: string;
  host: { id: HostId; name: string; standing: HostSituation['standing'] };
  enabled: boolean;
  /** Its plans that are switched on. */
  plans: readonly PlanId[];
  /** Of all plans, newest first. */
  recent: readonly RecentPart[];
  lastGoodAt?: number | undefined;
  suspicion?: 'shrunk' | 'grown' | undefined;
  /** Why it is overdue; undefined when it is not. */
  overdue?: string | undefined;
  /** What its host saw at its regular looks; undefined before the first. */
  health?: Pick<SourceHealth, 'state' | 'since' | 'failure'> | undefined;
  /** What drills say against it. */
  proofTrouble?: ProofTrouble | undefined;
  /** The newest that ended, and one that is due and could not be started. */
  newestDrill?: Pick<NewestDrill, 'run' | 'hasVerdict' | 'failure' | 'at'> | undefined;
  missedDrill?: DrillSettings['missed'] | undefined;
  /** What stood there before this look. */
  before: readonly AlertSign[];
}

/** One that is due may wait so long, as maintenance may. */
const DRILL_WAITS_MS = 2 * DAY_MS;

/** Runs that say nothing of the next one. */
const SILENT_STATES: ReadonlySet<string> = new Set(['cancelled', 'skipped']);

function findThing(facts: SourceFacts, part: RecentPart): { condition: AlertSign['condition']; thing: Thing } {
  const { condition, at } = judgeFailureCause(part.failure?.reason);
  if (at === 'repository') return { condition, thing: { kind: 'repository', id: part.repository } };
  if (at === 'host') return { condition, thing: { kind: 'host', id: part.host } };
  return { condition, thing: { kind: 'source', id: facts.source } };
}

function createSign(facts: SourceFacts, sign: Omit<AlertSign, 'scope' | 'scopeId' | 'name' | 'lastGoodAt'>): AlertSign {
  const { source, host, name, lastGoodAt } = facts;
  return { scope: 'source', scopeId: source, name: `${host.name} / ${name}`, lastGoodAt, ...sign };
}

/** What the newest runs of one plan say; what stood there stays while they say nothing. */
function judgePlan(facts: SourceFacts, plan: PlanId, failuresInARow: number): readonly AlertSign[] {
  const subject = `${facts.source} ${plan}`;
  const before = facts.before.filter((sign) => sign.subject === subject);
  const ended = facts.recent.filter((part) => part.plan === plan && !SILENT_STATES.has(part.state));
  const [newest] = ended;
  if (newest === undefined) return before;
  const clean = ended.findIndex((part) => part.state === 'succeeded');
  const streak = clean < 0 ? ended : ended.slice(0, clean);
  const oldest = streak.at(-1);
  if (oldest === undefined || (streak.length < failuresInARow && before.length === 0)) return [];
  const isFailed = newest.state === 'failed';
  const { condition, thing } = isFailed
    ? findThing(facts, newest)
    : { condition: 'backup.partial' as const, thing: { kind: 'source' as const, id: facts.source } };
  const since = Math.min(oldest.endedAt, ...before.map((sign) => sign.since));
  const text = newest.failure === undefined ? 'some of it could not be read' : shortenText(newest.failure.message);
  return [createSign(facts, { subject, condition, thing, text, since, run: newest.run })];
}

/** A source that is late for a cause it shares with others is late together with them. */
function judgeOverdue(facts: SourceFacts, failing: readonly AlertSign[]): readonly AlertSign[] {
  if (facts.overdue === undefined) return [];
  const shared = failing.find(({ thing }) => thing.kind !== 'source');
  const thing = shared?.thing ?? { kind: 'source' as const, id: facts.source };
  const since = facts.before.find((sign) => sign.condition === 'backup.overdue')?.since ?? facts.lastGoodAt ?? 0;
  const run = failing.find((sign) => sign.run !== undefined)?.run;
  return [createSign(facts, { subject: facts.source, condition: 'backup.overdue', thing, text: facts.overdue, since, run })];
}

function judgeSize(facts: SourceFacts): readonly AlertSign[] {
  const newest = facts.recent.find((part) => !SILENT_STATES.has(part.state));
  if (facts.suspicion === undefined || newest?.state !== 'succeeded') return [];
  const text = `it is far ${facts.suspicion === 'shrunk' ? 'smaller' : 'larger'} than those before it; nothing is removed by retention until that is explained`;
  const thing = { kind: 'source' as const, id: facts.source };
  const since = facts.lastGoodAt ?? newest.endedAt;
  return [createSign(facts, { subject: facts.source, condition: 'backup.suspicious', thing, text, since, run: newest.run })];
}

/** A drill that failed, and a proof that is too old. Without any proof it counts from the first look. */
function judgeProof(facts: SourceFacts): readonly AlertSign[] {
  const { proofTrouble: trouble, source } = facts;
  if (trouble === undefined) return [];
  const thing = { kind: 'source' as const, id: source };
  const { condition, text } = describeProofTrouble(trouble);
  const since = trouble.at ?? facts.before.find((sign) => sign.condition === condition)?.since ?? facts.now;
  return [createSign(facts, { subject: source, condition, thing, text, since })];
}

function describeProofTrouble(trouble: ProofTrouble): { condition: 'drill.failed' | 'proof.overdue'; text: string } {
  if (trouble.kind === 'disproven')
    return { condition: 'drill.failed', text: 'the last drill restored it and did not find what was stored' };
  const wanted = `a proof of recovery is wanted every ${trouble.withinDays} days`;
  return {
    condition: 'proof.overdue',
    text: trouble.at === undefined ? `${wanted}, and there is none` : `${wanted}, and the newest is older`,
  };
}

/** A drill that came to no verdict says nothing of the backup, and one that cannot begin nothing either: both are said, and nothing is proven by them. */
function judgeDrills(facts: SourceFacts): readonly AlertSign[] {
  const { newestDrill: newest, missedDrill: missed, source, host } = facts;
  const thing = { kind: 'source' as const, id: source };
  const signs: AlertSign[] = [];
  if (newest !== undefined && !newest.hasVerdict) {
    const { at: since, run, failure } = newest;
    const text = failure === undefined ? 'it ended without a verdict' : shortenText(failure.message);
    signs.push(createSign(facts, { subject: source, condition: 'drill.unfinished', thing, text, since, run }));
  }
  // Of a host that is away everything waits: its silence is said of the host.
  if (missed !== undefined && facts.now - missed.since > DRILL_WAITS_MS && host.standing !== 'offline') {
    const text = `one is due since ${new Date(missed.since).toISOString().slice(0, 10)}: ${shortenText(missed.why)}`;
    signs.push(createSign(facts, { subject: source, condition: 'drill.overdue', thing, text, since: missed.since }));
  }
  return signs;
}

/** An outage is one until the source has answered again; how its host is has a sign of its own. */
function judgeHealth(facts: SourceFacts): readonly AlertSign[] {
  const { health, source, plans } = facts;
  if (health?.state !== 'offline' || plans.length === 0) return [];
  const text = health.failure === undefined ? 'it does not answer' : shortenText(health.failure);
  const thing = { kind: 'source' as const, id: source };
  return [createSign(facts, { subject: source, condition: 'source.offline', thing, text, since: health.since })];
}

/** All signs of a source; none while it is switched off, in no plan that is on, or on a host that is out. */
export function judgeSource(facts: SourceFacts, failuresInARow: (plan: PlanId) => number): readonly AlertSign[] {
  const { standing } = facts.host;
  if (!facts.enabled || standing === 'revoked' || standing === 'quarantined') return [];
  const failing = facts.plans.flatMap((plan) => judgePlan(facts, plan, failuresInARow(plan)));
  const size = facts.plans.length === 0 ? [] : judgeSize(facts);
  return [
    ...failing,
    ...size,
    ...judgeOverdue(facts, failing),
    ...judgeProof(facts),
    ...judgeDrills(facts),
    ...judgeHealth(facts),
  ];
}
