/** `/repositories/recovery-sheet` and `/repositories/:repository/password`: what opens repositories without Holdfast, and the proof that somebody can. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { type Caller, demand, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { findProof, judgePassword, provePassword } from '../../../core/repositories/password-proof.ts';
import { readRecoverySheet } from '../../../core/repositories/recovery-sheet.ts';
import { getRepository } from '../../../core/repositories/repositories.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { type FormProblem, isShown, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId, findParts, getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import { describeRepository } from '../sources/source-words.ts';
import { recoverySheetPage } from './recovery-sheet.view.ts';
import {
  type PasswordPanelView,
  type PasswordView,
  type ProvePageView,
  provePage,
  provingHostField,
} from './repository-password.view.ts';
import { chooseHost, toHostOption } from './repository-test.ts';

async function readPasswordView(context: CoreContext, caller: Caller, repository: Repository): Promise<PasswordView> {
  const standing = judgePassword(repository, context.clock.now());
  const proof = findProof(repository);
  if (proof?.host === undefined) return { standing, proof: proof && { at: proof.at, by: proof.by, host: undefined } };
  const host = await context.store.hosts.findHost(caller.tenant, proof.host);
  return { standing, proof: { at: proof.at, by: proof.by, host: host?.name ?? 'a host that is gone' } };
}

/** For the page of the repository. */
export async function readPasswordPanel(
  context: CoreContext,
  { caller, urls }: Visit,
  repository: Repository,
): Promise<PasswordPanelView> {
  return {
    ...(await readPasswordView(context, caller, repository)),
    sealedAt: repository.sealedCopy?.madeAt,
    sheetHref: urls.recoverySheet(),
    keyHref: urls.recoveryKey(),
    proveHref: isAllowed(caller, 'repository.manage') ? urls.provePassword({ repository: repository.id }) : undefined,
  };
}

async function showSheet(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const { madeAt, repositories, recipient } = await readRecoverySheet(context, caller);
  const mayManage = isAllowed(caller, 'repository.manage');
  return {
    kind: 'page',
    html: recoverySheetPage(await buildShell(context, visit, 'repositories'), {
      face: readClockface(context, visit),
      crumbs: [{ label: 'Repositories', href: urls.repositories() }, { label: 'Recovery sheet' }],
      madeAt,
      addHref: mayManage ? urls.addRepository() : undefined,
      recoveryKey: { href: urls.recoveryKey(), recipient },
      repositories: repositories.map(({ id, password, proof, sources, engineId, onHost, sealedAt, ...repository }) => ({
        ...repository,
        id,
        engineId,
        onHost,
        sealedAt,
        href: urls.repository({ repository: id }),
        password: { standing: password, proof: proof && { at: proof.at, by: proof.by, host: proof.from } },
        proveHref: mayManage && engineId !== undefined ? urls.provePassword({ repository: id }) : undefined,
        sources: sources.map(({ id: source, name, host, kind, newest, lines }) => ({
          ...{ id: source, title: `${host} / ${name}`, kind, newest, lines },
        })),
      })),
    }),
  };
}

/** What was typed never comes back. */
async function replyForm(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  problem: FormProblem = NO_PROBLEM,
): Promise<PageReply> {
  const { caller, urls } = visit;
  const { id, name, testedFrom } = repository;
  const posted = readText(visit.form, 'host');
  const sought = readSought(visit, 'host');
  const keep = [findId(posted, idSchema('host')), testedFrom];
  const offer = await offerHosts(context, caller, { find: sought.find, keep });
  const back = urls.repository({ repository: id });
  const action = urls.provePassword({ repository: id });
  const isRefused = problem !== NO_PROBLEM;
  const { password, ...others } = problem.fields;
  const view: ProvePageView = {
    face: readClockface(context, visit),
    crumbs: [{ label: 'Repositories', href: urls.repositories() }, { label: name, href: back }, { label: 'Password' }],
    name,
    where: describeRepository(repository),
    action,
    cancelHref: back,
    hosts: offer.rows.map(toHostOption),
    chosenHost: chooseHost(offer.rows, testedFrom, posted)?.id,
    hostSearch: describeSearch('Find a host', sought, offer, { field: 'host', action }),
    password: await readPasswordView(context, caller, repository),
    error: password,
    problem: problem.text ?? Object.values(others)[0],
  };
  const part = { [fieldPartId('host')]: () => foundChoices(provingHostField(view), view.hostSearch) };
  const html = async () => provePage(await buildShell(context, visit, 'repositories'), view);
  return (await findParts(visit, part)) ?? { kind: 'page', status: isRefused ? 422 : 200, html: await html() };
}

async function readRepository(context: CoreContext, visit: Visit): Promise<Repository> {
  demand(visit.caller, 'repository.manage');
  return getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));
}

async function showForm(context: CoreContext, visit: Visit): Promise<PageReply> {
  return replyForm(context, visit, await readRepository(context, visit));
}

async function postProof(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const repository = await readRepository(context, visit);
  if (readSought(visit, 'host').isAsked) return replyForm(context, visit, repository);
  try {
    const host = findId(readText(visit.form, 'host'), idSchema('host'));
    if (host === undefined) throw new AppError('invalid', 'choose the host that is to open the repository');
    await provePassword(context, caller, repository.id, { host, password: readText(visit.form, 'password') });
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return replyForm(context, visit, repository, toFormProblem(thrown));
  }
  const text = `Proven: your copy of the password opens ${repository.name}.`;
  return { kind: 'redirect', to: urls.repository({ repository: repository.id }), flash: { tone: 'good', text } };
}

export const REPOSITORY_PASSWORD_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.recoverySheet, handle: showSheet },
  { method: 'get', path: PAGES.provePassword, handle: showForm },
  { method: 'post', path: PAGES.provePassword, handle: postProof },
];
