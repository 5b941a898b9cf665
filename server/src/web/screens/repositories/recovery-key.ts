/** `/repositories/recovery-key`: the key to which what opens the repositories is sealed, and the proof that somebody has its other half. */
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import {
  askForRecoveryCode,
  findRecoveryKey,
  proveRecoveryKey,
  removeRecoveryKey,
  sealRecoveryKit,
  setRecoveryKey,
} from '../../../core/repositories/recovery-key.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, isShown, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { buildShell } from '../shell.ts';
import { REMOVE_WORD, type RecoveryKeyPageView, recoveryKeyPage, type SealedCode } from './recovery-key.view.ts';

/** An age file with a code in it is a third of this; it comes back with the form, because it is stored nowhere. */
const SEALED_CHARS = 2000;

interface Said {
  problem?: FormProblem | undefined;
  typed?: string | undefined;
  code?: SealedCode | undefined;
}

async function replyPage(
  context: CoreContext,
  visit: Visit,
  { problem = NO_PROBLEM, typed = '', code }: Said,
): Promise<PageReply> {
  const { caller, urls } = visit;
  const view: RecoveryKeyPageView = {
    face: readClockface(context, visit),
    crumbs: [{ label: 'Repositories', href: urls.repositories() }, { label: 'Recovery key' }],
    key: await findRecoveryKey(context, caller),
    mayManage: isAllowed(caller, 'settings.manage'),
    setAction: urls.recoveryKey(),
    removeAction: urls.removeRecoveryKey(),
    codeAction: urls.recoveryCode(),
    proveAction: urls.proveRecoveryKey(),
    kitHref: urls.recoveryKit(),
    typed,
    errors: problem.fields,
    problem: problem.text,
    code,
  };
  const isRefused = problem !== NO_PROBLEM || code?.error !== undefined;
  const html = recoveryKeyPage(await buildShell(context, visit, 'repositories'), view);
  return { kind: 'page', status: isRefused ? 422 : 200, html };
}

async function showKey(context: CoreContext, visit: Visit): Promise<PageReply> {
  return replyPage(context, visit, {});
}

function replyDone(visit: Visit, text: string): PageReply {
  return { kind: 'redirect', to: visit.urls.recoveryKey(), flash: { tone: 'good', text } };
}

async function postKey(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { form, caller } = visit;
  const recipient = readText(form, 'recipient').trim();
  const replaces = readText(form, 'replaces');
  // Only what can be a public half is shown again: the rest may be the secret one.
  const typed = recipient.startsWith('age1') ? recipient : '';
  if (replaces !== '' && readText(form, 'understood') !== 'true')
    return replyPage(context, visit, {
      typed,
      problem: { fields: { understood: 'has to be ticked before the key is replaced' } },
    });
  try {
    await setRecoveryKey(context, caller, { recipient, ...(replaces === '' ? {} : { replaces }) });
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return replyPage(context, visit, { typed, problem: toFormProblem(thrown) });
  }
  return replyDone(visit, 'The recovery key is set. Now prove that its secret half opens what is sealed to it.');
}

async function postRemoval(context: CoreContext, visit: Visit): Promise<PageReply> {
  if (readText(visit.form, 'confirm').trim() !== REMOVE_WORD)
    return replyPage(context, visit, { problem: { text: `Nothing was removed: type ${REMOVE_WORD} to confirm.`, fields: {} } });
  try {
    await removeRecoveryKey(context, visit.caller, readText(visit.form, 'recipient'));
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return replyPage(context, visit, { problem: { text: thrown.message, fields: {} } });
  }
  return replyDone(visit, 'The recovery key and everything that was sealed to it are removed.');
}

async function postCode(context: CoreContext, visit: Visit): Promise<PageReply> {
  try {
    const { sealed } = await askForRecoveryCode(context, visit.caller);
    return await replyPage(context, visit, { code: { sealed, error: undefined } });
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return replyPage(context, visit, { problem: { text: thrown.message, fields: {} } });
  }
}

async function postProof(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, form } = visit;
  await visit.takeAttempt(caller.actor.name);
  try {
    await proveRecoveryKey(context, caller, readText(form, 'code'));
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    const { fields, text } = toFormProblem(thrown);
    const error = fields['code'];
    const sealed = readText(form, 'sealed').slice(0, SEALED_CHARS).replaceAll('\r\n', '\n');
    return replyPage(
      context,
      visit,
      error === undefined ? { problem: { text: text ?? thrown.message, fields: {} } } : { code: { sealed, error } },
    );
  }
  return replyDone(visit, 'Proven: the secret half of the recovery key opens what is sealed to it.');
}

async function downloadKit(context: CoreContext, { caller }: Visit): Promise<PageReply> {
  const { sealed, madeAt } = await sealRecoveryKit(context, caller);
  const day = new Date(madeAt).toISOString().slice(0, 10);
  return { kind: 'download', fileName: `recovery-kit-${day}.age`, contentType: 'text/plain; charset=utf-8', body: sealed };
}

export const RECOVERY_KEY_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.recoveryKey, handle: showKey },
  { method: 'post', path: PAGES.recoveryKey, handle: postKey },
  { method: 'post', path: PAGES.removeRecoveryKey, handle: postRemoval },
  { method: 'post', path: PAGES.recoveryCode, handle: postCode },
  { method: 'post', path: PAGES.proveRecoveryKey, handle: postProof },
  { method: 'get', path: PAGES.recoveryKit, handle: downloadKit },
];
