/**
 * Enrolment, before there is a socket. Bodies and answers are those of `shared/protocol/messages.ts`, bare; a failure is
 * a wire error with the status of its code.
 */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { toWireError } from '@holdfast/shared/errors.ts';
import { ENROLMENT } from '@holdfast/shared/limits.ts';
import {
  announceBodySchema,
  announceReplySchema,
  claimBodySchema,
  claimReplySchema,
} from '@holdfast/shared/protocol/messages.ts';
import { type ErrorRequestHandler, Router } from 'express';
import * as z from 'zod';
import { announceHost, claimAnnouncement } from '../../core/hosts/enrolment.ts';
import type { CoreContext } from '../../core/ports.ts';
import { DOORS } from '../urls.ts';
import { createAttemptLimiter, groupAddress } from './attempts.ts';
import { readJson } from './bodies.ts';
import { logFailure } from './failure-log.ts';
import { parseInput, toHttpError } from './http-error.ts';
import { getScope } from './request-scope.ts';

const claimParamsSchema = z.strictObject({ announcement: idSchema('announcement') });
/** Hosts of one site may share an address and each asks every two seconds. */
const CLAIMS_PER_MINUTE = 40 * ENROLMENT.pendingAnnouncements;

/** `announcementsPerMinute` counts for one address. */
export function createAgentDoors(context: CoreContext, announcementsPerMinute: number): Router {
  const router = Router({ caseSensitive: true });
  const announcements = createAttemptLimiter('announce', announcementsPerMinute, 'too many announcements came from this address');
  const claims = createAttemptLimiter('claim', CLAIMS_PER_MINUTE, 'too many questions came from this address');

  router.post(DOORS.announce, async (request, response) => {
    const { address } = getScope(request).facts;
    await announcements.take(groupAddress(address));
    const body = parseInput(announceBodySchema, await readJson(request, response), 'body');
    const reply = announceReplySchema.parse(await announceHost(context, body, address));
    response.setHeader('Cache-Control', 'no-store').status(201).json(reply);
  });

  router.post(DOORS.claim, async (request, response) => {
    await claims.take(groupAddress(getScope(request).facts.address));
    const { announcement } = parseInput(claimParamsSchema, { ...request.params }, 'path');
    const body = parseInput(claimBodySchema, await readJson(request, response), 'body');
    const reply = claimReplySchema.parse(await claimAnnouncement(context, announcement, body));
    response.setHeader('Cache-Control', 'no-store').json(reply);
  });

  router.use('/api/agents', onFailure);
  return router;
}

const onFailure: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
  const scope = getScope(request);
  const failure = toHttpError(thrown, scope.id);
  logFailure(scope, failure, thrown);
  if (failure.retryAfterS !== undefined) response.setHeader('Retry-After', String(failure.retryAfterS));
  response
    .status(failure.status)
    .json({ ...toWireError(failure.error, scope.id), message: failure.message, details: failure.details });
};
