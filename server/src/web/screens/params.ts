/** Parameters of a path: an id that is not one leads to the same "not found" as an id of nothing. */
import { AppError } from '@holdfast/shared/errors.ts';
import type * as z from 'zod';
import { type Html, html } from '../html.ts';
import type { PageReply, Visit } from '../http/route.ts';

export function getParam<T>(visit: Pick<Visit, 'params'>, name: string, schema: z.ZodType<T, string>): T {
  const parsed = schema.safeParse(visit.params[name]);
  if (!parsed.success) throw new AppError('not_found', 'there is no such page; the address may be cut or old');
  return parsed.data;
}

/** The id in a query or form when it is one; undefined otherwise. */
export function findId<T>(text: string | undefined, schema: z.ZodType<T, string>): T | undefined {
  const parsed = schema.safeParse(text);
  return parsed.success ? parsed.data : undefined;
}

/** Whether the browser asks for just this element of the page. */
export function wantsPart(visit: Pick<Visit, 'isFragment' | 'fragmentTargets'>, id: string): boolean {
  return visit.isFragment && visit.fragmentTargets.length === 1 && visit.fragmentTargets[0] === id;
}

/** What parts of a page have in common: read when the first of them needs it. */
export function readOnce<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

/** The elements of the page that the browser asks for, in one answer; undefined when it asks for more than these. */
export async function findParts(
  visit: Pick<Visit, 'isFragment' | 'fragmentTargets'>,
  parts: Readonly<Record<string, () => Html | Promise<Html>>>,
): Promise<PageReply | undefined> {
  if (!visit.isFragment || visit.fragmentTargets.length === 0) return undefined;
  const found: Html[] = [];
  for (const id of visit.fragmentTargets) {
    const part = Object.hasOwn(parts, id) ? parts[id] : undefined;
    if (part === undefined) return undefined;
    found.push(await part());
  }
  return { kind: 'page', html: html`${found}` };
}
