/** `/hosts/:host`: one host, its edit form, and its access. */
import { AILMENT_NAMES } from '@holdfast/shared/domain/ailments.ts';
import { HOST_HEALTH } from '@holdfast/shared/domain/host-health.ts';
import { idSchema, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, SECRETS_MODES } from '@holdfast/shared/domain/plan.ts';
import type { RunKind } from '@holdfast/shared/domain/run.ts';
import { showStoredText } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { DRAIN } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import * as z from 'zod';
import { isAllowed } from '../../../core/caller.ts';
import type { FleetLook } from '../../../core/fleet/look.ts';
import {
  chooseAgent,
  getHost,
  type HostView,
  listClaimants,
  listHostHappenings,
  revokeHost,
  rotateHostToken,
  updateHost,
} from '../../../core/hosts/hosts.ts';
import { isSpecTooBig } from '../../../core/hosts/spec-size.ts';
import { listMissedFires } from '../../../core/plans/missed-fires.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../../../core/protection/protected-sources.ts';
import { listOfferedDirectories } from '../../../core/restores/dump-files.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Run } from '../../../store/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, isShown, NO_PROBLEM, toFormProblem, toSchemaProblem } from '../forms/form-problem.ts';
import { readText, splitTags } from '../forms/form-values.ts';
import { listLimitFacts } from '../forms/limit-words.ts';
import { checkLimitsText, readLimitsText, toLimitsText } from '../forms/limits-text.ts';
import { findParts, getParam } from '../params.ts';
import { type LineName, MISSED_SHOWN, toMissedFiresView } from '../plans/missed-fires.ts';
import type { LastRunRow } from '../runs/last-runs.view.ts';
import { titleOfRun } from '../runs/runs.ts';
import { buildShell } from '../shell.ts';
import { describeSource, labelSourceKind } from '../sources/source-words.ts';
import { HOST_DRAIN_SCREENS, readDrain } from './host-drain.ts';
import { type EditHostView, editHostPage } from './host-edit.view.ts';
import {
  HOST_ANSWER_ID,
  HOST_LEDE_ID,
  HOST_PART_ID,
  type HostPageView,
  type HostSourceRow,
  hostAnswer,
  hostLede,
  hostPage,
  hostPart,
} from './host-page.view.ts';
import { tagListSchema } from './host-pending.ts';
import type { HostPlanRow } from './host-plans.view.ts';

const RUNS_SHOWN = 8;
const HAPPENINGS_SHOWN = 20;

function getHostId(visit: Visit) {
  return getParam(visit, 'host', idSchema('host'));
}

function toSourceRow({ source, protection, standing }: ProtectedSource): HostSourceRow {
  const what = [labelSourceKind(source.kind), describeSource(source)].filter((part) => part !== '').join(' · ');
  return {
    id: source.id,
    name: source.name,
    what,
    protection: protection.status,
    reason: protection.reason,
    lastGoodAt: standing?.lastGoodAt,
  };
}

function toPlanRow({ describeSchedule }: CoreContext, plan: Plan, look: FleetLook): HostPlanRow {
  const { id, name, enabled, schedule } = plan;
  const when = schedule === undefined ? 'by hand' : describeSchedule(schedule);
  return { id, name, enabled, when, nextAt: look.findNextFire(plan) };
}

/** What is no backup, though it may be about the snapshots of a plan. */
const KINDS: Readonly<Partial<Record<RunKind, string>>> = {
  forget: 'Retention',
  drill: 'Drill',
  copy: 'Copy',
  check: 'Check',
  prune: 'Prune',
  unlock: 'Unlocking',
  verify: 'Verification',
  delete_snapshot: 'Deletion of snapshots',
};

export function toRunRow(run: Run, planNames: ReadonlyMap<PlanId, string>): LastRunRow {
  const plan = run.plan === undefined ? undefined : planNames.get(run.plan);
  const about = run.kind === 'restore' ? titleOfRun(run, [], { sources: new Map() }) : KINDS[run.kind];
  const named = plan === undefined || run.kind === 'restore' ? '' : ` of ${plan}`;
  return {
    id: run.id,
    state: run.state,
    title: about === undefined ? (plan ?? 'Backup') : `${about}${named}`,
    at: run.finishedAt ?? run.startedAt ?? run.createdAt,
    durationMs: run.durationMs,
    bytes: run.bytes,
    problem: run.failure?.message,
  };
}

/** Where its plans keep what they make, by name. */
async function listRepositoriesOf(
  { store }: CoreContext,
  { caller, urls }: Visit,
  plans: readonly Plan[],
): Promise<HostPageView['repositories']> {
  const ids = new Set(
    plans.flatMap(({ repository, copyRepository }) => [repository, ...(copyRepository ? [copyRepository] : [])]),
  );
  const found = await store.repositories.findRepositories(caller.tenant, [...ids]);
  return found
    .map(({ id, name }) => ({ id, name, href: urls.repository({ repository: id }) }))
    .toSorted((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}

async function readHostPage(context: CoreContext, visit: Visit, host: HostView): Promise<HostPageView> {
  const { store, directory } = context;
  const { caller, urls } = visit;
  const { id } = host;
  const [sources, plans, runs, happenings, claimants, look, token] = await Promise.all([
    store.sources.listSourcesOfHost(caller.tenant, id).then((found) => judgeSources(context, caller, found)),
    store.plans.listPlansOfHost(caller.tenant, id),
    listRuns(context, caller, { host: id }, { limit: RUNS_SHOWN }),
    listHostHappenings(context, caller, id, HAPPENINGS_SHOWN),
    listClaimants(context, caller, id),
    context.fleet.look(caller.tenant),
    store.hosts.findNewestHostToken(caller.tenant, id),
  ]);
  const planNames = new Map(plans.map((plan) => [plan.id, plan.name]));
  const face = readClockface(context, visit);
  const nameOfPlan = (plan: PlanId): LineName => ({ name: planNames.get(plan) ?? 'another plan', href: urls.plan({ plan }) });
  const missed = toMissedFiresView(context, face, urls, {
    page: await listMissedFires(context, caller, { host: id }, { limit: MISSED_SHOWN }),
    nameOf: (fire) => nameOfPlan(fire.plan),
    pairs: plans.slice(0, MISSED_SHOWN).map((plan) => ({ plan, host, ...nameOfPlan(plan.id) })),
  });
  return {
    urls,
    face,
    missed,
    here: urls.host({ host: id }),
    id,
    name: host.name,
    standing: host.standing,
    condition: host.condition,
    ailments: (host.ailments ?? []).map(({ about, text }) => ({
      name: AILMENT_NAMES[about],
      text,
      isOfTools: about === 'tools',
    })),
    tags: host.tags,
    words: host.fingerprint.split('-'),
    joinedAt: host.createdAt,
    lastSeenAt: host.lastSeenAt,
    skewMs: host.skewMs,
    skewLevel: host.skewLevel,
    health: HOST_HEALTH,
    concurrency: host.concurrency,
    limits: listLimitFacts(host.limits),
    secretsMode: host.secretsMode,
    takesSecrets: hasCapability(host.facts, 'secrets.put'),
    drain: await readDrain(context, caller, host),
    drainMinutes: DRAIN.minutes,
    spec: {
      has: host.acknowledgedSpecVersion,
      wanted: host.specVersion,
      tooBig: host.drift && (await isSpecTooBig(context, host)),
    },
    facts: host.facts && { ...host.facts, dumpDirs: listOfferedDirectories(host).map(showStoredText) },
    heartbeat: directory.findHeartbeat(id),
    tools: host.tools.map(({ tool, found, path, version, advice }) => ({ tool, found, path, version, advice })),
    sources: sources.map(toSourceRow),
    plans: plans.map((plan) => toPlanRow(context, plan, look)),
    repositories: await listRepositoriesOf(context, visit, plans),
    token: token && { givenAt: token.createdAt, isUsed: token.firstUsedAt !== undefined },
    runs: runs.rows.map((run) => toRunRow(run, planNames)),
    happenings: happenings.map(({ at, level, text, run }) => ({ at, level, text, run })),
    claimants: claimants.map((claimant) => ({ ...claimant, isChosen: directory.findChosenBoot(id) === claimant.boot })),
    may: {
      approve: isAllowed(caller, 'host.approve'),
      manage: isAllowed(caller, 'host.manage'),
      addSources: isAllowed(caller, 'source.manage'),
    },
  };
}

async function showHost(context: CoreContext, visit: Visit): Promise<PageReply> {
  const host = await getHost(context, visit.caller, getHostId(visit));
  const view = await readHostPage(context, visit, host);
  const parts = await findParts(visit, {
    [HOST_PART_ID]: () => hostPart(view),
    [HOST_ANSWER_ID]: () => hostAnswer(view),
    [HOST_LEDE_ID]: () => hostLede(view),
  });
  return parts ?? { kind: 'page', html: hostPage(await buildShell(context, visit, 'hosts'), view) };
}

function toEditView(visit: Visit, host: HostView, problem: FormProblem, values: EditHostView['values']): EditHostView {
  const canDoWithout = hasCapability(host.facts, 'secrets.put');
  return { urls: visit.urls, id: host.id, name: host.name, values, canDoWithout, errors: problem.fields, problem: problem.text };
}

async function showEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const host = await getHost(context, visit.caller, getHostId(visit));
  const values = {
    name: host.name,
    tags: host.tags.join(', '),
    concurrency: String(host.concurrency),
    secretsMode: host.secretsMode,
    ...toLimitsText(host.limits),
  };
  const view = toEditView(visit, host, NO_PROBLEM, values);
  return { kind: 'page', html: editHostPage(await buildShell(context, visit, 'hosts'), view) };
}

const editSchema = z.object({
  name: nameSchema,
  tags: tagListSchema,
  concurrency: z.coerce.number().int('must be a whole number').min(1).max(32),
  // Left out: as it is.
  secretsMode: z.preprocess((typed) => (typed === '' ? undefined : typed), z.enum(SECRETS_MODES).optional()),
});

async function postEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, form, urls } = visit;
  const id = getHostId(visit);
  const typed = {
    name: readText(form, 'name'),
    tags: readText(form, 'tags'),
    concurrency: readText(form, 'concurrency'),
    secretsMode: readText(form, 'secretsMode'),
    ...readLimitsText((name) => readText(form, name).trim()),
  };
  const parsed = editSchema.safeParse({ ...typed, tags: splitTags(typed.tags) });
  const checked = checkLimitsText(typed);
  let problem: FormProblem;
  if (parsed.success && 'limits' in checked) {
    try {
      const host = await updateHost(context, caller, id, { ...parsed.data, limits: checked.limits });
      return { kind: 'redirect', to: urls.host({ host: id }), flash: { tone: 'good', text: `${host.name} is saved.` } };
    } catch (thrown) {
      problem = toFormProblem(thrown);
    }
  } else {
    const { text, fields } = parsed.error === undefined ? NO_PROBLEM : toSchemaProblem(parsed.error);
    problem = { text, fields: { ...fields, ...('fields' in checked ? checked.fields : {}) } };
  }
  const view = toEditView(visit, await getHost(context, caller, id), problem, typed);
  return { kind: 'page', status: 422, html: editHostPage(await buildShell(context, visit, 'hosts'), view) };
}

async function postRevoke(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const host = await getHost(context, caller, getHostId(visit));
  const back = urls.host({ host: host.id });
  // The browser asks for the typed name as well; a form made by hand does not get around it.
  if (readText(visit.form, 'confirm') !== host.name)
    return { kind: 'redirect', to: back, flash: { tone: 'bad', text: 'Nothing was revoked: the typed name is another one.' } };
  await revokeHost(context, caller, host.id);
  return { kind: 'redirect', to: back, flash: { tone: 'good', text: `${host.name} is revoked; its connection has ended.` } };
}

async function postChooseAgent(context: CoreContext, visit: Visit): Promise<PageReply> {
  const id = getHostId(visit);
  const to = visit.urls.host({ host: id });
  try {
    await chooseAgent(context, visit.caller, id, readText(visit.form, 'boot'));
    return { kind: 'redirect', to, flash: { tone: 'good', text: 'It is let in when it calls next, within a minute.' } };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { kind: 'redirect', to, flash: { tone: 'bad', text: thrown.message } };
  }
}

async function postRotate(context: CoreContext, visit: Visit): Promise<PageReply> {
  const id = getHostId(visit);
  const to = visit.urls.host({ host: id });
  try {
    await rotateHostToken(context, visit.caller, id);
    return { kind: 'redirect', to, flash: { tone: 'good', text: 'The host has its new token.' } };
  } catch (thrown) {
    if (!isShown(thrown) || (thrown instanceof AppError && thrown.code === 'not_found')) throw thrown;
    return { kind: 'redirect', to, flash: { tone: 'bad', text: thrown.message } };
  }
}

export const HOST_PAGE_SCREENS: readonly ScreenRoute[] = [
  ...HOST_DRAIN_SCREENS,
  { method: 'get', path: PAGES.host, handle: showHost },
  { method: 'get', path: PAGES.editHost, handle: showEdit },
  { method: 'post', path: PAGES.editHost, handle: postEdit },
  { method: 'post', path: PAGES.revokeHost, handle: postRevoke },
  { method: 'post', path: PAGES.rotateHostToken, handle: postRotate },
  { method: 'post', path: PAGES.chooseHostAgent, handle: postChooseAgent },
];
