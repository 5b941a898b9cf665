/** `/plans/:plan/retention`, and the part of a plan's page that says what its retention would do next. */
import { idSchema, type PolicyId, type RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { describePolicy } from '@holdfast/shared/domain/retention-policy.ts';
import { describeFreeze, describeKeep, describeRemove } from '@holdfast/shared/domain/retention-words.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { startForget } from '../../../core/retention/forget.ts';
import { listPolicies, STANDARD_POLICY } from '../../../core/retention/retention-policies.ts';
import {
  type PreviewedBackup,
  previewRetention,
  type RetentionPreview,
  type SourcePreview,
} from '../../../core/retention/retention-preview.ts';
import { readWholeList } from '../../../core/whole-list.ts';
import type { Plan } from '../../../store/plans.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import type { FieldOption } from '../../ui/form.ts';
import { formatBytes, formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { findId, getParam } from '../params.ts';
import { loadNames, type Names, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import {
  type BackupLine,
  type PlanRetentionPageView,
  type PlanRetentionView,
  planRetentionPage,
  type RetentionAct,
  type RetentionPlace,
  type SourceRetentionLine,
} from './plan-retention.view.ts';

/** Of those that go next time, on the plan's page. */
const LEAVING_SHOWN = 8;
const BACKUPS_SHOWN = 300;

function nameSource(names: Names, { source, host }: SourcePreview): string {
  return `${nameOf(names.hosts, host, 'host')} / ${nameOf(names.sources, source, 'source')}`;
}

function toLine(one: SourcePreview, preview: RetentionPreview, names: Names, visit: Visit): SourceRetentionLine {
  const { source, kept, removed, frozen, needsPerson } = one;
  return {
    name: nameSource(names, one),
    href: visit.urls.planRetention({ plan: preview.plan.id }, { ...nameElsewhere(preview), source }),
    kept,
    removed,
    frozen: frozen && describeFreeze(frozen),
    needsPerson,
  };
}

/** Asks for attention first: what is frozen or waits, then what goes. */
function weighSource({ frozen, needsPerson, removed }: SourcePreview): number {
  return frozen !== undefined || needsPerson ? 2 : removed > 0 ? 1 : 0;
}

/** The query of the page; that of the plan's own repository has none. */
function nameElsewhere({ plan, repository }: RetentionPreview): { repository?: RepositoryId } {
  return repository === plan.repository ? {} : { repository };
}

/** What would go, were every host asked now; undefined when nothing would. */
function findAct(preview: RetentionPreview, urls: Visit['urls']): RetentionAct | undefined {
  const { plan, sources } = preview;
  const tidied = sources.filter(({ frozen, removed }) => frozen === undefined && removed > 0);
  if (tidied.length === 0) return undefined;
  return {
    action: urls.forgetPlan({ plan: plan.id }),
    plan: plan.name,
    ...nameElsewhere(preview),
    backups: tidied.reduce((sum, { removed }) => sum + removed, 0),
    sources: tidied.length,
    needsPerson: tidied.some(({ needsPerson }) => needsPerson),
  };
}

function toView(context: CoreContext, visit: Visit, preview: RetentionPreview, names: Names): PlanRetentionView {
  const { urls, caller } = visit;
  const { plan, policy, problem, capDays = 0 } = preview;
  const cap = capDays > 0 ? ` Nothing older than ${formatNoun(capDays, 'day')}, a setting.` : '';
  const sources = preview.sources.toSorted((a, b) => weighSource(b) - weighSource(a));
  const leaving = sources.flatMap((source) =>
    source.needsPerson
      ? []
      : source.backups.flatMap(({ decision, snapshot }) =>
          decision.verdict === 'keep'
            ? []
            : [
                {
                  id: snapshot.id,
                  at: snapshot.createdAt,
                  href: urls.snapshot({ snapshot: snapshot.id }),
                  source: nameSource(names, source),
                  why: describeRemove(decision.because),
                },
              ],
        ),
  );
  return {
    face: readClockface(context, visit),
    ...(policy === undefined
      ? {}
      : {
          policy: {
            name: policy.name,
            href: urls.policy({ policy: policy.id }),
            words: `${describePolicy(policy.policy, formatBytes)}${cap}`,
          },
        }),
    ...(isAllowed(caller, 'plan.manage') ? { chooseHref: urls.editPlan({ plan: plan.id }) } : {}),
    problem,
    sources: sources.map((source) => toLine(source, preview, names, visit)),
    ...(isAllowed(caller, 'plan.manage') ? { act: findAct(preview, urls) } : {}),
    leaving: leaving.slice(0, LEAVING_SHOWN),
    isOfCopies: preview.repository !== plan.repository,
    allHref: urls.planRetention({ plan: plan.id }, nameElsewhere(preview)),
    liveUrl: urls.plan({ plan: plan.id }),
  };
}

async function readNames(context: CoreContext, visit: Visit, { plan, sources }: RetentionPreview): Promise<Names> {
  return loadNames(context, visit.caller, {
    sources: sources.map(({ source }) => source),
    hosts: sources.map(({ host }) => host),
    repositories: [plan.repository, ...(plan.copyRepository === undefined ? [] : [plan.copyRepository])],
  });
}

/** What the page of a plan says of its retention: in its own repository, or in the second one. */
export async function readPlanRetention(
  context: CoreContext,
  visit: Visit,
  plan: Plan,
  where: RepositoryId = plan.repository,
): Promise<PlanRetentionView> {
  const preview = await previewRetention(context, visit.caller, plan.id, where);
  return toView(context, visit, preview, await readNames(context, visit, preview));
}

function toBackupLine({ decision, snapshot }: PreviewedBackup, needsPerson: boolean, visit: Visit): BackupLine {
  const because =
    decision.verdict === 'remove' ? [describeRemove(decision.because)] : decision.because.map((reason) => describeKeep(reason));
  return {
    id: snapshot.id,
    href: visit.urls.snapshot({ snapshot: snapshot.id }),
    at: snapshot.createdAt,
    verdict: decision.verdict === 'keep' ? 'stays' : needsPerson ? 'waits' : 'goes',
    because,
    storedBytes: decision.snapshot.storedBytes,
    isPinned: decision.snapshot.isPinned,
  };
}

/** Where the plan keeps backups; none to choose where there is one place alone. */
function listPlaces({ plan, repository }: RetentionPreview, names: Names, urls: Visit['urls']): readonly RetentionPlace[] {
  if (plan.copyRepository === undefined) return [];
  return [plan.repository, plan.copyRepository].map((place) => ({
    name: nameOf(names.repositories, place, 'repository'),
    what: place === plan.repository ? 'backups' : 'copies',
    href: urls.planRetention({ plan: plan.id }, place === plan.repository ? {} : { repository: place }),
    isShown: place === repository,
  }));
}

async function showRetention(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { urls } = visit;
  const where = findId(findText(visit.query, 'repository'), idSchema('repository'));
  const preview = await previewRetention(context, visit.caller, getParam(visit, 'plan', idSchema('plan')), where);
  const { plan } = preview;
  const names = await readNames(context, visit, preview);
  const isOfCopies = preview.repository !== plan.repository;
  const wanted = findId(findText(visit.query, 'source'), idSchema('source'));
  const shown = preview.sources.find(({ source }) => source === wanted) ?? preview.sources[0];
  const view: PlanRetentionPageView = {
    ...toView(context, visit, preview, names),
    allHref: undefined,
    liveUrl: visit.here,
    title: isOfCopies ? `Retention of copies of ${plan.name}` : `Retention of ${plan.name}`,
    crumbs: [
      { label: 'Plans', href: urls.plans() },
      { label: plan.name, href: urls.plan({ plan: plan.id }) },
      { label: isOfCopies ? 'Retention of copies' : 'Retention' },
    ],
    heading: `What “${plan.name}” keeps${isOfCopies ? ' of its copies' : ''}, and what goes next.`,
    places: listPlaces(preview, names, urls),
    backups: (shown?.backups ?? []).slice(0, BACKUPS_SHOWN).map((one) => toBackupLine(one, shown?.needsPerson ?? false, visit)),
    left: Math.max(0, (shown?.backups.length ?? 0) - BACKUPS_SHOWN),
    ...(shown === undefined ? {} : { shown: toLine(shown, preview, names, visit) }),
  };
  return { kind: 'page', html: planRetentionPage(await buildShell(context, visit, 'plans'), view) };
}

/** The choice of a form that keeps everything. */
export const EVERYTHING = 'everything';

/** The policy that was chosen in a form; a form without the field chose none. */
export function checkPolicyChoice(text: string): { policy: PolicyId | undefined } | { problem: string } {
  if (text === EVERYTHING || text === '') return { policy: undefined };
  const policy = findId(text, idSchema('policy'));
  return policy === undefined ? { problem: 'Choose one of the policies.' } : { policy };
}

/** What a plan may go by: all there are, as `COUNTS.retentionPolicies` keeps them few. */
export async function readPolicyChoices(context: CoreContext, visit: Visit): Promise<readonly FieldOption[]> {
  const all = await readWholeList((page) => listPolicies(context, visit.caller, {}, page));
  return [
    { value: EVERYTHING, label: 'Everything: nothing is ever removed' },
    ...all.map((policy) => ({ value: policy.id, label: policy.name })),
  ];
}

function findPolicy({ store }: CoreContext, { caller }: Visit, id: PolicyId) {
  return store.policies.findPolicy(caller.tenant, id);
}

/** What the form of a new plan begins with: the standard policy while there is one. */
export async function findUsualPolicy(context: CoreContext, visit: Visit): Promise<string> {
  return (await findPolicy(context, visit, STANDARD_POLICY))?.id ?? EVERYTHING;
}

async function forgetNow(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { urls } = visit;
  const plan = getParam(visit, 'plan', idSchema('plan'));
  const repository = findId(readText(visit.form, 'repository'), idSchema('repository'));
  try {
    const isApproved = readText(visit.form, 'isApproved') === 'true';
    const { runs } = await startForget(context, visit.caller, plan, { isApproved, repository });
    const [first] = runs;
    if (runs.length === 1 && first !== undefined) return { kind: 'redirect', to: urls.run({ run: first.id }) };
    const text = `${formatNoun(runs.length, 'run')} started, one on each host of the plan.`;
    return { kind: 'redirect', to: urls.runs({ plan }), flash: { tone: 'good', text } };
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to: urls.plan({ plan }), flash: { tone: 'bad', text: thrown.message } };
  }
}

export const PLAN_RETENTION_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.planRetention, handle: showRetention },
  { method: 'post', path: PAGES.forgetPlan, handle: forgetNow },
];
