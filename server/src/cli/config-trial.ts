/** `plan apply --test`: what would be saved is tried from its host before anything is changed. */
import * as z from 'zod';
import type { Client } from './client.ts';
import type { Change, Values } from './config-diff.ts';
import { type ConfigFile, nameSource } from './config-file.ts';
import type { Names, ServerState } from './config-state.ts';
import { CliError } from './exit.ts';

/** Each may take its host some 20 seconds. */
const AT_ONCE = 4;

const sourceAnswer = z.looseObject({ ok: z.boolean(), message: z.string(), warnings: z.array(z.string()) });
const repositoryAnswer = z.looseObject({ state: z.enum(['ready', 'missing', 'failed']), message: z.string() });

export interface TrialParts {
  client: Client;
  file: ConfigFile;
  state: ServerState;
  names: Names;
  secrets: ReadonlyMap<Change, Values>;
}

/** A line for each that does not work or could not be asked, and for what else is to be known. */
export interface Trial {
  failures: readonly string[];
  notes: readonly string[];
}

const NOTHING: Trial = { failures: [], notes: [] };
const fail = (line: string): Trial => ({ failures: [line], notes: [] });
const tell = (...notes: string[]): Trial => ({ failures: [], notes });

/** Whether it connects otherwise than before: a new name, limit or switch changes nothing of that. */
function changesConnection({ action, fields, secrets }: Change): boolean {
  if (action === 'create') return true;
  return action === 'update' && (fields.some(({ field }) => field.startsWith('config')) || Object.keys(secrets).length > 0);
}

function draftOf({ id, wanted }: Change, host: string | undefined, secrets: Values): Values {
  const { kind, config } = wanted;
  return { host, kind, config, secrets, ...(id === undefined ? {} : { base: id }) };
}

async function trySource(change: Change, { client, file, names, secrets }: TrialParts): Promise<Trial> {
  const hostName = (file.sources ?? []).find((source) => nameSource(source) === change.name)?.host ?? '';
  const body = draftOf(change, names.hosts.get(hostName), secrets.get(change) ?? {});
  const { ok, message, warnings } = await client.send(sourceAnswer, 'POST', '/sources/test', { body });
  if (!ok) return fail(`sources ${change.name}: it does not work from ${hostName}: ${message}`);
  return tell(...warnings.map((warning) => `sources ${change.name}: ${warning}`));
}

/** The host of the first source of a plan that uses the repository: it is the one that has to reach it. */
function findUser(name: string, { file, state, names }: TrialParts): string | undefined {
  const own = (file.plans ?? []).find(({ repository, copyRepository }) => repository === name || copyRepository === name);
  const [source] = own?.sources ?? [];
  const inFile = (file.sources ?? []).find((one) => nameSource(one) === source)?.host;
  const there = state.sources.find(({ id }) => id === names.sources.get(source ?? ''))?.host;
  return (inFile === undefined ? undefined : names.hosts.get(inFile)) ?? there;
}

async function tryRepository(change: Change, parts: TrialParts): Promise<Trial> {
  const host = findUser(change.name, parts);
  if (host === undefined) return tell(`repositories ${change.name}: not tested, for no plan of the file says which host uses it`);
  const body = draftOf(change, host, parts.secrets.get(change) ?? {});
  const { state, message } = await parts.client.send(repositoryAnswer, 'POST', '/repositories/test', { body });
  const isPinned = parts.state.repositories.find(({ id }) => id === change.id)?.engineId !== undefined;
  if (state === 'failed' || (state === 'missing' && isPinned))
    return fail(`repositories ${change.name}: its host cannot open it: ${message}`);
  return state === 'missing' ? tell(`repositories ${change.name}: there is none at this address yet`) : NOTHING;
}

async function tryOne(change: Change, parts: TrialParts): Promise<Trial> {
  try {
    return await (change.section === 'sources' ? trySource(change, parts) : tryRepository(change, parts));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return fail(`${change.section} ${change.name}: not tested: ${error.message}`);
  }
}

/** Tries the sources and repositories among the changes, in their order. Nothing is saved by it. */
export async function tryChanges(changes: readonly Change[], parts: TrialParts): Promise<Trial> {
  const connecting = changes.filter(
    (change) => (change.section === 'sources' || change.section === 'repositories') && changesConnection(change),
  );
  const trials: Trial[] = [];
  for (let at = 0; at < connecting.length; at += AT_ONCE)
    trials.push(...(await Promise.all(connecting.slice(at, at + AT_ONCE).map((change) => tryOne(change, parts)))));
  return { failures: trials.flatMap(({ failures }) => failures), notes: trials.flatMap(({ notes }) => notes) };
}
