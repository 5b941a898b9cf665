/** `/retention/cap`: the cap of age over all policies, shown with what it would remove before it is set. */
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { SUGGESTED_CAP_DAYS } from '../../../core/retention/retention-cap.ts';
import {
  type CapPreview,
  getRetentionCap,
  previewRetentionCap,
  setRetentionCap,
} from '../../../core/retention/retention-cap-change.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { isShown, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { type RetentionCapView, retentionCapPage } from './retention-cap.view.ts';

const readDays = (text: string): number => (/^\d{1,6}$/.test(text.trim()) ? Number(text.trim()) : Number.NaN);

async function toPreview(context: CoreContext, visit: Visit, preview: CapPreview): Promise<RetentionCapView['preview']> {
  const { cap, plans, ...rest } = preview;
  const names = await loadNames(context, visit.caller, { repositories: plans.map(({ repository }) => repository) });
  return {
    ...rest,
    days: cap.maxAgeDays,
    lines: plans.map(({ plan, repository, ...counts }) => ({
      ...counts,
      plan: plan.name,
      href: visit.urls.plan({ plan: plan.id }),
      repository: nameOf(names.repositories, repository, 'repository'),
    })),
  };
}

async function replyPage(
  context: CoreContext,
  visit: Visit,
  typed: string,
  problem = NO_PROBLEM,
  preview?: RetentionCapView['preview'],
): Promise<PageReply> {
  const { urls } = visit;
  const view: RetentionCapView = {
    crumbs: [{ label: 'Retention', href: urls.retention() }, { label: 'Cap of age' }],
    action: urls.retentionCap(),
    retentionHref: urls.retention(),
    capDays: (await getRetentionCap(context, visit.caller)).maxAgeDays,
    typed,
    error: problem.fields['maxAgeDays'],
    problem: problem.text,
    preview,
  };
  return { kind: 'page', html: retentionCapPage(await buildShell(context, visit, 'retention'), view) };
}

async function lookAt(context: CoreContext, visit: Visit, typed: string, problem = NO_PROBLEM): Promise<PageReply> {
  try {
    const preview = await previewRetentionCap(context, visit.caller, { maxAgeDays: readDays(typed) });
    return await replyPage(context, visit, typed, problem, await toPreview(context, visit, preview));
  } catch (thrown) {
    return replyPage(context, visit, typed, toFormProblem(thrown));
  }
}

async function showCap(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'settings.manage');
  const typed = readText(visit.query, 'days');
  if (typed !== '') return lookAt(context, visit, typed);
  const { maxAgeDays } = await getRetentionCap(context, visit.caller);
  return replyPage(context, visit, String(maxAgeDays === 0 ? SUGGESTED_CAP_DAYS : maxAgeDays));
}

async function postCap(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  demand(caller, 'settings.manage');
  const typed = readText(visit.form, 'days');
  const seen = readDays(readText(visit.form, 'seen'));
  if (seen > 0 && readText(visit.form, 'confirm').trim() !== `cap ${typed}`)
    return lookAt(context, visit, typed, { text: `Nothing was changed: type cap ${typed} to confirm.`, fields: {} });
  try {
    const { maxAgeDays } = await setRetentionCap(context, caller, { maxAgeDays: readDays(typed) }, seen);
    const text = maxAgeDays === 0 ? 'The cap is taken away.' : `The cap is set to ${maxAgeDays} days.`;
    return { kind: 'redirect', to: urls.retention(), flash: { tone: 'good', text } };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return lookAt(context, visit, typed, toFormProblem(thrown));
  }
}

export const RETENTION_CAP_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.retentionCap, handle: showCap },
  { method: 'post', path: PAGES.retentionCap, handle: postCap },
];
