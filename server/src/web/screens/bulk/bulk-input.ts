/** What an act on many asks for beside the rows: a tag, minutes, days, a window of hours, a shared schedule, or how long alerts are put off. */

import { setImmediate as giveWay } from 'node:timers/promises';
import { idSchema, type PlanId } from '@holdfast/shared/domain/ids.ts';
import type { Blackout } from '@holdfast/shared/domain/plan.ts';
import { COVERAGE, DRAIN } from '@holdfast/shared/limits.ts';
import type { BulkInput } from '../../../core/bulk.ts';
import type { Caller } from '../../../core/caller.ts';
import { DRILL_DAYS_MAX } from '../../../core/drills/drill-settings.ts';
import { isSameWindow } from '../../../core/plans/plan-windows.ts';
import { listSharedSchedules } from '../../../core/plans/shared-schedules.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { readWholeList } from '../../../core/whole-list.ts';
import type { Visit } from '../../http/route.ts';
import type { Field } from '../../ui/form.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { findSnoozeEnd, SNOOZE_HOURS, SNOOZES } from '../alerts/snoozes.ts';
import { readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { parseWindowLines, writeWindowLines } from '../periods/window-lines.ts';
import { describeWindow } from '../periods/window-words.ts';
import type { ActWords } from './bulk-words.ts';

/** What the question proposes. */
const DRILL_DAYS = 30;
/** Plans that are read in one step of the event loop. */
const PLANS_AT_ONCE = 100;

export interface ReadInput {
  input: BulkInput;
  problem?: string;
}

function readWindow(text: string): ReadInput {
  const read = parseWindowLines(text);
  if ('problem' in read) return { input: {}, problem: read.problem };
  const [window, another] = read.windows;
  if (window === undefined) return { input: {}, problem: 'Say which window, such as Mon-Fri 22:00 to 06:00.' };
  return another === undefined ? { input: { window } } : { input: {}, problem: 'Say one window only.' };
}

/** As it was sent, or what is wrong with it. */
export function readBulkInput({ form }: Pick<Visit, 'form'>, { field }: ActWords, now: number): ReadInput {
  switch (field) {
    case 'tag': {
      const tag = readText(form, 'tag').trim();
      return tag === '' ? { input: {}, problem: 'Say which tag.' } : { input: { tag: tag.slice(0, 200) } };
    }
    case 'minutes': {
      const minutes = Number(readText(form, 'minutes'));
      return Number.isInteger(minutes) && minutes > 0 ? { input: { minutes } } : { input: {}, problem: 'Say a whole number.' };
    }
    case 'days': {
      const text = readText(form, 'days').trim();
      return /^\d{1,4}$/.test(text) && Number(text) <= DRILL_DAYS_MAX
        ? { input: { days: Number(text) } }
        : { input: {}, problem: `Say a whole number of days from 0 to ${DRILL_DAYS_MAX}.` };
    }
    case 'window':
    case 'theirWindow':
      return readWindow(readText(form, 'window'));
    case 'sharedSchedule': {
      const sharedSchedule = findId(readText(form, 'sharedSchedule'), idSchema('schedule'));
      return sharedSchedule === undefined
        ? { input: {}, problem: 'Choose one of the shared schedules.' }
        : { input: { sharedSchedule } };
    }
    case 'snooze': {
      const until = findSnoozeEnd(readText(form, 'hours'), now);
      return until === undefined ? { input: {}, problem: 'Choose how long.' } : { input: { until } };
    }
    case 'why': {
      const why = readText(form, 'why').trim();
      return why === '' ? { input: {}, problem: 'Say why.' } : { input: { why: why.slice(0, COVERAGE.whyChars) } };
    }
    default:
      return { input: {} };
  }
}

/** What the form of the act that takes it back sends. */
export function writeBulkInput({ tag, window }: BulkInput): Readonly<Record<string, string>> {
  return { ...(tag === undefined ? {} : { tag }), ...(window === undefined ? {} : { window: writeWindowLines([window]) }) };
}

/** The windows that any of these plans has, the most frequent first, each with how many have it. */
async function countWindows(
  { store }: CoreContext,
  { tenant }: Caller,
  ids: readonly PlanId[],
): Promise<readonly { window: Blackout; plans: number }[]> {
  const found: { window: Blackout; plans: number }[] = [];
  for (let at = 0; at < ids.length; at += PLANS_AT_ONCE) {
    for (const { options } of await store.plans.findPlans(tenant, ids.slice(at, at + PLANS_AT_ONCE)))
      for (const window of options.blackouts) {
        const known = found.find((one) => isSameWindow(one.window, window));
        if (known === undefined) found.push({ window, plans: 1 });
        else known.plans += 1;
      }
    await giveWay();
  }
  return found.toSorted((a, b) => b.plans - a.plans);
}

/** The field of the question; undefined where there is nothing to choose from, since none of them has any. */
export async function findBulkFields(
  context: CoreContext,
  { caller, form }: Visit,
  { field }: ActWords,
  ids: readonly string[],
  error: string | undefined,
): Promise<readonly Field[] | undefined> {
  switch (field) {
    case 'tag':
      return [{ name: 'tag', label: 'Tag', kind: 'text', required: true, autocomplete: 'off', error }];
    case 'why':
      return [
        { name: 'why', label: 'Why', kind: 'text', required: true, autocomplete: 'off', value: readText(form, 'why'), error },
      ];
    case 'minutes':
      return [
        { name: 'minutes', label: 'For how many minutes', kind: 'number', required: true, value: String(DRAIN.minutes), error },
      ];
    case 'days':
      return [
        {
          name: 'days',
          label: 'Days between two drills',
          kind: 'number',
          required: true,
          min: 0,
          max: DRILL_DAYS_MAX,
          value: readText(form, 'days') || String(DRILL_DAYS),
          help: '0 ends it: drills then begin by hand, or after backups where that is set.',
          error,
        },
      ];
    case 'window':
      return [
        {
          name: 'window',
          label: 'Window',
          kind: 'text',
          required: true,
          autocomplete: 'off',
          placeholder: 'Mon-Fri 22:00 to 06:00',
          help: 'Days and hours in the zone of each plan, as Mon-Fri 22:00 to 06:00; without days it is every day.',
          value: readText(form, 'window'),
          error,
        },
      ];
    case 'theirWindow': {
      const windows = await countWindows(context, caller, ids as readonly PlanId[]);
      const options = windows.map(({ window, plans }) => ({
        value: writeWindowLines([window]),
        label: `${describeWindow(window)} (${formatNoun(plans, 'plan')})`,
      }));
      return options.length === 0
        ? undefined
        : [{ name: 'window', label: 'Window', kind: 'select', required: true, options, error }];
    }
    case 'sharedSchedule': {
      const rows = await readWholeList((page) => listSharedSchedules(context, caller, {}, page));
      const options = rows.map(({ id, name, schedule }) => ({ value: id, label: `${name}: ${schedule.cron}, ${schedule.zone}` }));
      const label = 'The shared schedule';
      return options.length === 0
        ? undefined
        : [{ name: 'sharedSchedule', label, kind: 'select', required: true, options, error }];
    }
    case 'snooze':
      return [
        { name: 'hours', label: 'Snooze for', kind: 'select', required: true, value: SNOOZE_HOURS, options: SNOOZES, error },
      ];
    default:
      return [];
  }
}
