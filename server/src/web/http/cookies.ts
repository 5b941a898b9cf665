/** The cookies of this server: read without trust, written with every protection the base URL allows. */
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import type { Request, Response } from 'express';
import * as z from 'zod';
import type { FlashMessage, SessionCookie } from './route.ts';

export interface Cookies {
  readSession(request: Request): string | undefined;
  writeSession(response: Response, session: SessionCookie, now: number): void;
  clearSession(response: Response): void;
  /** What the last act left to say; undefined for none, a stale one, or one we did not sign. */
  readFlash(request: Request): FlashMessage | undefined;
  writeFlash(response: Response, flash: FlashMessage): void;
  clearFlash(response: Response): void;
  /** Small values of a public page, such as the first-start token; gone after some minutes. */
  readPage(request: Request): Readonly<Record<string, string>>;
  writePage(response: Response, path: string, values: Readonly<Record<string, string>>): void;
}

const FLASH_LIFE_MS = 60_000;
const PAGE_LIFE_MS = 30 * 60_000;
const FLASH_CHARS = 500;
const HEADER_CHARS = 8192;
const SESSION_TOKEN = /^hfs_[A-Za-z0-9_-]{43}$/;
const PAGE_PREFIX = 'holdfast_page_';
const flashSchema = z.strictObject({
  tone: z.enum(['good', 'bad']),
  text: z.string().max(FLASH_CHARS),
  undo: z
    .strictObject({ action: z.string().max(FLASH_CHARS), hidden: z.record(z.string().max(40), z.string().max(FLASH_CHARS)) })
    .optional(),
});

/** All cookies of a request; the first of a name counts, as browsers send the most specific one first. */
function parseCookies(header: string | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (header === undefined || header.length > HEADER_CHARS) return found;
  for (const part of header.split(';')) {
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim();
    if (at > 0 && !found.has(name)) found.set(name, part.slice(at + 1).trim());
  }
  return found;
}

/** `https` is whether browsers reach us by https; then cookies are `Secure`, and the session's is bound to this very host. */
export function createCookies(crypto: Crypto, options: { https: boolean; basePath: string }): Cookies {
  const flashKey = crypto.randomBytes(32);
  const root = options.basePath === '' ? '/' : options.basePath;
  const sessionName = sessionCookieName(options.https);
  const shared = { httpOnly: true, sameSite: 'lax', secure: options.https, path: root } as const;
  const session = { ...shared, path: options.https ? '/' : root } as const;
  const sign = (text: string) => crypto.toBase64Url(crypto.digest(new TextEncoder().encode(text), 32, flashKey));
  const read = (request: Request, name: string) => parseCookies(request.headers.cookie).get(name);
  return {
    readSession(request) {
      const token = read(request, sessionName);
      return token !== undefined && SESSION_TOKEN.test(token) ? token : undefined;
    },
    writeSession: (response, made, now) =>
      void response.cookie(sessionName, made.token, { ...session, maxAge: Math.max(0, made.expiresAt - now) }),
    clearSession: (response) => void response.clearCookie(sessionName, session),
    readFlash(request) {
      const [text = '', mac = ''] = (read(request, 'holdfast_flash') ?? '').split('.');
      if (text === '' || !crypto.equalText(sign(text), mac)) return undefined;
      return flashSchema.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))).data;
    },
    writeFlash(response, flash) {
      const { tone, undo } = flash;
      const message = { tone, text: flash.text.slice(0, FLASH_CHARS), undo };
      const text = Buffer.from(JSON.stringify(message)).toString('base64url');
      response.cookie('holdfast_flash', `${text}.${sign(text)}`, { ...shared, maxAge: FLASH_LIFE_MS });
    },
    clearFlash: (response) => void response.clearCookie('holdfast_flash', shared),
    readPage(request) {
      const all = [...parseCookies(request.headers.cookie)].filter(([name]) => name.startsWith(PAGE_PREFIX));
      return Object.fromEntries(all.map(([name, value]) => [name.slice(PAGE_PREFIX.length), value]));
    },
    writePage(response, path, values) {
      for (const [name, value] of Object.entries(values)) {
        if (value === '') response.clearCookie(`${PAGE_PREFIX}${name}`, { ...shared, path });
        else response.cookie(`${PAGE_PREFIX}${name}`, value, { ...shared, path, maxAge: PAGE_LIFE_MS });
      }
    },
  };
}

export function sessionCookieName(https: boolean): string {
  return https ? '__Host-holdfast_session' : 'holdfast_session';
}
