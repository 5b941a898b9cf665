/** Settings of the installation, and the way to all others. */
import { type Html, html } from '../../html.ts';
import { type Field, form } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';

export interface SettingsView {
  action: string;
  fields: readonly Field[];
  problem?: string | undefined;
  /** Other pages that hold settings. */
  others: readonly { title: string; text: string; href: string }[];
}

export function settingsPage(shell: Shell, view: SettingsView): Html {
  return layout(shell, {
    title: 'Settings',
    heading: 'What holds for everybody here.',
    lede: 'Each change is in the audit, with what it was before.',
    content: html`<div class="columns">${panel({
      title: 'General',
      content: form({ action: view.action, problem: view.problem, fields: view.fields, submit: { label: 'Save' } }),
    })}${panel({
      title: 'Elsewhere',
      content: rows(view.others.map(({ title, text, href }) => ({ title: html`<a href="${href}">${title}</a>`, detail: text }))),
    })}</div>`,
  });
}
