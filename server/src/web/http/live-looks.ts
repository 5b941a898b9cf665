/**
 * What pages look up by themselves: after one change, many tabs ask for the same piece at the same moment. It is made once for all who
 * wait for it, for nobody in particular, so that it holds what anybody of the same tenant and role may see at this address and nothing
 * of one person. It is begun after the last of those who share it asked, so nobody gets less than a piece of their own would tell.
 */
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { Caller } from '../../core/caller.ts';
import { type PackedPage, packAs } from './compression.ts';
import type { PageReply, Visit } from './route.ts';
import type { Turns } from './turns.ts';

/** Names the elements that a page looks up, each by its id, with blanks between. */
const LOOK_HEADER = 'Holdfast-Live';
/** As many as no page has. */
const ELEMENTS_MAX = 40;

/** What was made for all who asked. */
export type Look = Exclude<PageReply, { kind: 'page' }> | LookedPage;

export interface LookedPage {
  kind: 'page';
  status: number;
  body: Buffer;
  /** Changes whenever the body does. */
  tag: string;
  /** The body in an encoding, made once for all who take that one. */
  pack(encoding: PackedPage['encoding']): Promise<PackedPage>;
}

export interface LiveLooks {
  /** `key` names all that the reply depends on besides the store. */
  take(key: string, make: () => Promise<PageReply>): Promise<Look>;
}

/** The elements that a page looks up; undefined when this is something else, such as a person's click. */
export function readLook(request: Pick<Request, 'method' | 'get'>): readonly string[] | undefined {
  const said = request.method === 'GET' ? request.get(LOOK_HEADER) : undefined;
  if (said === undefined) return undefined;
  const ids = [...new Set(said.split(' '))];
  return ids.length <= ELEMENTS_MAX && ids.every((id) => /^[A-Za-z][\w:.-]{0,100}$/.test(id)) ? ids : undefined;
}

/** The caller without the person: what depends on their tenant and their rights is the same, what names them is nobody's. */
export function toAnybody({ tenant, role, scopes }: Caller): Caller {
  return { actor: { kind: 'system', id: 'live', name: 'live' }, tenant, role, ...(scopes === undefined ? {} : { scopes }) };
}

/** All that a look depends on besides the store. */
export function nameLook({ caller, here, frame, fragmentTargets }: Visit): string {
  const { tenant, role, scopes } = caller;
  return JSON.stringify([tenant, role, scopes ?? null, frame.zone ?? null, here, fragmentTargets]);
}

export function createLiveLooks(turns: Pick<Turns, 'takeLater'>): LiveLooks {
  const waiting = new Map<string, Promise<Look>>();
  return {
    take(key, make) {
      const joined = waiting.get(key);
      if (joined !== undefined) return joined;
      const look = turns.takeLater().then(async () => {
        waiting.delete(key);
        return finish(await make());
      });
      waiting.set(key, look);
      return look;
    },
  };
}

function finish(reply: PageReply): Look {
  if (reply.kind !== 'page') return reply;
  const body = Buffer.from(reply.html.toString(), 'utf8');
  const packed = new Map<PackedPage['encoding'], Promise<PackedPage>>();
  return {
    kind: 'page',
    status: reply.status ?? 200,
    body,
    tag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    pack(encoding) {
      const known = packed.get(encoding) ?? packAs(body, encoding);
      packed.set(encoding, known);
      return known;
    },
  };
}
