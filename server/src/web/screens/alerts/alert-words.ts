/** How alerts are named on every page that shows some. */
import type { AlertView } from '../../../core/alerts/alerts.ts';
import type { AlertEventKind, Thing } from '../../../store/alerts.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatMinute } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';

/** Names before "and so many more". */
const NAMES_SHOWN = 3;

export function hrefOfThing({ kind, id }: Thing, urls: Urls): string | undefined {
  switch (kind) {
    case 'repository':
      return urls.repository({ repository: id });
    case 'plan':
      return urls.plan({ plan: id });
    case 'source':
      return urls.source({ source: id });
    case 'host':
      return urls.host({ host: id });
    case 'channel':
      return urls.channel({ channel: id });
    case 'fleet':
      return urls.hosts();
    case 'server':
      return undefined;
  }
}

/** Who has it, or until when it is put off; undefined while nobody has it. */
export function describeHandling(alert: AlertView, face: Clockface): string | undefined {
  if (alert.state === 'acknowledged') return `${alert.acknowledgedBy ?? 'somebody'} sees to it`;
  if (alert.state === 'snoozed' && alert.snoozedUntil !== undefined)
    return `snoozed until ${formatMinute(alert.snoozedUntil, face.zone)} by ${alert.snoozedBy ?? 'somebody'}`;
  if (alert.state === 'open' && alert.flaps > 1) return 'comes and goes';
  return undefined;
}

/** Names of what an alert about several is about. */
export function describeNames({ named, members }: Pick<AlertView, 'named' | 'members'>): string | undefined {
  if (members < 2) return undefined;
  const names = named.slice(0, NAMES_SHOWN).join(', ');
  const more = members - Math.min(NAMES_SHOWN, named.length);
  return more > 0 ? `${names} and ${more} more` : names;
}

export const EVENT_WORDS: Readonly<Record<AlertEventKind, string>> = {
  raised: 'raised',
  returned: 'came back',
  grown: 'grew',
  acknowledged: 'acknowledged',
  snoozed: 'snoozed',
  woken: 'opened again',
  escalated: 'escalated',
  resolved: 'resolved',
};

/** The page's answer. */
export function describeOpen(open: number): string {
  if (open === 0) return 'No alert needs a person.';
  return `${formatNoun(open, 'alert')} ${open === 1 ? 'needs' : 'need'} a person.`;
}
