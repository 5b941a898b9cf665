/** The end-point that serves the description of all of them. */
import * as z from 'zod';
import { demand } from '../../../core/caller.ts';
import { type ApiEndpoint, defineEndpoint } from '../../http/route.ts';
import { createOpenApiDocument } from './openapi.ts';

/** `endpoints` is the table described; it is read when the document is asked for. */
export function createOpenApiEndpoint(endpoints: readonly ApiEndpoint[]): ApiEndpoint {
  return defineEndpoint({
    method: 'get',
    path: '/openapi.json',
    scope: 'read',
    summary: 'This document.',
    tag: 'reference',
    reply: z.looseObject({ openapi: z.literal('3.1.0') }),
    bare: true,
    async handle(context, caller) {
      demand(caller, 'view');
      return { data: createOpenApiDocument(endpoints, context.baseUrl) };
    },
  });
}
