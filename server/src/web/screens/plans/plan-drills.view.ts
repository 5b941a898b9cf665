/** What a plan says of the drills of its sources: a part of its form, and a panel of its page. */
import { type Html, html } from '../../html.ts';
import { type Field, type FieldOption, fieldSection } from '../../ui/form.ts';
import { icon } from '../../ui/icons.ts';
import { panel } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import type { Clockface } from '../../ui/time.ts';
import { type ChoiceSearch, isSearched, searchedField } from '../forms/choice-search.view.ts';
import { type FiresView, firesList } from './plan-fires.view.ts';

/** `words` are of the whole rhythm; undefined where none is chosen. */
export type DrillFiresView = FiresView;

export type DrillsFormView = {
  readonly values: {
    readonly preset: string;
    readonly cron: string;
    readonly zone: string;
    readonly runs: string;
    readonly host: string;
  };
  readonly presets: readonly FieldOption[];
  readonly hosts: readonly FieldOption[];
  readonly search: ChoiceSearch | undefined;
  readonly runsMax: number;
  readonly fires: DrillFiresView;
};

export type PlanDrillsView = {
  readonly enabled: boolean;
  readonly words: string;
  /** Undefined: each on the host of its source. */
  readonly host?: { readonly name: string; readonly href: string } | undefined;
  readonly sources: number;
  /** Sources that go by something else. */
  readonly others: number;
  readonly fires: FiresView;
};

export const DRILL_LABELS: Readonly<Record<string, string>> = {
  drillPreset: 'A drill of each source',
  drillCron: 'Expression of drills',
  drillZone: 'Time zone of drills',
  drillRuns: 'A drill after',
  drillHost: 'Drills take place on',
};

const DRILL_FIRES = 'drill-fires';
const FORM_PART = 'plan-drills';

function drillField(errors: Readonly<Record<string, string>>, name: string, more: Omit<Field, 'name' | 'label'>): Field {
  return { name, label: DRILL_LABELS[name] ?? name, error: errors[name], ...more };
}

export function drillHostField({ values, hosts }: DrillsFormView, errors: Readonly<Record<string, string>>): Field {
  return drillField(errors, 'drillHost', {
    kind: 'select',
    required: true,
    value: values.host,
    options: hosts,
    help: 'Another host needs the tools and a way to the repository, and gets its secrets for the time of the drill.',
  });
}

/** Typing in here shows the next drills; without JavaScript they are checked when the plan is saved. */
export function drillFields(
  view: DrillsFormView,
  { errors, firesUrl, face }: { errors: Readonly<Record<string, string>>; firesUrl: string; face: Clockface },
): Html {
  const { values } = view;
  const field = (name: string, more: Omit<Field, 'name' | 'label'>) => drillField(errors, name, more);
  return html`<div id="${FORM_PART}" hx-get="${firesUrl}" hx-trigger="input delay:200ms, change" hx-include="#${FORM_PART}" hx-target="#${DRILL_FIRES}" hx-select="#${DRILL_FIRES}" hx-swap="outerMorph" hx-sync="this:replace">${fieldSection(
    {
      title: 'Restore drills',
      folded: true,
      open: view.fires.words !== undefined || isSearched(view.search),
      help: 'For sources of this plan that have no rhythm of their own. Of several plans of a source the oldest one that says anything counts.',
      fields: [
        field('drillPreset', { kind: 'select', required: true, value: values.preset, options: view.presets }),
        field('drillCron', {
          kind: 'text',
          mono: true,
          placeholder: '0 4 * * 6',
          value: values.cron,
          help: 'For an expression of your own: minute, hour, day of month, month, day of week.',
        }),
        field('drillZone', { kind: 'text', value: values.zone, placeholder: 'UTC', attributes: { list: 'zones' } }),
        field('drillRuns', {
          kind: 'number',
          unit: 'clean backups',
          min: 1,
          max: view.runsMax,
          value: values.runs,
          help: 'Of each source, since its last drill began. With times as well, whichever comes first.',
        }),
        searchedField(drillHostField(view, errors), view.search),
      ],
      content: drillFires(view.fires, face),
    },
  )}</div>`;
}

/** What comes of it, alone: the form takes it from the same answer as the next fires. */
export function drillFires(view: DrillFiresView, face: Clockface): Html {
  return html`<div class="stack" id="${DRILL_FIRES}" aria-live="polite">${drillFiresBody(view, face)}</div>`;
}

function drillFiresBody(view: DrillFiresView, face: Clockface): Html {
  if (view.problem !== undefined) return html`<p class="error">${icon('cross')}<span>${view.problem}</span></p>`;
  if (view.words === undefined) return html`<p class="quiet">The plan brings no drill about.</p>`;
  return html`<p>A drill of each source <strong>${view.words}</strong>.</p>${firesList(view, face)}`;
}

/** The part of a plan's page. */
export function planDrillsPanel({ enabled, words, host, sources, others, fires }: PlanDrillsView, face: Clockface): Html {
  const where = host && html`, on <a href="${host.href}">${host.name}</a>`;
  const rest = `${others} of ${formatNoun(sources, 'source')} ${others === 1 ? 'goes' : 'go'} by something else: its own settings, or an older plan.`;
  const content = enabled
    ? html`<p>Of each source <strong>${words}</strong>${where}.</p>${others > 0 && html`<p class="quiet">${rest}</p>`}${firesList(fires, face)}`
    : html`<p class="quiet">Paused: it brings no drill about.</p>`;
  return panel({ title: 'Drills', content: html`<div class="stack">${content}</div>` });
}
