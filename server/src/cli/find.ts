/** Things by the names people gave them, or by their ids. */
import * as z from 'zod';
import type { Client } from './client.ts';
import { CliError, createUsageError, EXIT } from './exit.ts';
import type { ThingKind } from './reads.ts';

export const THING_PATHS: Readonly<Record<ThingKind, { path: string; prefix: string; word: string }>> = {
  host: { path: '/hosts', prefix: 'host_', word: 'host' },
  source: { path: '/sources', prefix: 'src_', word: 'source' },
  repository: { path: '/repositories', prefix: 'repo_', word: 'repository' },
  plan: { path: '/plans', prefix: 'plan_', word: 'plan' },
  policy: { path: '/retention-policies', prefix: 'pol_', word: 'retention policy' },
  schedule: { path: '/shared-schedules', prefix: 'sched_', word: 'shared schedule' },
  channel: { path: '/channels', prefix: 'chan_', word: 'channel' },
  user: { path: '/users', prefix: 'user_', word: 'person' },
};

/** Names asked for one by one, so many at a time; where more are wanted the whole list is read. */
const ASKED_MOST = 50;
const AT_ONCE = 8;

const namedSchema = z.looseObject({ id: z.string(), name: z.string(), host: z.string().optional() });

/** Checked before it becomes part of a path. */
export function checkId(text: string): string {
  if (/^[a-z]+_[A-Za-z0-9_-]{1,60}$/.test(text)) return text;
  throw createUsageError(`${text} is not an id, such as run_01m7w8fjg214mrvmr5tgwt9038`);
}

/**
 * The id of the thing that has this name, or this id. A source is also found as `host/name`, since every host may have
 * one of the same name.
 */
export async function findThing(client: Client, kind: ThingKind, text: string): Promise<string> {
  const { path, prefix, word } = THING_PATHS[kind];
  if (text.startsWith(prefix)) return checkId(text);
  const slash = kind === 'source' ? text.indexOf('/') : -1;
  const [hostName, name] = slash > 0 ? [text.slice(0, slash), text.slice(slash + 1)] : [undefined, text];
  const host = hostName === undefined ? undefined : await findThing(client, 'host', hostName);
  const query = kind === 'channel' ? {} : { search: name, ...(host === undefined ? {} : { host }) };
  const rows = await client.list(namedSchema, path, query);
  const found = rows.filter((row) => row.name === name);
  const [first] = found;
  if (first === undefined) throw new CliError(EXIT.failed, `there is no ${word} called ${text}`);
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(', ');
    throw createUsageError(`there are ${found.length} called ${text}: give host/name, or one of the ids ${ids}`);
  }
  return first.id;
}

/** What these ids are called; what is gone by now has no name. */
export async function readNames(client: Client, kind: ThingKind, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { path } = THING_PATHS[kind];
  if (ids.length > ASKED_MOST) return new Map((await client.list(namedSchema, path)).map(({ id, name }) => [id, name]));
  const names = new Map<string, string>();
  const ask = async (id: string): Promise<void> => {
    try {
      names.set(id, (await client.get(namedSchema, `${path}/${checkId(id)}`)).name);
    } catch (thrown) {
      if (!(thrown instanceof CliError) || thrown.exitCode !== EXIT.failed) throw thrown;
    }
  };
  for (let at = 0; at < ids.length; at += AT_ONCE) await Promise.all(ids.slice(at, at + AT_ONCE).map(ask));
  return names;
}
