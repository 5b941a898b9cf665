/** The plans that have sources of a host, on its page. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { badge } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';

export interface HostPlanRow {
  id: string;
  name: string;
  enabled: boolean;
  /** `every day at 02:00`, or `by hand`. */
  when: string;
  /** Epoch milliseconds; undefined for one that fires by hand, or is switched off. */
  nextAt: number | undefined;
}

/** Of more than these the list of plans tells. */
const PLANS_SHOWN = 20;

export function plansPanel(view: {
  readonly urls: Urls;
  readonly face: Clockface;
  readonly id: string;
  readonly sources: readonly { readonly id: string }[];
  readonly plans: readonly HostPlanRow[];
}): Html | false {
  const { plans, sources, urls, id, face } = view;
  // Without a source there is nothing a plan could have of it.
  if (plans.length === 0 && sources.length === 0) return false;
  if (plans.length === 0)
    return panel({
      title: 'Plans',
      content: html`<p class="quiet">No plan has a source of this host, so nothing on it is backed up by itself.</p>${linkButton({ href: urls.plans(), label: 'See the plans', small: true })}`,
    });
  const more = plans.length - PLANS_SHOWN;
  return panel({
    title: 'Plans',
    aside: html`<a href="${urls.plans({ host: id })}">${formatNoun(plans.length, 'plan')}</a>`,
    content: rows(
      plans.slice(0, PLANS_SHOWN).map((plan) => ({
        id: `plan-${plan.id}`,
        title: html`<a href="${urls.plan({ plan: plan.id })}">${plan.name}</a>${!plan.enabled && html` ${badge('paused')}`}`,
        detail: plan.when,
        action: plan.nextAt !== undefined && relativeTime(plan.nextAt, face),
      })),
    ),
    ...(more > 0 ? { foot: html`<span class="quiet">${formatCount(more)} more.</span>` } : {}),
  });
}
