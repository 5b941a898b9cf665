/** The last 24 hours by host, with the fires to come. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { CoreContext } from '../../core/ports.ts';
import { listRuns } from '../../core/runs.ts';
import type { Plan, Source } from '../../store/catalog.ts';
import type { Run } from '../../store/runs.ts';
import type { FireCalendar } from '../api/fire-calendar.ts';
import type { Visit } from '../http/route.ts';
import type { GanttBar, GanttRow } from '../ui/charts.ts';
import { formatDuration } from '../ui/quantity.ts';
import { viewOfRun } from '../ui/status.ts';
import { formatMinute } from '../ui/time.ts';
import { type ComingFire, groupFires, listComingFires } from './coming-fires.ts';
import { findDurationMs } from './run-words.ts';

const HOUR_MS = 3_600_000;
const BACK_MS = 24 * HOUR_MS;
const AHEAD_MS = 4 * HOUR_MS;
/** Runs of a day read for the drawing; a bigger fleet draws its newest. */
const RUN_PAGES = 5;

/** Bars no further apart than this would touch each other, or nearly, in the drawing of a day. */
const TOUCHING_MS = 30 * 60_000;
/** So many of them are one mark. */
const DENSE = 4;

export interface NightScene {
  now: number;
  zone: string;
  plans: readonly Plan[];
  sources: readonly Source[];
  hostNames: ReadonlyMap<HostId, string>;
  hostsShown: number;
}

export interface Night {
  rows: readonly GanttRow[];
  from: number;
  to: number;
  /** Hosts that had runs but no room. */
  left: number;
}

async function readDay(context: CoreContext, visit: Visit, since: number): Promise<Run[]> {
  const runs: Run[] = [];
  let after: string | undefined;
  for (let page = 0; page < RUN_PAGES; page += 1) {
    const found = await listRuns(context, visit.caller, { since }, { limit: HTTP.pageSizeMax, after });
    runs.push(...found.rows);
    after = found.next;
    if (after === undefined) break;
  }
  return runs;
}

function toBar(run: Run, name: string, scene: NightScene, visit: Visit): GanttBar {
  const start = run.startedAt ?? run.createdAt;
  const end = isTerminal(run.state) ? (run.finishedAt ?? start) : scene.now;
  const { tone, word } = viewOfRun(run.state);
  const took = findDurationMs(run);
  const title = `${name} ${formatMinute(start, scene.zone)}: ${run.kind} ${word}${took === undefined ? '' : ` in ${formatDuration(took)}`}`;
  return { start, end, tone, title, href: visit.urls.run({ run: run.id }) };
}

/** A row of bars of one tone that would touch becomes one mark; what ended badly stands on top of it. */
export function groupBars(
  bars: readonly GanttBar[],
  describe: (group: readonly GanttBar[]) => Omit<GanttBar, 'start' | 'end' | 'tone'>,
): GanttBar[] {
  const groups: GanttBar[][] = [];
  const open = new Map<GanttBar['tone'], GanttBar[]>();
  for (const bar of bars.toSorted((a, b) => a.start - b.start)) {
    const group = open.get(bar.tone);
    const last = group?.at(-1);
    if (group !== undefined && last !== undefined && bar.start - last.end <= TOUCHING_MS) {
      group.push(bar);
      continue;
    }
    const begun = [bar];
    open.set(bar.tone, begun);
    groups.push(begun);
  }
  const marks = groups.flatMap((group): GanttBar[] => {
    const [first] = group;
    if (first === undefined || group.length < DENSE) return group;
    const end = Math.max(...group.map((bar) => bar.end));
    return [{ start: first.start, end, tone: first.tone, many: true, ...describe(group) }];
  });
  return marks.toSorted((a, b) => Number(b.many === true) - Number(a.many === true));
}

function describeDense(group: readonly GanttBar[], name: string, scene: NightScene): string {
  const [first, last] = [group[0]?.start ?? 0, group.at(-1)?.end ?? 0];
  const word = group[0]?.tone === 'protected' ? 'clean runs' : 'runs';
  return `${name}: ${group.length} ${word} from ${formatMinute(first, scene.zone)} to ${formatMinute(last, scene.zone)}`;
}

/** The next fires of each host within the drawing. */
function listComing(calendar: FireCalendar, scene: NightScene, until: number): ReadonlyMap<HostId, ComingFire[]> {
  const hostOf = new Map(scene.sources.map((source) => [source.id, source.host]));
  const coming = new Map<HostId, ComingFire[]>();
  for (const plan of scene.plans) {
    const hosts = new Set(plan.sources.map((id) => hostOf.get(id)).filter((host) => host !== undefined));
    for (const host of hosts) {
      const fires = listComingFires(calendar, plan, host, scene.now, until);
      if (fires.length > 0) coming.set(host, [...(coming.get(host) ?? []), ...fires]);
    }
  }
  return coming;
}

function hasTrouble(runs: readonly Run[]): boolean {
  return runs.some((run) => run.state === 'failed' || run.state === 'partial');
}

export async function readNight(context: CoreContext, visit: Visit, calendar: FireCalendar, scene: NightScene): Promise<Night> {
  const from = scene.now - BACK_MS;
  const to = scene.now + AHEAD_MS;
  const byHost = new Map<HostId, Run[]>();
  for (const run of await readDay(context, visit, from)) byHost.set(run.host, [...(byHost.get(run.host) ?? []), run]);
  const coming = listComing(calendar, scene, to);
  const nameOfHost = (host: HostId): string => scene.hostNames.get(host) ?? 'a deleted host';
  const hosts = [...new Set([...byHost.keys(), ...coming.keys()])].sort((a, b) => {
    const trouble = Number(hasTrouble(byHost.get(b) ?? [])) - Number(hasTrouble(byHost.get(a) ?? []));
    return trouble !== 0 ? trouble : nameOfHost(a).localeCompare(nameOfHost(b));
  });
  const rows = hosts.slice(0, scene.hostsShown).map((host) => {
    const label = nameOfHost(host);
    return {
      label,
      ...(scene.hostNames.has(host) ? { href: visit.urls.host({ host }) } : {}),
      bars: groupBars(
        (byHost.get(host) ?? []).map((run) => toBar(run, label, scene, visit)),
        (group) => ({ title: describeDense(group, label, scene), href: visit.urls.runs({ host, period: 'day' }) }),
      ),
      next: groupFires(coming.get(host) ?? [], scene.zone),
    };
  });
  return { rows, from, to, left: Math.max(0, hosts.length - scene.hostsShown) };
}
