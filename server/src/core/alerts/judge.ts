/** What becomes of an alert when its signs change. Pure; whoever calls it stores the step. */

import type { AlertId, RunId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import type { Alert, AlertEvent, UnsettledAlert } from '../../store/alerts.ts';
import { getConditionRule } from './conditions.ts';

/** What the signs say, in words. */
export interface AlertWords {
  thingName: string;
  text: string;
  named: readonly string[];
  run?: RunId | undefined;
  lastGoodAt?: number | undefined;
}

export interface AlertCase {
  now: number;
  tenant: TenantId;
  group: UnsettledAlert;
  /** Of the signs; undefined when there are none. */
  words?: AlertWords | undefined;
  /** The one that was over a short while ago. */
  past?: Alert | undefined;
  createId(): AlertId;
}

export interface AlertVerdict {
  alert: Alert;
  isNew: boolean;
  event?: AlertEvent | undefined;
  /** What people are told. */
  tells?: 'raised' | 'resolved' | undefined;
}

/** The row as the signs have it now. */
function describe({ group, tenant, now, createId }: AlertCase, words: AlertWords, base: Alert | undefined): Alert {
  const { condition, thing, members } = group;
  const rule = getConditionRule(condition);
  return {
    ...(base ?? { id: createId(), tenant, condition, thing, raisedAt: now, flaps: 0, version: 1 }),
    severity: rule.severity,
    title: rule.title(words.thingName, members),
    ...words,
    members,
    since: group.since,
    settledAt: group.changedAt,
    clearSince: undefined,
    resolvedAt: undefined,
  };
}

function raise(about: AlertCase, words: AlertWords): AlertVerdict {
  const { now, past } = about;
  const text = words.text;
  if (past === undefined)
    return { alert: describe(about, words, undefined), isNew: true, event: { at: now, kind: 'raised', text }, tells: 'raised' };
  const isSnoozed = past.snoozedUntil !== undefined && past.snoozedUntil > now;
  const alert = {
    ...describe(about, words, past),
    raisedAt: now,
    flaps: past.flaps + 1,
    acknowledgedAt: undefined,
    acknowledgedBy: undefined,
  };
  return { alert, isNew: false, event: { at: now, kind: 'returned', text }, tells: isSnoozed ? undefined : 'raised' };
}

function update(about: AlertCase, words: AlertWords, before: Alert): AlertVerdict {
  const { now } = about;
  const after = describe(about, words, before);
  if (before.snoozedUntil !== undefined && before.snoozedUntil <= now) {
    const alert = { ...after, snoozedUntil: undefined, snoozedBy: undefined };
    const tells = before.acknowledgedAt === undefined ? ('raised' as const) : undefined;
    return { alert, isNew: false, event: { at: now, kind: 'woken', text: 'the snooze is over' }, tells };
  }
  // It went and came while it was kept: nobody is told of either.
  if (before.clearSince !== undefined)
    return { alert: { ...after, flaps: before.flaps + 1 }, isNew: false, event: { at: now, kind: 'returned', text: words.text } };
  if (after.members >= 2 * before.members)
    return { alert: after, isNew: false, event: { at: now, kind: 'grown', text: `now ${after.members}` } };
  return { alert: after, isNew: false };
}

/** Undefined: nothing is to be done now. */
function clear({ now }: AlertCase, before: Alert): AlertVerdict | undefined {
  const isFlapping = before.flaps >= ALERTS.flapsBorne;
  if (isFlapping && before.clearSince === undefined) return { alert: { ...before, clearSince: now }, isNew: false };
  if (isFlapping && now - (before.clearSince ?? now) < ALERTS.flapClearMs) return undefined;
  const isSnoozed = before.snoozedUntil !== undefined && before.snoozedUntil > now;
  const event = { at: now, kind: 'resolved' as const, text: 'nothing of it is left' };
  return {
    alert: { ...before, resolvedAt: now, clearSince: undefined },
    isNew: false,
    event,
    tells: isSnoozed ? undefined : 'resolved',
  };
}

/**
 * An alert is raised with its first sign and resolved with its last. One that comes back within an hour is the same one; from the
 * second return on it is resolved only when it was clear for a quarter of an hour, so that flapping tells nobody twice.
 */
export function judgeAlert(about: AlertCase): AlertVerdict | undefined {
  const { group, words } = about;
  if (words === undefined) return group.alert === undefined ? undefined : clear(about, group.alert);
  return group.alert === undefined ? raise(about, words) : update(about, words, group.alert);
}
