/** Addresses of HTTP storage as a person types them, and when plain HTTP is allowed. */
import { createFieldError } from '../config-values.ts';

/** Parses an http(s) address without user, query and fragment; throws `invalid` naming `field`. */
export function parseHttpAddress(field: string, text: string): URL {
  if (!URL.canParse(text)) throw createFieldError(field, 'is not a web address');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw createFieldError(field, 'must begin with https://');
  if (url.username !== '' || url.password !== '') throw createFieldError(field, 'must not contain a user or password');
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) throw createFieldError(field, 'must not contain ? or #');
  return url;
}

/** Whether the address is this very host: `localhost`, `127.0.0.0/8` or `[::1]`. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(url.hostname);
}
