/** Addresses a channel may lead to, as people type them. */
import type { Secrets } from '@holdfast/shared/adapters/field.ts';
import { AppError } from '@holdfast/shared/errors.ts';

/** The field both kinds have. It is a secret: such addresses often hold a token. */
export const URL_FIELD = 'url';

function refuse(problem: string): never {
  const message = `Address: ${problem}`;
  throw new AppError('invalid', message, { details: { [`field.${URL_FIELD}`]: message } });
}

/** The address of a channel; `invalid` for what is no address of the web. Where it may lead is judged when it is used. */
export function readAddress(secrets: Secrets): URL {
  const text = (secrets[URL_FIELD] ?? '').trim();
  if (text.length > 2000) refuse('is longer than 2,000 characters');
  if (!URL.canParse(text)) refuse('is not a URL, such as https://hooks.example.com/backup');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') refuse('must begin with https:// or http://');
  if (url.username !== '' || url.password !== '') refuse('must not hold a user name or password');
  url.hash = '';
  return url;
}
