/** Who is let in: a person by their session's cookie, a program by its API key. */
import { AppError } from '@holdfast/shared/errors.ts';
import type { Request } from 'express';
import { findCallerBySession } from '../../core/accounts/accounts.ts';
import { findCallerByApiKey } from '../../core/accounts/api-keys.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { Cookies } from './cookies.ts';
import { type Access, getScope } from './request-scope.ts';
import { demandNotForeign, demandSameOrigin, isSafeMethod } from './same-origin.ts';

export interface Admission {
  /** The person whose session the request carries; undefined when nobody is signed in. */
  findPerson(request: Request): Promise<Access | undefined>;
  /** The person of this session's token, whatever the request carries. */
  findByToken(request: Request, token: string): Promise<Access | undefined>;
  /** Whoever may use the API: `unauthenticated` for nobody, `forbidden` for a session's request that another site made. */
  admitToApi(request: Request): Promise<Access>;
}

export function createAdmission(context: CoreContext, cookies: Cookies, baseOrigin: string): Admission {
  async function findPerson(request: Request): Promise<Access | undefined> {
    const token = cookies.readSession(request);
    return token === undefined ? undefined : findByToken(request, token);
  }

  async function findByToken(request: Request, token: string): Promise<Access | undefined> {
    const { address, requestId } = getScope(request).facts;
    const found = await findCallerBySession(context, token, { address, requestId });
    if (found === undefined) return undefined;
    return {
      caller: found.caller,
      holder: found.session.id,
      session: found.session,
      zone: found.user.zone,
      recheck: async () => (await findCallerBySession(context, token, {}, true)) !== undefined,
    };
  }

  async function findProgram(request: Request, authorization: string): Promise<Access | undefined> {
    const token = /^Bearer (hfk_[A-Za-z0-9_-]{43})$/i.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    const { address, requestId } = getScope(request).facts;
    const found = await findCallerByApiKey(context, token, { address, requestId });
    if (found === undefined) return undefined;
    return {
      caller: found.caller,
      holder: found.key.id,
      recheck: async () => (await findCallerByApiKey(context, token)) !== undefined,
    };
  }

  return {
    findPerson,
    findByToken,
    async admitToApi(request) {
      const authorization = request.get('authorization');
      if (authorization !== undefined) {
        const program = await findProgram(request, authorization);
        if (program === undefined) throw new AppError('unauthenticated', 'the API key is unknown, revoked or expired');
        return program;
      }
      // Before the session is looked at, so that the answer to a forged request says nothing about it.
      if (isSafeMethod(request.method)) demandNotForeign(request);
      else demandSameOrigin(request, baseOrigin);
      const person = await findPerson(request);
      if (person === undefined)
        throw new AppError('unauthenticated', 'send an API key as "Authorization: Bearer hfk_…", or sign in');
      return person;
    },
  };
}
