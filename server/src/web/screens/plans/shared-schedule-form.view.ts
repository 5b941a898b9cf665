/** Making and changing a shared schedule, with its next fires beside it. */
import { type Html, html } from '../../html.ts';
import { button, hiddenInputs, linkButton } from '../../ui/button.ts';
import { errorSummary, type Field, fieldSection } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import type { Clockface } from '../../ui/time.ts';
import { type FiresView, firesPreview } from './plan-fires.view.ts';
import { type ScheduleFieldsView, scheduleFields } from './schedule-fields.view.ts';

export type SharedScheduleFormView = Pick<ScheduleFieldsView, 'presets' | 'zones'> & {
  readonly face: Clockface;
  readonly title: string;
  readonly heading: string;
  readonly crumbs: readonly Crumb[];
  readonly action: string;
  readonly cancelHref: string;
  readonly submit: string;
  readonly version?: number | undefined;
  readonly values: ScheduleFieldsView['values'] & { readonly name: string; readonly description: string };
  readonly fires: FiresView;
  readonly firesUrl: string;
  /** Who moves with it at once. */
  readonly effect?: string | undefined;
  readonly problem?: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
};

const TIMES = 'schedule-times';

export function sharedScheduleFormPage(shell: Shell, view: SharedScheduleFormView): Html {
  const { values, errors } = view;
  const names: readonly Field[] = [
    {
      name: 'name',
      label: 'Name',
      kind: 'text',
      required: true,
      placeholder: 'after office hours',
      value: values.name,
      error: errors['name'],
    },
    {
      name: 'description',
      label: 'What it is for',
      kind: 'text',
      value: values.description,
      error: errors['description'],
    },
  ];
  const others = [
    ['cron', 'Expression'],
    ['zone', 'Time zone'],
    ['schedule', 'Schedule'],
  ].map(([name = '', label = '']): Field => ({ name, label, kind: 'text', error: errors[name] }));
  const wrong = [...names, ...others].filter(({ error }) => error !== undefined);
  const hidden = view.version === undefined ? {} : { version: view.version };
  const times = html`<div class="fields" id="${TIMES}" hx-get="${view.firesUrl}" hx-trigger="input delay:200ms, change" hx-include="#${TIMES}" hx-target="#plan-fires" hx-select="#plan-fires" hx-swap="outerMorph" hx-sync="this:replace">${scheduleFields(view, 'Plans that use it are due')}</div>`;
  const form = html`<form class="form" method="post" action="${view.action}">${hiddenInputs(hidden)}${fieldSection({ fields: names })}${times}${view.effect !== undefined && html`<p class="quiet">${view.effect}</p>`}<div class="form-actions">${button({ label: view.submit, kind: 'primary' })}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></form>`;
  return layout(shell, {
    title: view.title,
    heading: view.heading,
    crumbs: view.crumbs,
    content: html`<div class="stack">${errorSummary(wrong, view.problem)}<div class="halves">${panel({ title: 'Shared schedule', content: form })}${panel({ title: 'Next', content: firesPreview(view.fires, view.face) })}</div></div>`,
  });
}
