/** `/settings/keys`: keys of programs, each with its scopes and its end. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '../../../core/accounts/api-keys.ts';
import { SCOPE_WORDS, SCOPES } from '../../../core/accounts/scopes.ts';
import { demand, listScopes } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { ApiKey } from '../../../store/people.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readList, readText } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import { type ApiKeyLine, type ApiKeysView, apiKeysPage } from './api-keys.view.ts';

const NEVER = 'never';
const LIVES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: NEVER, label: 'until it is revoked' },
] as const;
const USUAL_LIFE = '90';

type Outcome = { problem?: FormProblem; fresh?: ApiKeysView['fresh'] };

function toLine({ urls }: Visit, key: ApiKey, now: number): ApiKeyLine {
  const { id, name, scopes, createdAt, lastUsedAt, expiresAt, revokedAt } = key;
  const state = revokedAt !== undefined ? 'revoked' : expiresAt !== undefined && expiresAt <= now ? 'expired' : 'valid';
  return { id, name, scopes, createdAt, lastUsedAt, expiresAt, state, revokeAction: urls.revokeApiKey({ key: id }) };
}

async function render(context: CoreContext, visit: Visit, outcome: Outcome = {}): Promise<PageReply> {
  demand(visit.caller, 'people.manage');
  const { caller, urls, form } = visit;
  const { problem } = outcome;
  const now = context.clock.now();
  const lines = (await listApiKeys(context, caller)).map((key) => toLine(visit, key, now));
  // What may still be used stands first, the newest first; what has ended is history.
  const keys = [...lines].reverse().sort((a, b) => Number(a.state !== 'valid') - Number(b.state !== 'valid'));
  const view: ApiKeysView = {
    here: urls.apiKeys(),
    settings: urls.settings(),
    face: readClockface(context, visit),
    keys,
    fresh: outcome.fresh,
    add: {
      name: problem === undefined ? '' : readText(form, 'name'),
      scopes: problem === undefined ? [] : readList(form, 'scopes'),
      life: problem === undefined ? USUAL_LIFE : readText(form, 'life'),
      scopeOptions: SCOPES.filter((scope) => scope !== 'read' && listScopes(caller).includes(scope)).map((scope) => ({
        value: scope,
        label: scope,
        help: SCOPE_WORDS[scope],
      })),
      lifeOptions: LIVES,
      errors: (problem ?? NO_PROBLEM).fields,
      problem: problem?.text,
    },
  };
  const shell = await buildShell(context, visit, 'settings');
  return { kind: 'page', status: problem === undefined ? 200 : 422, html: apiKeysPage(shell, view) };
}

/** Answers with the page itself, not with a redirect: the key must not survive in an address or a message. */
async function post(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'people.manage');
  const { form } = visit;
  const wished = readList(form, 'scopes');
  const life = LIVES.find(({ value }) => value === readText(form, 'life'))?.value;
  if (life === undefined) return render(context, visit, { problem: { fields: { life: 'choose one of these' } } });
  const scopes = SCOPES.filter((scope) => wished.includes(scope));
  const expiresAt = life === NEVER ? undefined : context.clock.now() + Number(life) * DAY_MS;
  try {
    const { key, token } = await createApiKey(context, visit.caller, { name: readText(form, 'name'), scopes, expiresAt });
    return render(context, visit, { fresh: { name: key.name, token, scopes: key.scopes } });
  } catch (thrown) {
    return render(context, visit, { problem: toFormProblem(thrown) });
  }
}

async function revoke(context: CoreContext, visit: Visit): Promise<PageReply> {
  await revokeApiKey(context, visit.caller, getParam(visit, 'key', idSchema('apiKey')));
  return { kind: 'redirect', to: visit.urls.apiKeys(), flash: { tone: 'good', text: 'The key is revoked.' } };
}

export const API_KEY_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.apiKeys, handle: (context, visit) => render(context, visit) },
  { method: 'post', path: PAGES.apiKeys, handle: post },
  { method: 'post', path: PAGES.revokeApiKey, handle: revoke },
];
