/** Parameters of a path: an id that is not one leads to the same "not found" as an id of nothing. */
import { AppError } from '@holdfast/shared/errors.ts';
import type * as z from 'zod';
import type { Visit } from '../http/route.ts';

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
export function wantsPart(visit: Pick<Visit, 'isFragment' | 'fragmentTarget'>, id: string): boolean {
  return visit.isFragment && visit.fragmentTarget === id;
}
