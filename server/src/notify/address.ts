/** Addresses a channel may lead to, as people type them. */
import type { Config, Field, Secrets } from '@holdfast/shared/adapters/field.ts';
import { AppError } from '@holdfast/shared/errors.ts';

/** The field of an address that is a secret, because such addresses often hold a token. */
const URL_FIELD = 'url';
/** The field of the public address of a service. */
const SERVER_FIELD = 'server';

/** An `invalid` error that stands at its field. */
export function createFieldError(field: string, label: string, problem: string): AppError {
  const message = `${label}: ${problem}`;
  return new AppError('invalid', message, { details: { [`field.${field}`]: message } });
}

function readUrl(typed: string, field: string, label: string): URL {
  const text = typed.trim();
  const refuse = (problem: string) => createFieldError(field, label, problem);
  if (text.length > 2000) throw refuse('is longer than 2,000 characters');
  if (!URL.canParse(text)) throw refuse('is not a URL, such as https://hooks.example.com/backup');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse('must begin with https:// or http://');
  if (url.username !== '' || url.password !== '') throw refuse('must not hold a user name or password');
  url.hash = '';
  return url;
}

/** The address of a channel; `invalid` for what is no address of the web. Where it may lead is judged when it is used. */
export function readAddress(secrets: Secrets): URL {
  return readUrl(secrets[URL_FIELD] ?? '', URL_FIELD, 'Address');
}

/** A path below the public address of a service. */
export function readServer(config: Config, path = ''): URL {
  const url = readUrl(String(config[SERVER_FIELD] ?? ''), SERVER_FIELD, 'Server');
  url.search = '';
  url.pathname = `${url.pathname.replace(/\/+$/u, '')}${path}`;
  return url;
}

/** The address as a field; `help` says where a person finds it. */
export function createUrlField(help: string): Field {
  return { kind: 'secret', name: URL_FIELD, label: 'Address', help, required: true };
}

/** The public address of a service; with a usual one, few people change it. */
export function createServerField(usual: string | undefined, help: string): Field {
  const shape = { kind: 'text', name: SERVER_FIELD, label: 'Server', help, maxChars: 2000 } as const;
  return usual === undefined ? { ...shape, required: true } : { ...shape, default: usual, advanced: true };
}
