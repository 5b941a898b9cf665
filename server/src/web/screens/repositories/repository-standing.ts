/** How repositories do, for the pages that show it. */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { AlertView } from '../../../core/alerts/alerts.ts';
import { type AlertCondition, getConditionRule } from '../../../core/alerts/conditions.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { type RepositoryHealth, readRepositoryUsers } from '../../../core/repositories/repository-standing.ts';
import type { Visit } from '../../http/route.ts';
import type { Clockface } from '../../ui/time.ts';
import { describeHandling } from '../alerts/alert-words.ts';
import type { RepositoryAlertLine, StandingView, UsersView } from './repository-standing.view.ts';

const HOSTS_SHOWN = 12;

/** Where the label of a condition, without the word repository, says too little. */
const WORDS: Readonly<Partial<Record<AlertCondition, string>>> = {
  'repository.password': 'wrong password',
  'repository.credentials': 'access refused',
  'repository.disk_low': 'little room left',
};

function toAlertLine(alert: AlertView, visit: Visit, face: Clockface): RepositoryAlertLine {
  const { id, condition, severity, title, text, since } = alert;
  const word = WORDS[condition] ?? getConditionRule(condition).label.replace(/^repository /u, '');
  const handling = describeHandling(alert, face);
  return { id, href: visit.urls.alert({ alert: id }), severity, word, title, text, since, handling };
}

/** Of one that is gone meanwhile nothing is known. */
export function toStandingView(health: RepositoryHealth | undefined, visit: Visit, face: Clockface): StandingView {
  if (health === undefined) return { standing: 'quiet', usedAt: undefined, alerts: [] };
  const alerts = health.alerts.map((alert) => toAlertLine(alert, visit, face));
  return { standing: health.standing, usedAt: health.usedAt, alerts };
}

export async function readUsersView(context: CoreContext, visit: Visit, id: RepositoryId): Promise<UsersView> {
  const { urls, caller } = visit;
  const { hosts, total, locks } = await readRepositoryUsers(context, caller, id, HOSTS_SHOWN);
  return {
    hosts: hosts.map((host) => ({
      id: host.id,
      name: host.name,
      href: urls.host({ host: host.id }),
      standing: host.standing,
      condition: host.condition,
    })),
    total,
    plansHref: urls.plans({ repository: id }),
    locks: locks && { at: locks.at, stuck: locks.stuck, since: locks.since, text: locks.text },
    locksHref: isAllowed(caller, 'repository.manage') ? urls.repositoryLocks({ repository: id }) : undefined,
  };
}
