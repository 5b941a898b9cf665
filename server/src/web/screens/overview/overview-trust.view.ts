/** The side of the overview that looks over weeks: proofs, storage, 90 days. What was never measured is not drawn. */
import { type Html, html } from '../../html.ts';
import { type CalendarDay, calendarStrip, sparkline } from '../../ui/charts.ts';
import { figure, panel } from '../../ui/panel.ts';

export interface TrustView {
  proofs: { count: string; of: string; detail: string } | undefined;
  growth: { aside: string; values: readonly number[]; label: string } | undefined;
  strip: { days: readonly CalendarDay[]; aside: string; label: string } | undefined;
  drillsHref: string;
  repositoriesHref: string;
  reportsHref: string;
}

export function proofsPanel({ proofs, drillsHref }: TrustView): Html | false {
  if (proofs === undefined) return false;
  return panel({
    title: 'Recovery proven',
    aside: html`<a href="${drillsHref}">drills</a>`,
    content: figure({ value: proofs.count, of: proofs.of, detail: proofs.detail === '' ? undefined : proofs.detail }),
  });
}

export function growthPanel({ growth, repositoriesHref }: TrustView): Html | false {
  if (growth === undefined) return false;
  return panel({
    title: 'Stored',
    aside: html`<a href="${repositoriesHref}">${growth.aside}</a>`,
    content: sparkline({ values: growth.values, label: growth.label }),
  });
}

export function stripPanel({ strip, reportsHref }: TrustView): Html | false {
  if (strip === undefined) return false;
  return panel({
    title: '90 days',
    aside: html`<a href="${reportsHref}">${strip.aside}</a>`,
    content: calendarStrip({ days: strip.days, label: strip.label }),
  });
}
