/** What an operator says of the drills of a source: what is asked, how often one is due, where it takes place. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { type DrillAssertion, drillAssertionsSchema } from '@holdfast/shared/domain/drill.ts';
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DRILL_RUNS_MAX } from '@holdfast/shared/domain/plan-drills.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { DrillSettings } from '../../store/drills.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { getDrilledSource, getDrillServer } from './drills.ts';
import { settlePlanDrills } from './plan-drills.ts';

/** The most a person may say for how often, or how old a proof may be. */
export const DRILL_DAYS_MAX = 3650;

const NO_SETTINGS = { assertions: [], updatedAt: 0 } as const;

export async function getDrillSettings(context: CoreContext, caller: Caller, id: SourceId): Promise<DrillSettings> {
  demand(caller, 'view');
  const source = await getDrilledSource(context, caller, id);
  return (await context.store.drills.findDrillSettings(caller.tenant, source.id)) ?? { source: source.id, ...NO_SETTINGS };
}

/** What a person says of the drills of a source. */
export interface DrillWishes {
  assertions: readonly DrillAssertion[];
  everyDays?: number | undefined;
  withinDays?: number | undefined;
  /** After so many clean backups. */
  everyRuns?: number | undefined;
  /** Another host than the source's own. */
  host?: HostId | undefined;
  /** A source of that host and of the same kind, into whose server is restored. */
  server?: SourceId | undefined;
}

function checkNumber(
  field: 'everyDays' | 'withinDays' | 'everyRuns',
  value: number | undefined,
  unit: string,
  max: number,
): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= max)) return;
  throw createFieldsError({ [field]: `must be a whole number of ${unit} from 1 to ${max}` });
}

async function checkHost(context: CoreContext, caller: Caller, host: HostId | undefined): Promise<void> {
  if (host === undefined) return;
  const found = await context.store.hosts.findHost(caller.tenant, host);
  if (found?.state !== 'active') throw createFieldsError({ host: 'there is no such approved host' });
}

function checkWishes(source: Source, wishes: DrillWishes): void {
  checkNumber('everyDays', wishes.everyDays, 'days', DRILL_DAYS_MAX);
  checkNumber('withinDays', wishes.withinDays, 'days', DRILL_DAYS_MAX);
  checkNumber('everyRuns', wishes.everyRuns, 'backups', DRILL_RUNS_MAX);
  const parsed = drillAssertionsSchema.safeParse(wishes.assertions);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const what = issue?.message ?? 'is not well-formed';
    throw createFieldsError({ assertions: issue?.path.length ? `Question ${Number(issue.path[0]) + 1}: ${what}` : what });
  }
  if (wishes.assertions.length > 0 && getSourceAdapter(source.kind).drill === undefined)
    throw createFieldsError({ assertions: 'nothing can be asked of this kind of source' });
}

/** Replaces what is asked at every drill of a source, and how often one is due: with neither days nor backups, as its plans say. `invalid` naming the field at fault. */
export async function saveDrillSettings(
  context: CoreContext,
  caller: Caller,
  id: SourceId,
  wishes: DrillWishes,
): Promise<DrillSettings> {
  demand(caller, 'source.manage');
  const source = await getDrilledSource(context, caller, id);
  checkWishes(source, wishes);
  const host = wishes.host === source.host ? undefined : wishes.host;
  await checkHost(context, caller, host);
  if (wishes.server !== undefined) await getDrillServer(context, caller, source, host ?? source.host, wishes.server);
  const { drills } = context.store;
  const now = context.clock.now();
  const [proof] = await drills.listProofs(caller.tenant, [source.id]);
  const { everyDays, withinDays, everyRuns, server } = wishes;
  const settings: DrillSettings = {
    source: source.id,
    assertions: wishes.assertions,
    everyDays,
    withinDays,
    everyRuns,
    host,
    server,
    nextAt: everyDays === undefined ? undefined : Math.max(now, (proof?.newest?.endedAt ?? 0) + everyDays * DAY_MS),
    updatedAt: now,
  };
  await drills.saveDrillSettings(caller.tenant, settings);
  await settlePlanDrills(context);
  await recordAct(context, caller, {
    action: 'source.drill_settings_changed',
    target: { kind: 'source', id: source.id, name: source.name },
    change: { questions: wishes.assertions.length, everyDays, withinDays, everyRuns, host, server },
  });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.sources });
  return getDrillSettings(context, caller, id);
}

/** How often drills of a source are due, alone: everything else that is said of them stays. False where it was so already. */
export async function setDrillDays(
  context: CoreContext,
  caller: Caller,
  id: SourceId,
  everyDays: number | undefined,
): Promise<boolean> {
  demand(caller, 'source.manage');
  const before = await getDrillSettings(context, caller, id);
  if (before.everyDays === everyDays) return false;
  const { assertions, withinDays, everyRuns, host, server } = before;
  await saveDrillSettings(context, caller, id, { assertions, withinDays, everyRuns, host, server, everyDays });
  return true;
}
