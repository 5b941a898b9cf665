/** The last 24 hours by host, with the fires to come. */
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { HOUR_MS } from '@holdfast/shared/durations.ts';
import { takeFront } from '@holdfast/shared/front.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { FleetLook } from '../../../core/fleet/look.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Run, RunFilter } from '../../../store/runs.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { Visit } from '../../http/route.ts';
import type { GanttBar, GanttRow } from '../../ui/charts.ts';
import { formatDuration } from '../../ui/quantity.ts';
import { viewOfRun } from '../../ui/status.ts';
import { formatMinute } from '../../ui/time.ts';
import { groupFires, listComingFires } from '../plans/coming-fires.ts';
import { findDurationMs } from '../runs/run-words.ts';

const BACK_MS = 24 * HOUR_MS;
const AHEAD_MS = 4 * HOUR_MS;
/** Runs of one host read where the fleet had more in a day than one page of them. */
const RUNS_OF_HOST = 100;

/** So many bars of one hour are one mark: they would touch each other in the drawing of a day, or nearly. */
const DENSE = 4;

export interface NightScene {
  now: number;
  zone: string;
  look: FleetLook;
  due: readonly DuePlan[];
  hostsShown: number;
}

/** A plan with its next fire, epoch milliseconds. */
export interface DuePlan {
  plan: Plan;
  at: number;
}

/** All that fire again, in no particular order. */
export function listDue(look: FleetLook): readonly DuePlan[] {
  return look.plans.flatMap((plan) => {
    const at = look.findNextFire(plan);
    return at === undefined ? [] : [{ plan, at }];
  });
}

export interface Night {
  rows: readonly GanttRow[];
  from: number;
  to: number;
  /** Hosts that had runs but no room. */
  left: number;
}

/** Runs of the day: all of them, or of a big fleet the newest and those that went wrong. */
async function readDay(context: CoreContext, visit: Visit, since: number): Promise<{ runs: readonly Run[]; isWhole: boolean }> {
  const list = (filter: RunFilter) => listRuns(context, visit.caller, { ...filter, since }, { limit: HTTP.pageSizeMax });
  const { rows, next } = await list({});
  if (next === undefined) return { runs: rows, isWhole: true };
  const bad = await Promise.all((['failed', 'partial'] as const).map((state) => list({ state })));
  return { runs: [...rows, ...bad.flatMap((page) => page.rows)], isWhole: false };
}

function toBar(run: Run, name: string, scene: NightScene, visit: Visit): GanttBar {
  const start = run.startedAt ?? run.createdAt;
  const end = isTerminal(run.state) ? (run.finishedAt ?? start) : scene.now;
  const { tone, word } = viewOfRun(run.state);
  const took = findDurationMs(run);
  const title = `${name} ${formatMinute(start, scene.zone)}: ${run.kind} ${word}${took === undefined ? '' : ` in ${formatDuration(took)}`}`;
  return { start, end, tone, title, href: visit.urls.run({ run: run.id }) };
}

const WORST_FIRST: readonly GanttBar['tone'][] = ['unprotected', 'at-risk', 'unknown', 'active', 'protected', 'quiet'];

/** Of one hour: what ended badly is shown one by one for as long as that can be told apart, and stands on top. */
function groupHour(
  bars: readonly GanttBar[],
  describe: (group: readonly GanttBar[]) => Omit<GanttBar, 'start' | 'end' | 'tone'>,
): readonly GanttBar[] {
  const join = (group: readonly GanttBar[]): readonly GanttBar[] => {
    if (group.length < DENSE) return group;
    const start = Math.min(...group.map((bar) => bar.start));
    const hourEnd = (Math.floor(start / HOUR_MS) + 1) * HOUR_MS;
    const end = Math.min(hourEnd, Math.max(...group.map((bar) => bar.end)));
    const tone = WORST_FIRST.find((one) => group.some((bar) => bar.tone === one)) ?? 'quiet';
    return [{ start, end, tone, many: true, ...describe(group) }];
  };
  const bad = bars.filter(({ tone }) => tone === 'unprotected' || tone === 'at-risk');
  if (bad.length >= DENSE) return join(bars);
  return [...join(bars.filter((bar) => !bad.includes(bar))), ...bad];
}

/** A crowded hour is one mark, so that a day of many runs still shows when there were none. Runs of more than an hour stand alone. */
export function groupBars(
  bars: readonly GanttBar[],
  describe: (group: readonly GanttBar[]) => Omit<GanttBar, 'start' | 'end' | 'tone'>,
): GanttBar[] {
  const sorted = bars.toSorted((a, b) => a.start - b.start);
  const long = sorted.filter(({ start, end }) => end - start > HOUR_MS);
  const hours = Map.groupBy(
    sorted.filter((bar) => !long.includes(bar)),
    ({ start }) => Math.floor(start / HOUR_MS),
  );
  const marks = [...hours.values()].flatMap((hour) => groupHour(hour, describe));
  return [...long, ...marks].toSorted((a, b) => Number(b.many === true) - Number(a.many === true));
}

function describeDense(group: readonly GanttBar[], name: string, { zone }: NightScene): string {
  const [first, last] = [group[0]?.start ?? 0, Math.max(...group.map(({ end }) => end))];
  const count = (tone: GanttBar['tone']) => group.filter((bar) => bar.tone === tone).length;
  const [failed, partial] = [count('unprotected'), count('at-risk')];
  const word = count('protected') === group.length ? 'clean runs' : 'runs';
  const bad = [...(failed > 0 ? [`${failed} failed`] : []), ...(partial > 0 ? [`${partial} partial`] : [])];
  return `${name}: ${group.length} ${word} from ${formatMinute(first, zone)} to ${formatMinute(last, zone)}${bad.length > 0 ? `, ${bad.join(', ')}` : ''}`;
}

/** What was before the runs that were read: a mark without a word on how they went. */
function toUnread(oldest: number, since: number, name: string, { zone }: NightScene): Pick<GanttBar, 'start' | 'end' | 'title'> {
  return { start: since, end: oldest, title: `${name}: the runs before ${formatMinute(oldest, zone)} stand in the list` };
}

/** Plans by the hosts of their sources. */
function groupByHost({ sources }: FleetLook, isMeant: (host: HostId) => boolean): ReadonlyMap<HostId, ReadonlySet<Plan>> {
  const plans = new Map<HostId, Set<Plan>>();
  for (const { source, host } of sources) {
    if (!isMeant(host.id)) continue;
    const own = plans.get(host.id) ?? new Set();
    for (const plan of source.plans) own.add(plan);
    plans.set(host.id, own);
  }
  return plans;
}

/** Hosts of which there is something to draw, as far as is known without reading their runs. */
function listActive({ look, due: plans }: NightScene, from: number, to: number, isWhole: boolean): ReadonlySet<HostId> {
  const due = new Set<PlanId>();
  for (const { plan, at } of plans) if (at <= to) due.add(plan.id);
  const active = new Set<HostId>();
  for (const { source, host } of look.sources) {
    const ranLately = !isWhole && (source.standing?.lastAt ?? 0) >= from;
    if (ranLately || (due.size > 0 && source.plans.some(({ id }) => due.has(id)))) active.add(host.id);
  }
  return active;
}

function hasTrouble(runs: readonly Run[]): boolean {
  return runs.some((run) => run.state === 'failed' || run.state === 'partial');
}

/** The first so many, those with trouble before the others, then by name. */
function orderHosts(
  hosts: ReadonlySet<HostId>,
  runs: ReadonlyMap<HostId, readonly Run[]>,
  nameOf: (host: HostId) => string,
  count: number,
): readonly HostId[] {
  const keyed = [...hosts].map((host) => ({
    host,
    trouble: hasTrouble(runs.get(host) ?? []) ? 0 : 1,
    name: nameOf(host).toLowerCase(),
  }));
  return takeFront(keyed, count, (a, b) => a.trouble - b.trouble || (a.name < b.name ? -1 : Number(a.name > b.name))).map(
    ({ host }) => host,
  );
}

export async function readNight(context: CoreContext, visit: Visit, calendar: FireCalendar, scene: NightScene): Promise<Night> {
  const { look, hostsShown } = scene;
  const from = scene.now - BACK_MS;
  const to = scene.now + AHEAD_MS;
  const nameOf = (host: HostId): string => look.hosts.get(host)?.name ?? 'a deleted host';
  const { runs, isWhole } = await readDay(context, visit, from);
  const runsOf = Map.groupBy(runs, (run) => run.host);
  const hosts = new Set([...runsOf.keys(), ...listActive(scene, from, to, isWhole)]);
  const candidates = new Set(orderHosts(hosts, runsOf, nameOf, 2 * hostsShown));
  const plansOf = groupByHost(look, (host) => candidates.has(host));
  const rows: GanttRow[] = [];
  let empty = 0;
  for (const host of candidates) {
    if (rows.length === hostsShown) break;
    const known = runsOf.get(host) ?? [];
    const page = isWhole
      ? { rows: known, next: undefined }
      : await listRuns(context, visit.caller, { host, since: from }, { limit: RUNS_OF_HOST });
    const own = page.rows;
    const coming = [...(plansOf.get(host) ?? [])].flatMap((plan) => listComingFires(calendar, plan, host, scene.now, to));
    // What is due may be held back beyond the drawing.
    if (own.length + coming.length === 0) {
      empty += 1;
      continue;
    }
    const label = nameOf(host);
    const list = visit.urls.runs({ host, period: 'day' });
    const marks = groupBars(
      own.map((run) => toBar(run, label, scene, visit)),
      (group) => ({ title: describeDense(group, label, scene), href: list }),
    );
    const oldest = page.next === undefined ? undefined : own.at(-1);
    const unread: readonly GanttBar[] =
      oldest === undefined
        ? []
        : [{ ...toUnread(oldest.startedAt ?? oldest.createdAt, from, label, scene), tone: 'quiet', many: true, href: list }];
    const bars = [...unread, ...marks];
    const href = look.hosts.has(host) ? { href: visit.urls.host({ host }) } : {};
    rows.push({ label, ...href, bars, next: groupFires(coming, scene.zone) });
  }
  return { rows, from, to, left: hosts.size - rows.length - empty };
}
