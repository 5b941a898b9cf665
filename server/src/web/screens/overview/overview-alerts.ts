/** Alerts nobody sees to, as lines of what needs a person: each that no other line of the page speaks of already. */
import { HTTP } from '@holdfast/shared/limits.ts';
import { type AlertView, listActiveAlerts } from '../../../core/alerts/alerts.ts';
import type { AlertCondition } from '../../../core/alerts/conditions.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Visit } from '../../http/route.ts';
import type { Need } from './overview.view.ts';

/** So many at most, so that there is room for sources without a backup. */
const ALERTS_SHOWN = 6;

/** What of these things has a line of its own, by id. */
export interface SaidThings {
  /** At risk, unprotected, or in no plan. */
  sources: ReadonlySet<string>;
  /** That owe fires. */
  plans: ReadonlySet<string>;
  /** Silent ones with sources. */
  hosts: ReadonlySet<string>;
  /** One line says that many hosts are silent. */
  isSilenceTold: boolean;
}

/** What a source falls short by; its line says the gravest of it. */
const OF_PROTECTION: ReadonlySet<AlertCondition> = new Set<AlertCondition>([
  'backup.failed',
  'backup.partial',
  'backup.suspicious',
  'backup.overdue',
  'drill.failed',
  'proof.overdue',
]);

/** Whether a line of the page says it already. */
export function isSaid({ condition, thing }: Pick<AlertView, 'condition' | 'thing'>, said: SaidThings): boolean {
  switch (thing.kind) {
    case 'source':
      return OF_PROTECTION.has(condition) && said.sources.has(thing.id);
    case 'plan':
      return condition === 'fire.missed' && said.plans.has(thing.id);
    case 'host':
      return condition === 'host.silent' && said.hosts.has(thing.id);
    case 'fleet':
      return condition === 'host.silent' && said.isSilenceTold;
    default:
      return false;
  }
}

const keyOf = ({ thing: { kind, id } }: Pick<AlertView, 'thing'>): string => `${kind} ${id}`;

/** Sources that are late for a cause they share stand behind that cause, where it is an alert itself. */
function leaveOutLate(alerts: readonly AlertView[]): readonly AlertView[] {
  const causes = new Set(alerts.filter(({ condition }) => condition !== 'backup.overdue').map(keyOf));
  return alerts.filter((alert) => alert.condition !== 'backup.overdue' || !causes.has(keyOf(alert)));
}

function toNeed({ id, severity, title, text }: AlertView, { urls }: Visit): Need {
  const href = urls.alert({ alert: id });
  return { id, status: { severity }, title, href, detail: text, act: { label: 'Open alert', href } };
}

/** The gravest first. `more` counts those that are not listed; `open` counts all that are open, said elsewhere or not. */
export async function listAlertNeeds(
  context: CoreContext,
  visit: Visit,
  said: SaidThings,
): Promise<{ needs: readonly Need[]; more: number; open: number }> {
  const { caller } = visit;
  const [page, { open }] = await Promise.all([
    listActiveAlerts(context, caller, { state: 'open' }, { limit: HTTP.pageSizeMax }),
    context.store.alerts.countAlerts(caller.tenant, context.clock.now()),
  ]);
  const own = leaveOutLate(page.rows).filter((alert) => !isSaid(alert, said));
  const shown = own.slice(0, ALERTS_SHOWN);
  const unread = Math.max(0, open - page.rows.length);
  return { needs: shown.map((alert) => toNeed(alert, visit)), more: own.length - shown.length + unread, open };
}
