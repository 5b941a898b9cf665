/** `/alerts/:alert`: one alert with what it holds for, what happened to it, who was told; and what a person can do about it. */
import { idSchema, type RunId } from '@holdfast/shared/domain/ids.ts';
import {
  type AlertView,
  acknowledgeAlert,
  getAlert,
  listAlertEvents,
  listMembers,
  reopenAlert,
  snoozeAlert,
} from '../../../core/alerts/alerts.ts';
import { listChannels, listDeliveries } from '../../../core/alerts/channels.ts';
import { getConditionRule } from '../../../core/alerts/conditions.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { toDeliveryLine } from '../channels/channels.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { ALERT_PART, type AlertPageView, alertPage, alertPart } from './alert-page.view.ts';
import { describeHandling, EVENT_WORDS, hrefOfThing } from './alert-words.ts';
import { findSnoozeEnd, SNOOZES } from './snoozes.ts';

const MESSAGES_SHOWN = 20;

function readAlert(context: CoreContext, visit: Visit): Promise<AlertView> {
  return getAlert(context, visit.caller, getParam(visit, 'alert', idSchema('alert')));
}

async function buildView(context: CoreContext, visit: Visit): Promise<AlertPageView> {
  const { caller, urls } = visit;
  const alert = await readAlert(context, visit);
  const face = readClockface(context, visit);
  const trail = readTrail(visit);
  const [members, events, messages, channels] = await Promise.all([
    listMembers(context, caller, alert, trail.request),
    listAlertEvents(context, caller, alert.id),
    listDeliveries(context, caller, { alert: alert.id }, { limit: MESSAGES_SHOWN }),
    listChannels(context, caller),
  ]);
  const linkRun = (run: RunId | undefined) => (run === undefined ? undefined : urls.run({ run }));
  const names = new Map(channels.map(({ id, name }) => [id, name]));
  const { id, severity, state, title, text, since, raisedAt, resolvedAt, lastGoodAt, run } = alert;
  return {
    ...{ face, severity, state, title, detail: text, since, raisedAt, resolvedAt, lastGoodAt },
    here: urls.alert({ alert: id }, { after: trail.cursors }),
    crumbs: [{ label: 'Alerts', href: urls.alerts() }, { label: title }],
    condition: getConditionRule(alert.condition).label,
    thing: { name: alert.thingName, href: hrefOfThing(alert.thing, urls) },
    runHref: linkRun(run),
    handling: describeHandling(alert, face),
    members: members.rows.map((sign) => ({
      id: `${sign.scopeId}-${sign.subject.replaceAll(/\W+/gu, '-')}`,
      name: sign.name,
      href: hrefOfThing({ kind: sign.scope, id: sign.scopeId }, urls),
      detail: sign.text,
      since: sign.since,
      runHref: linkRun(sign.run),
    })),
    memberCount: alert.members,
    memberPager: linkPages(trail, members.next, (after) => urls.alert({ alert: id }, { after })),
    pastNames: state === 'resolved' ? alert.named : [],
    events: events.map(({ at, kind, by, text: words }) => ({ at, word: EVENT_WORDS[kind], by, text: words })),
    messages: messages.rows.map((delivery) =>
      toDeliveryLine(delivery, names.get(delivery.channel) ?? 'a deleted channel', visit),
    ),
    act:
      isAllowed(caller, 'alert.handle') && state !== 'resolved'
        ? {
            acknowledgeAction: state === 'open' ? urls.acknowledgeAlert({ alert: id }) : undefined,
            reopenAction: state === 'open' ? undefined : urls.reopenAlert({ alert: id }),
            snoozeAction: urls.snoozeAlert({ alert: id }),
            snoozes: SNOOZES,
          }
        : undefined,
  };
}

async function showAlert(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await buildView(context, visit);
  if (wantsPart(visit, ALERT_PART)) return { kind: 'page', html: alertPart(view) };
  return { kind: 'page', html: alertPage(await buildShell(context, visit, 'alerts'), view) };
}

/** Does what a button says and comes back to the alert, saying what became of it. */
function createAct(
  act: (context: CoreContext, visit: Visit, alert: AlertView) => Promise<AlertView>,
  words: string,
): ScreenRoute['handle'] {
  return async (context, visit) => {
    const alert = await readAlert(context, visit);
    const to = visit.urls.alert({ alert: alert.id });
    try {
      await act(context, visit, alert);
    } catch (thrown) {
      if (!isShown(thrown)) throw thrown;
      return { kind: 'redirect', to, flash: { tone: 'bad', text: thrown.message } };
    }
    return { kind: 'redirect', to, flash: { tone: 'good', text: words } };
  };
}

function readSnooze({ form }: Visit, now: number): number {
  return findSnoozeEnd(readText(form, 'hours'), now) ?? Number.NaN;
}

export const ALERT_PAGE_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.alert, handle: showAlert },
  {
    method: 'post',
    path: PAGES.acknowledgeAlert,
    handle: createAct((context, { caller }, { id }) => acknowledgeAlert(context, caller, id), 'Acknowledged: you see to it.'),
  },
  {
    method: 'post',
    path: PAGES.snoozeAlert,
    handle: createAct(
      (context, visit, { id }) => snoozeAlert(context, visit.caller, id, readSnooze(visit, context.clock.now())),
      'Snoozed. It comes back by itself if it still holds then.',
    ),
  },
  {
    method: 'post',
    path: PAGES.reopenAlert,
    handle: createAct((context, { caller }, { id }) => reopenAlert(context, caller, id), 'Open again.'),
  },
];
