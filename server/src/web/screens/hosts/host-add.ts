/** `/hosts/new`: how a host joins, and enrolment tokens. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { HOUR_MS } from '@holdfast/shared/durations.ts';
import { ENROLMENT, TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { demand, isAllowed } from '../../../core/caller.ts';
import { createEnrolmentToken, deleteEnrolmentToken, listEnrolmentTokens } from '../../../core/hosts/enrolment.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { EnrolmentToken } from '../../../store/hosts.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { type FormProblem, NO_PROBLEM, toFormProblem, toSchemaProblem } from '../forms/form-problem.ts';
import { readText, splitLines, splitTags } from '../forms/form-values.ts';
import { describeSearch, narrowOffer, readSought } from '../forms/offer.ts';
import { findId, findParts, getParam, wantsPart } from '../params.ts';
import { offerPlans } from '../plans/offered-plans.ts';
import { loadNames } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import {
  type AddHostView,
  addHostPage,
  type EnrolmentTokenRow,
  FIRST_PLAN,
  firstPlanField,
  TOKEN_LIVES,
} from './host-add.view.ts';
import { readPending, tagListSchema } from './host-pending.ts';
import { PENDING_ID, pendingHosts, waitingForHost } from './host-pending.view.ts';

function toTokenRow(token: EnrolmentToken): EnrolmentTokenRow {
  const { id, note, tags, hostname, paths, usesLeft, expiresAt } = token;
  return { id, note, tags, hostname, paths, usesLeft, expiresAt };
}

/** The part that waits, as both the page and its live update show it. */
async function readWaiting(context: CoreContext, visit: Visit): Promise<AddHostView['pending']> {
  return { ...(await readPending(context, visit)), here: visit.urls.addHost(), waiting: waitingForHost() };
}

async function readAddHost(
  context: CoreContext,
  visit: Visit,
  outcome: { problem?: FormProblem; fresh?: AddHostView['fresh'] } = {},
): Promise<AddHostView> {
  const mayEnrol = isAllowed(visit.caller, 'host.approve');
  const problem = outcome.problem ?? NO_PROBLEM;
  const names = ['note', 'uses', 'lifeHours', 'tags', 'hostname', 'paths', 'plan'];
  const values = outcome.problem ? Object.fromEntries(names.map((name) => [name, readText(visit.form, name)])) : {};
  return {
    urls: visit.urls,
    face: readClockface(context, visit),
    serverUrl: context.baseUrl,
    pending: await readWaiting(context, visit),
    mayEnrol,
    tokens: mayEnrol ? (await listEnrolmentTokens(context, visit.caller)).map(toTokenRow) : [],
    fresh: outcome.fresh,
    ...(mayEnrol ? await readPlans(context, visit) : { plans: [], planSearch: undefined }),
    tokenForm: { values, errors: problem.fields, problem: problem.text },
  };
}

/** Plans that sources of further hosts can join: their repository is on the network. */
async function readPlans(context: CoreContext, visit: Visit): Promise<Pick<AddHostView, 'plans' | 'planSearch'>> {
  const { caller, form, urls } = visit;
  const sought = readSought(visit, FIRST_PLAN);
  const keep = [findId(readText(form, FIRST_PLAN), idSchema('plan'))];
  const listed = await offerPlans(context, caller, { find: sought.find, keep });
  const ids = listed.rows.map(({ repository }) => repository);
  const { repositories } = await loadNames(context, caller, { repositories: ids });
  const offer = narrowOffer(listed, ({ repository }) => repositories.get(repository)?.kind !== 'local');
  return {
    plans: offer.rows.map(({ id, name }) => ({ value: id, label: name })),
    planSearch: describeSearch('Find a plan', sought, offer, { field: FIRST_PLAN, action: urls.enrolmentTokens() }),
  };
}

async function showAddHost(context: CoreContext, visit: Visit): Promise<PageReply> {
  if (wantsPart(visit, PENDING_ID)) return { kind: 'page', html: pendingHosts(await readWaiting(context, visit)) };
  return { kind: 'page', html: addHostPage(await buildShell(context, visit, 'hosts'), await readAddHost(context, visit)) };
}

const orUndefined = (text: string): string | undefined => (text === '' ? undefined : text);

const tokenSchema = z.object({
  note: z.string().trim().max(TEXT.nameChars),
  uses: z.coerce.number().int('must be a whole number').min(1).max(ENROLMENT.tokenMaxUses),
  lifeHours: z.enum(TOKEN_LIVES.map((life) => life.value)),
  tags: tagListSchema,
  hostname: z.string().trim().max(ENROLMENT.hostnameChars).transform(orUndefined),
  paths: z.array(z.string().max(TEXT.pathChars)).max(ENROLMENT.firstPaths),
  plan: z.union([z.literal('').transform(() => undefined), idSchema('plan')]),
});

/** A search among plans makes no token. */
async function replySearched(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'host.approve');
  const view = await readAddHost(context, visit, { problem: NO_PROBLEM });
  const part = await findParts(visit, {
    [fieldPartId(FIRST_PLAN)]: () => foundChoices(firstPlanField(view), view.planSearch),
  });
  return part ?? { kind: 'page', html: addHostPage(await buildShell(context, visit, 'hosts'), view) };
}

/** Answers with the page itself, not with a redirect: the token must not survive in an address or a message. */
async function postToken(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { form } = visit;
  if (readSought(visit, FIRST_PLAN).isAsked) return replySearched(context, visit);
  const parsed = tokenSchema.safeParse({
    note: readText(form, 'note'),
    uses: readText(form, 'uses'),
    lifeHours: readText(form, 'lifeHours'),
    tags: splitTags(readText(form, 'tags')),
    hostname: readText(form, 'hostname'),
    paths: splitLines(readText(form, 'paths')),
    plan: readText(form, 'plan'),
  });
  const outcome = parsed.success ? await tryCreateToken(context, visit, parsed.data) : { problem: toSchemaProblem(parsed.error) };
  const view = await readAddHost(context, visit, outcome);
  const shell = await buildShell(context, visit, 'hosts');
  return { kind: 'page', status: outcome.problem === undefined ? 200 : 422, html: addHostPage(shell, view) };
}

async function tryCreateToken(
  context: CoreContext,
  visit: Visit,
  wanted: z.infer<typeof tokenSchema>,
): Promise<{ problem?: FormProblem; fresh?: AddHostView['fresh'] }> {
  const { lifeHours, ...rest } = wanted;
  const { uses } = rest;
  try {
    const made = await createEnrolmentToken(context, visit.caller, { ...rest, lifeMs: Number(lifeHours) * HOUR_MS });
    return { fresh: { token: made.token, uses, expiresAt: made.row.expiresAt } };
  } catch (thrown) {
    return { problem: toFormProblem(thrown) };
  }
}

async function postTokenEnd(context: CoreContext, visit: Visit): Promise<PageReply> {
  await deleteEnrolmentToken(context, visit.caller, getParam(visit, 'token', idSchema('enrolmentToken')));
  return { kind: 'redirect', to: visit.urls.addHost(), flash: { tone: 'good', text: 'The token has ended.' } };
}

export const ADD_HOST_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.addHost, handle: showAddHost },
  { method: 'post', path: PAGES.enrolmentTokens, handle: postToken },
  { method: 'post', path: PAGES.deleteEnrolmentToken, handle: postTokenEnd },
];
