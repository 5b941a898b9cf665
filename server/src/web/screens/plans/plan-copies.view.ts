/** The second repository of a plan: two fields of its form, and a panel on its page. */
import type { RunState } from '@holdfast/shared/domain/run.ts';
import { type Html, html } from '../../html.ts';
import { postButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import type { Field, FieldOption } from '../../ui/form.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';
import { describeSums, type PlanRetentionView, sourceNotices } from './plan-retention.view.ts';

export type CopiesFormView = {
  readonly repository: string;
  readonly policy: string;
  readonly repositories: readonly FieldOption[];
  readonly search: ChoiceSearch | undefined;
  readonly policies: readonly FieldOption[];
};

export function copyRepositoryField(view: CopiesFormView, errors: Readonly<Record<string, string>>): Field {
  return {
    name: 'copyRepository',
    label: 'and copy each clean backup to',
    kind: 'select',
    value: view.repository,
    options: [{ value: '', label: 'No second repository' }, ...view.repositories],
    error: errors['copyRepository'],
    help: 'Each host copies by itself, from the first repository to the second, also while this server is away.',
  };
}

export function copyFields(view: CopiesFormView, errors: Readonly<Record<string, string>>): readonly Field[] {
  return [
    searchedField(copyRepositoryField(view, errors), view.search),
    {
      name: 'copyPolicy',
      label: 'and keep the copies',
      kind: 'select',
      value: view.policy,
      options: view.policies,
      error: errors['copyPolicy'],
    },
  ];
}

export type PlanCopiesView = {
  readonly repository: { readonly name: string; readonly href: string };
  /** Backups of which the second repository never had a copy. */
  readonly missing: number;
  readonly hasMore: boolean;
  readonly newestMissing?: number | undefined;
  readonly last?: { readonly href: string; readonly state: RunState; readonly isOver: boolean; readonly at: number } | undefined;
  /** How long copies are kept, and what goes of them next. */
  readonly retention: PlanRetentionView;
  readonly copiesHref: string;
  /** Where copying is asked for; undefined where nothing is missing, or one may not. */
  readonly action?: string | undefined;
};

export function planCopiesPanel(view: PlanCopiesView, face: Clockface): Html {
  const count = `${formatNoun(view.missing, 'backup')}${view.hasMore ? ' or more' : ''}`;
  const isUnderWay = view.last !== undefined && !view.last.isOver;
  const trouble =
    view.missing > 0 &&
    !isUnderWay &&
    callout({
      tone: 'warning',
      text: html`${count} ${view.missing === 1 ? 'is' : 'are'} not in the second repository${view.newestMissing !== undefined && html`, the newest of them made ${relativeTime(view.newestMissing, face)}`}.`,
      ...(view.action === undefined
        ? {}
        : { action: postButton({ action: view.action, label: 'Copy what is missing', small: true }) }),
    });
  const pairs = [
    { label: 'repository', value: html`<a href="${view.repository.href}">${view.repository.name}</a>` },
    { label: 'missing there', value: view.missing === 0 ? 'nothing' : count },
    ...(view.last === undefined
      ? []
      : [
          {
            label: 'last copy',
            value: html`<a href="${view.last.href}">${view.last.state}</a> ${relativeTime(view.last.at, face)}`,
          },
        ]),
    { label: 'copies', value: html`<a href="${view.copiesHref}">show them</a>` },
    { label: 'retention', value: copiesRetention(view.retention) },
  ];
  return panel({
    title: 'Second repository',
    content: html`<div class="stack">${trouble}${sourceNotices(view.retention)}${facts(pairs)}</div>`,
  });
}

/** In a few words, with the way to all of it. */
function copiesRetention({ policy, problem, sources, allHref }: PlanRetentionView): Html {
  if (policy === undefined) return html`copies are kept for ever`;
  const sums = problem === undefined ? describeSums(sources) : 'what goes is not known';
  const all = sources.length === 0 && problem === undefined ? 'none yet' : html`<a href="${allHref ?? policy.href}">${sums}</a>`;
  return html`<a href="${policy.href}">${policy.name}</a>: ${all}`;
}
