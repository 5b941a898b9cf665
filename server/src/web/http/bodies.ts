/** Request bodies: two kinds, one size, nothing else is read. */
import { HTTP } from '@holdfast/shared/limits.ts';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { createHttpFault } from './http-error.ts';

const parseJson = express.json({ limit: HTTP.bodyBytes, strict: true, type: 'application/json' });
const parseForm = express.urlencoded({
  limit: HTTP.bodyBytes,
  extended: false,
  parameterLimit: HTTP.formFields,
  type: 'application/x-www-form-urlencoded',
});

/** The JSON body; undefined when there is none. Throws `invalid` (415) for another content type. */
export async function readJson(request: Request, response: Response): Promise<unknown> {
  if (!hasBody(request)) return undefined;
  if (request.is('application/json') === false) throw refuseType('application/json');
  await run(parseJson, request, response);
  return request.body;
}

/** The posted form, empty when there is no body. Throws `invalid` (415) for another content type. */
export async function readForm(request: Request, response: Response): Promise<Record<string, string | string[]>> {
  if (!hasBody(request)) return {};
  if (request.is('application/x-www-form-urlencoded') === false) throw refuseType('application/x-www-form-urlencoded');
  await run(parseForm, request, response);
  return { ...(request.body as Record<string, string | string[]>) };
}

function hasBody(request: Request): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

function refuseType(wanted: string): Error {
  return createHttpFault('invalid', 415, `send the body as ${wanted}`);
}

function run(parser: RequestHandler, request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    parser(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
}
