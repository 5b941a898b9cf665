/** What a page says of a drained host, and how it is drained and resumed. */
import { type Html, html } from '../../html.ts';
import { confirmButton, postButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { formField } from '../../ui/form.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { status } from '../../ui/status.ts';
import { type Clockface, dayTime, relativeTime } from '../../ui/time.ts';

export interface DrainView {
  since: number;
  until: number;
  by: string;
  /** Whether the host works by settings that speak of it. */
  isTakenOver: boolean;
  isOnline: boolean;
  /** As far as the host has told. */
  unfinished: { active: number; waiting: number; isMore: boolean };
}

/** What the dialog offers, in minutes. */
const LENGTHS = [
  { value: '30', label: '30 minutes' },
  { value: '60', label: '1 hour' },
  { value: '120', label: '2 hours' },
  { value: '240', label: '4 hours' },
  { value: '720', label: '12 hours' },
  { value: '1440', label: '1 day' },
  { value: '4320', label: '3 days' },
  { value: '10080', label: '7 days' },
] as const;

export function drainStatus(): Html {
  return status({ word: 'draining', tone: 'at-risk', icon: 'pause' });
}

/** `minutes` is what the dialog begins with. */
export function drainButton(view: { name: string; action: string; isDrained: boolean; minutes: number }): Html {
  const length = formField({
    name: 'minutes',
    label: 'For',
    kind: 'select',
    required: true,
    value: String(view.minutes),
    options: LENGTHS,
    help: 'From now. Then it takes runs again by itself, also if this server is away.',
  });
  return confirmButton({
    id: 'drain-host',
    label: view.isDrained ? 'Drain longer…' : 'Drain…',
    confirm: {
      title: view.isDrained ? html`Until when is ${view.name} drained?` : html`Drain ${view.name}?`,
      effect:
        'It takes no new runs. What runs goes on to its end; fires that come due and runs and restores that are ordered wait on the host and begin afterwards.',
      verb: view.isDrained ? 'Set the new end' : 'Drain the host',
      kind: 'primary',
      action: view.action,
      fields: length,
    },
  });
}

/** `resume` is the address that ends the drain; undefined for who may not. */
export function drainBanner(view: DrainView, face: Clockface, resume: string | undefined): Html {
  return callout({
    tone: 'notice',
    text: html`<strong>Takes no new runs until ${dayTime(view.until, face)}</strong> (${relativeTime(view.until, face)}). Drained by ${view.by} ${relativeTime(view.since, face)}. ${tellRest(view)}`,
    ...(resume === undefined ? {} : { action: postButton({ action: resume, label: 'Resume now', small: true }) }),
  });
}

function tellRest({ isTakenOver, isOnline, unfinished }: DrainView): string {
  if (!isTakenOver && !isOnline)
    return 'The host is away and has not heard of it: until it is back it goes on with its schedule.';
  if (!isTakenOver) return 'The host has not taken it over yet.';
  const { active, waiting, isMore } = unfinished;
  const more = isMore ? 'more than ' : '';
  const waits = waiting === 0 ? 'none waits' : `${more}${formatCount(waiting)} ${waiting === 1 ? 'waits' : 'wait'} for its end`;
  if (active > 0) return `${formatNoun(active, 'run')} still ${active === 1 ? 'runs' : 'run'}; ${waits}.`;
  const heard = isOnline
    ? 'Nothing runs any more: the machine or its agent may be stopped.'
    : 'Nothing ran when it was last heard of.';
  return waiting === 0 ? heard : `${heard} Of its runs ${waits}.`;
}
