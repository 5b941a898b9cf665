/** A plan as a sentence to fill in: back up these sources, to this repository, at these times, under this name. */
import { attrs, type Html, html } from '../../html.ts';
import { button, hiddenInputs, linkButton, onward } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { errorSummary, type Field, type FieldOption, fieldPartId, fieldSection, formField } from '../../ui/form.ts';
import { icon } from '../../ui/icons.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import type { Clockface } from '../../ui/time.ts';
import { type ChoiceSearch, foundChoices, isSearched, searchedField } from '../forms/choice-search.view.ts';
import { type CopiesFormView, copyFields, copyRepositoryField } from './plan-copies.view.ts';
import { DRILL_LABELS, type DrillsFormView, drillFields, drillHostField } from './plan-drills.view.ts';
import { type FiresView, firesPreview } from './plan-fires.view.ts';
import { labelOption, optionSections, type PlanOptionsView } from './plan-options.view.ts';
import { scheduleFields } from './schedule-fields.view.ts';

export type SourceChoice = {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
  readonly checked: boolean;
  /** It is in another plan, or switched off. */
  readonly remark?: string | undefined;
};

export type PlanFormView = {
  readonly face: Clockface;
  readonly heading: string;
  readonly title: string;
  readonly crumbs: readonly Crumb[];
  readonly action: string;
  readonly cancelHref: string;
  readonly submit: string;
  readonly version?: number | undefined;
  readonly groups: readonly { readonly host: string; readonly choices: readonly SourceChoice[] }[];
  readonly find: string;
  /** More sources than shown fit the search. */
  readonly cut: boolean;
  readonly hasSources: boolean;
  readonly addSourceHref: string;
  readonly repositories: readonly FieldOption[];
  readonly repositorySearch: ChoiceSearch | undefined;
  readonly addRepositoryHref: string;
  readonly values: {
    readonly name: string;
    readonly repository: string;
    readonly preset: string;
    readonly cron: string;
    readonly zone: string;
    readonly enabled: boolean;
  };
  readonly presets: readonly { readonly value: string; readonly label: string }[];
  readonly zones: readonly string[];
  readonly sharing: SharingView;
  readonly fires: FiresView;
  readonly firesUrl: string;
  readonly copies: CopiesFormView;
  readonly drills: DrillsFormView;
  readonly retention: { readonly value: string; readonly choices: readonly FieldOption[]; readonly policiesHref: string };
  readonly options: PlanOptionsView;
  readonly problem?: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
};

/** The schedules that plans share, and the name under which this one would become another. */
export type SharingView = {
  readonly value: string;
  readonly choices: readonly FieldOption[];
  readonly shareAs: string;
  readonly schedulesHref: string;
};

const PLAN_SOURCES = 'plan-sources';
const FORM = 'plan-form';

export function planFormPage(shell: Shell, view: PlanFormView): Html {
  const sources = panel({ title: 'Back up', aside: 'each source gives its own snapshot', content: sourcePicker(view) });
  const content = html`<div class="stack">${errorSummary(wrongFields(view), view.problem)}<div class="halves">${sources}${panel({ title: 'to, when and under which name', content: planForm(view) })}</div></div>`;
  return layout(shell, { title: view.title, crumbs: view.crumbs, heading: view.heading, content });
}

/**
 * Search and boxes, both of the form beside them: without JavaScript the search is sent with all that is typed and ticked there, and
 * comes back with it.
 */
function sourcePicker(view: PlanFormView): Html {
  if (!view.hasSources)
    return emptyState({
      icon: 'database',
      title: 'There is no source yet.',
      text: 'A source is a database or a folder on one of your hosts.',
      action: linkButton({ href: view.addSourceHref, label: 'Add a source', kind: 'primary' }),
    });
  const box = html`<input class="input" type="search" name="find" form="plan-form" data-search data-enter-clicks-next autocomplete="off" spellcheck="false" placeholder="Search sources and hosts" aria-label="Search sources and hosts" hx-post="${view.action}" hx-vals='{"act":"find"}' hx-trigger="input delay:200ms" hx-target="#${PLAN_SOURCES}" hx-swap="outerMorph" hx-sync="this:replace" hx-status:4xx="swap:none" hx-status:5xx="swap:none" ${attrs({ value: view.find })}>`;
  // What Enter presses in any field of the form is its first button, wherever that stands: saving, and not this search.
  return html`<button hidden form="plan-form"></button><div class="toolbar" role="search" aria-label="Find sources"><span class="search">${icon('search')}${box}</span><button class="button button-secondary no-js" form="plan-form" name="act" value="find" formnovalidate>Find</button></div>${sourceChoices(view)}`;
}

/** The boxes alone; the search takes them from here. What is checked stays, whatever is searched for. */
function sourceChoices(view: PlanFormView): Html {
  const error = view.errors['sources'];
  const none =
    view.groups.length === 0 &&
    html`<p class="quiet">No source fits. ${onward({ href: view.addSourceHref, label: 'Add a source' })}</p>`;
  return html`<div class="fields" id="${PLAN_SOURCES}"><input type="hidden" name="found" form="plan-form" ${attrs({ value: view.find })}>${error !== undefined && html`<p class="error" id="f-sources">${error}</p>`}${view.groups.map(
    (group) =>
      html`<fieldset class="field"><legend><span class="cell">${group.host}</span></legend><div class="choices">${group.choices.map(sourceBox)}</div></fieldset>`,
  )}${none}${view.cut && html`<p class="quiet">More sources fit: search for the one you miss.</p>`}</div>`;
}

function sourceBox(choice: SourceChoice): Html {
  return html`<label class="check"><input type="checkbox" name="sources" form="plan-form" ${attrs({ value: choice.id, checked: choice.checked, id: `source-${choice.id}` })}><span>${choice.name} <span class="quiet small">${choice.detail}${choice.remark !== undefined && ` · ${choice.remark}`}</span></span></label>`;
}

/** The hidden button comes first, so that Enter in a field saves instead of adding or removing a row. */
function planForm(view: PlanFormView): Html {
  const hidden = view.version === undefined ? {} : { version: view.version };
  return html`<form class="form" id="${FORM}" method="post" action="${view.action}">${hiddenInputs(hidden)}<button hidden></button>${fieldSection({ fields: [searchedField(repositoryField(view), view.repositorySearch)] })}${whenSection(view)}${fieldSection({ fields: [retentionField(view)] })}${fieldSection({ title: 'A second copy', folded: true, open: view.copies.repository !== '' || isSearched(view.copies.search), fields: copyFields(view.copies, view.errors) })}${drillFields(view.drills, view)}${fieldSection({ fields: [nameField(view), enabledField(view)] })}<div class="folds" id="plan-options">${optionSections(view.options)}</div><div class="form-actions">${button({ label: view.submit, kind: 'primary' })}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></form>`;
}

/** The parts that a search among choices comes back with, by the ids of what they replace. */
export function foundParts(view: PlanFormView): Readonly<Record<string, () => Html>> {
  const parts: [Field, ChoiceSearch | undefined][] = [
    [repositoryField(view), view.repositorySearch],
    [copyRepositoryField(view.copies, view.errors), view.copies.search],
    [drillHostField(view.drills, view.errors), view.drills.search],
  ];
  const found = parts.map(([field, search]) => [fieldPartId(field.name), () => foundChoices(field, search)] as const);
  return { ...Object.fromEntries(found), [PLAN_SOURCES]: () => sourceChoices(view) };
}

function repositoryField(view: PlanFormView): Field {
  return {
    name: 'repository',
    label: 'to the repository',
    kind: 'select',
    required: true,
    value: view.values.repository,
    options: [{ value: '', label: 'Choose…' }, ...view.repositories],
    error: view.errors['repository'],
    ...(view.repositories.length > 0
      ? {}
      : { help: html`There is none yet. ${onward({ href: view.addRepositoryHref, label: 'Add a repository' })}` }),
  };
}

function retentionField({ retention, errors }: PlanFormView): Field {
  return {
    name: 'retentionPolicy',
    label: 'and keep',
    kind: 'select',
    required: true,
    value: retention.value,
    options: retention.choices,
    error: errors['retentionPolicy'],
    help: html`What a policy does not keep is removed after clean runs. ${onward({ href: retention.policiesHref, label: 'The policies' })}`,
  };
}

function nameField(view: PlanFormView): Field {
  return {
    name: 'name',
    label: 'and call it',
    kind: 'text',
    required: true,
    placeholder: 'nightly databases',
    value: view.values.name,
    error: view.errors['name'],
  };
}

function enabledField(view: PlanFormView): Field {
  return {
    name: 'enabled',
    label: 'Let it run by its schedule',
    kind: 'checkbox',
    value: view.values.enabled,
    help: 'Switched off, it keeps its snapshots and runs only when somebody asks for it.',
  };
}

/** Typing anywhere in here, or in the options, shows the next fires and when each host begins; without JavaScript they are checked when the plan is saved. */
function whenSection(view: PlanFormView): Html {
  const { sharing } = view;
  const shared = sharing.choices.length > 0 && formField(sharedField(view));
  return html`<div class="fields" id="plan-when" hx-get="${view.firesUrl}" hx-trigger="input delay:200ms, change, input from:#plan-options delay:200ms, change from:#plan-options, change from:#f-retentionPolicy" hx-include="#plan-when, #plan-options, #f-retentionPolicy" hx-target="#plan-fires" hx-select="#plan-fires" hx-swap="outerMorph" hx-sync="this:replace">${scheduleFields(view, 'at these times', html`${shared}`)}</div>${firesPreview(view.fires, view.face)}${fieldSection({ title: 'Share these times', folded: true, open: sharing.shareAs !== '', fields: [shareAsField(view)] })}`;
}

function sharedField({ sharing, errors }: PlanFormView): Field {
  return {
    name: 'sharedSchedule',
    label: 'The shared schedule',
    kind: 'select',
    value: sharing.value,
    options: [{ value: '', label: 'Choose…' }, ...sharing.choices],
    error: errors['sharedSchedule'],
    help: html`Its zone is part of it. Whoever changes it moves every plan that uses it. ${onward({ href: sharing.schedulesHref, label: 'The shared schedules' })}`,
  };
}

function shareAsField({ sharing, errors }: PlanFormView): Field {
  return {
    name: 'shareAs',
    label: 'Save them as a shared schedule called',
    kind: 'text',
    placeholder: 'after office hours',
    value: sharing.shareAs,
    error: errors['shareAs'],
    help: 'This plan uses it from then on, and other plans may choose it. Left empty, the times are this plan’s own.',
  };
}

/** Fields at fault, for the summary at the top. */
function wrongFields(view: PlanFormView): readonly Field[] {
  const labels: Readonly<Record<string, string>> = {
    sources: 'Sources',
    repository: 'Repository',
    cron: 'Expression',
    zone: 'Time zone',
    sharedSchedule: 'Shared schedule',
    shareAs: 'Shared schedule',
    retentionPolicy: 'Retention',
    copyRepository: 'Second repository',
    copyPolicy: 'Retention of copies',
    name: 'Name',
  };
  return Object.entries(view.errors).map(([name, error]) => ({
    name,
    label: labels[name] ?? DRILL_LABELS[name] ?? labelOption(name) ?? name,
    kind: 'text',
    error,
  }));
}
