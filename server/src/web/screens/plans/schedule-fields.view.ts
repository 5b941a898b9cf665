/** When something is due, as a form asks for it: a usual schedule or an expression of one's own, in a zone. */
import { attrs, type Html, html } from '../../html.ts';
import { type Field, formField } from '../../ui/form.ts';

export type ScheduleFieldsView = {
  readonly values: { readonly preset: string; readonly cron: string; readonly zone: string };
  readonly presets: readonly { readonly value: string; readonly label: string }[];
  readonly zones: readonly string[];
  readonly errors: Readonly<Record<string, string>>;
};

/** The choice of a schedule; `more` follows the choices, before the expression and the zone. */
export function scheduleFields({ values, presets, zones, errors }: ScheduleFieldsView, legend: string, more?: Html): Html {
  const zoneField: Field = {
    name: 'zone',
    label: 'in the time zone',
    kind: 'text',
    required: true,
    value: values.zone,
    error: errors['zone'],
    attributes: { list: 'zones' },
  };
  const cronField: Field = {
    name: 'cron',
    label: 'My own expression',
    kind: 'text',
    mono: true,
    placeholder: '30 2 * * 1-5',
    value: values.cron,
    error: errors['cron'],
    help: 'Five fields: minute, hour, day of month, month, day of week.',
  };
  return html`<fieldset class="field"><legend>${legend}</legend><div class="choices">${presets.map(
    (preset) =>
      html`<label class="check"><input type="radio" name="preset" ${attrs({ value: preset.value, checked: preset.value === values.preset })}><span>${preset.label}</span></label>`,
  )}</div></fieldset>${more}${formField(cronField)}${formField(zoneField)}<datalist id="zones">${zones.map((zone) => html`<option value="${zone}"></option>`)}</datalist>`;
}
