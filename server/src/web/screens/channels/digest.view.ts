/** When digests are told. */
import { type Html, html } from '../../html.ts';
import { type Field, form } from '../../ui/form.ts';
import { facts, panel } from '../../ui/panel.ts';

export type DigestView = {
  /** Undefined: only to be read. */
  readonly action?: string | undefined;
  readonly values: Readonly<Record<'zone' | 'hour' | 'weekday', string>>;
  readonly zones: readonly string[];
  /** From Sunday, which is `0`. */
  readonly dayNames: readonly string[];
  readonly errors: Readonly<Record<string, string>>;
};

const HOURS = Array.from({ length: 24 }, (_, hour) => ({ value: String(hour), label: `${String(hour).padStart(2, '0')}:00` }));

export function digestPanel({ action, values, zones, dayNames, errors }: DigestView): Html {
  const fields: readonly Field[] = [
    {
      name: 'digest-hour',
      label: 'Every day at',
      kind: 'select',
      required: true,
      value: values.hour,
      options: HOURS,
      error: errors['hour'],
    },
    {
      name: 'digest-weekday',
      label: 'The weekly one on',
      kind: 'select',
      required: true,
      value: values.weekday,
      options: dayNames.map((label, day) => ({ value: String(day), label })),
      error: errors['weekday'],
    },
    {
      name: 'digest-zone',
      label: 'In the time zone',
      kind: 'text',
      required: true,
      value: values.zone,
      error: errors['zone'],
      attributes: { list: 'digest-zones' },
    },
  ];
  const sentence = html`<p class="quiet">A digest says what is protected and what is not, what grew and what is odd. Each channel says whether it wants them. One that does not come says that this server does not work.</p>`;
  if (action === undefined) {
    const hour = HOURS[Number(values.hour)]?.label ?? values.hour;
    const told = facts([
      { label: 'Every day at', value: `${hour} ${values.zone}` },
      { label: 'The weekly one on', value: dayNames[Number(values.weekday)] ?? '' },
    ]);
    return panel({ title: 'Digests', content: html`<div class="stack">${sentence}${told}</div>` });
  }
  return panel({
    title: 'Digests',
    content: html`${form({ action, fields, submit: { label: 'Save', kind: 'secondary' }, outro: sentence })}<datalist id="digest-zones">${zones.map((zone) => html`<option value="${zone}"></option>`)}</datalist>`,
  });
}
