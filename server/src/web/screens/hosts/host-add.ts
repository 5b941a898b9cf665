/** `/hosts/new`: how a host joins, and enrolment tokens. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { HOUR_MS } from '@holdfast/shared/durations.ts';
import { ENROLMENT, HTTP, TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { isAllowed } from '../../../core/caller.ts';
import { createEnrolmentToken, deleteEnrolmentToken, listEnrolmentTokens } from '../../../core/hosts/enrolment.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { EnrolmentToken } from '../../../store/hosts.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, NO_PROBLEM, toFormProblem, toSchemaProblem } from '../forms/form-problem.ts';
import { readText, splitLines, splitTags } from '../forms/form-values.ts';
import { getParam, wantsPart } from '../params.ts';
import { loadNames } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { type AddHostView, addHostPage, type EnrolmentTokenRow, TOKEN_LIVES } from './host-add.view.ts';
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
    plans: mayEnrol ? await offerPlans(context, visit) : [],
    tokenForm: { values, errors: problem.fields, problem: problem.text },
  };
}

/** Plans that sources of further hosts can join: their repository is on the network. */
async function offerPlans(context: CoreContext, { caller }: Visit): Promise<AddHostView['plans']> {
  const { rows } = await listPlans(context, caller, {}, { limit: HTTP.pageSizeMax });
  const { repositories } = await loadNames(context, caller, { repositories: rows.map(({ repository }) => repository) });
  return rows
    .filter(({ repository }) => repositories.get(repository)?.kind !== 'local')
    .map(({ id, name }) => ({ value: id, label: name }));
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

/** Answers with the page itself, not with a redirect: the token must not survive in an address or a message. */
async function postToken(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { form } = visit;
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
