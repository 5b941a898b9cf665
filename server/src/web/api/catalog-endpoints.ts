/**
 * What a person keeps in the catalog is made, read, changed and taken off the same way: the item as its shape, its version as
 * `ETag`, a change guarded by `If-Match`.
 */
import type { Id } from '@holdfast/shared/domain/ids.ts';
import type * as z from 'zod';
import type { Scope } from '../../core/accounts/scopes.ts';
import type { Caller } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import { type ApiEndpoint, type ApiReply, defineEndpoint } from '../http/route.ts';
import { deletedShape, idParams } from './shapes/shapes.ts';

type Kind = 'source' | 'repository' | 'plan' | 'policy' | 'schedule' | 'channel';

/** What differs between the end-points is their sentence, their input and the use case that acts. */
interface CatalogEndpoints<K extends Kind, Item> {
  create<B>(
    summary: string,
    body: z.ZodType<B>,
    act: (context: CoreContext, caller: Caller, input: B) => Promise<Item>,
  ): ApiEndpoint;
  get(summary: string, act: (context: CoreContext, caller: Caller, id: Id<K>) => Promise<Item>): ApiEndpoint;
  update<B>(
    summary: string,
    body: z.ZodType<B>,
    act: (context: CoreContext, caller: Caller, id: Id<K>, change: B, expectedVersion?: number) => Promise<Item>,
  ): ApiEndpoint;
  delete(summary: string, act: (context: CoreContext, caller: Caller, id: Id<K>) => Promise<void>): ApiEndpoint;
}

/** `tag` is the first part of the paths and the chapter of the reference; `scope` is what changes need, and reading needs `read`. */
export function describeCatalogKind<K extends Kind, Item extends { version: number }, View>(
  kind: K,
  tag: string,
  scope: Scope,
  reply: z.ZodType<View>,
  toView: (item: Item) => View,
): CatalogEndpoints<K, Item> {
  const one = { path: `/${tag}/:id`, tag, params: idParams(kind) };
  const toReply = (item: Item): ApiReply<View> => ({ data: toView(item), version: item.version });
  return {
    create: (summary, body, act) =>
      defineEndpoint({
        method: 'post',
        path: `/${tag}`,
        scope,
        tag,
        summary,
        body,
        reply,
        status: 201,
        handle: async (context, caller, input) => toReply(await act(context, caller, input.body)),
      }),
    get: (summary, act) =>
      defineEndpoint({
        ...one,
        method: 'get',
        scope: 'read',
        summary,
        reply,
        handle: async (context, caller, { params }) => toReply(await act(context, caller, params.id)),
      }),
    update: (summary, body, act) =>
      defineEndpoint({
        ...one,
        method: 'patch',
        guarded: true,
        scope,
        summary,
        body,
        reply,
        handle: async (context, caller, input) =>
          toReply(await act(context, caller, input.params.id, input.body, input.facts.ifMatch)),
      }),
    delete: (summary, act) =>
      defineEndpoint({
        ...one,
        method: 'delete',
        scope,
        summary,
        reply: deletedShape(kind),
        async handle(context, caller, { params }) {
          await act(context, caller, params.id);
          return { data: { id: params.id, deleted: true as const } };
        },
      }),
  };
}
