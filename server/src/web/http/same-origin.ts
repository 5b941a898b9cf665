/** The guard against requests that another site makes a signed-in browser send. */
import { AppError } from '@holdfast/shared/errors.ts';
import type { Request } from 'express';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/**
 * Throws `forbidden` unless the browser says the request comes from our own pages. `Sec-Fetch-Site` decides where it is sent
 * (by https and on loopback); elsewhere `Origin` must be the base URL's or that of the address that was asked. A request
 * with neither is refused: browsers that people use send one of them with every POST.
 */
export function demandSameOrigin(request: Request, baseOrigin: string): void {
  const site = request.get('sec-fetch-site');
  if (site !== undefined) {
    if (site === 'same-origin') return;
    throw refuse(`the browser says it comes from elsewhere (${site === 'none' ? 'no page' : 'another site'})`);
  }
  const origin = request.get('origin');
  if (origin === undefined) throw refuse('neither Sec-Fetch-Site nor Origin says where it comes from');
  if (origin === baseOrigin || origin === `${request.protocol}://${request.get('host') ?? ''}`) return;
  throw refuse('its Origin is not this server');
}

/** For reads that carry a session's rights to a program: another site may not make a browser send them either. */
export function demandNotForeign(request: Request): void {
  const site = request.get('sec-fetch-site');
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  throw refuse('the browser says it comes from another site');
}

function refuse(why: string): AppError {
  return new AppError('forbidden', `this request was refused because ${why}; open the page again and repeat it there`);
}
