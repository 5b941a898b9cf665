/**
 * Pages in fewer bytes.
 *
 * Compression tells of what it compresses: whoever can have a victim's browser ask for a page again and again with guesses in its
 * address, and sees how long each answer is, learns what the guesses have in common with a secret on that page (BREACH). So a page is
 * compressed only where no other site can have asked for it:
 *
 * - Answers to POST are never compressed: what is shown once, such as a new key, is shown there.
 * - A browser says by itself, in a header no script can set, which site a request comes from. One that comes from another site, however
 *   related, is answered as it is. Behind https a browser too old to say so is answered as it is, too; without https whoever sees lengths
 *   sees the page.
 *
 * Event streams, downloads and the API do not come through here.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Request } from 'express';

/** What fits one packet gains nothing. */
const SMALLEST_BYTES = 1400;
/** About as fast as gzip, and a fifth smaller; the next steps take twice as long for a few percent. */
const BROTLI_QUALITY = 4;
const GZIP_LEVEL = 5;

const packGzip = promisify(gzip);
const packBrotli = promisify(brotliCompress);

export interface PackedPage {
  body: Buffer;
  /** As the header says it; undefined for a page as it is. */
  encoding: 'br' | 'gzip' | undefined;
}

/** Whether no other site can have had this page asked for. */
function isOwnRequest(request: Pick<Request, 'method' | 'get'>, https: boolean): boolean {
  if (request.method !== 'GET') return false;
  const site = request.get('sec-fetch-site');
  return site === undefined ? !https : site === 'same-origin' || site === 'none';
}

/** How this request may have the page. `https` is whether browsers reach us by it. */
export function chooseEncoding(
  request: Pick<Request, 'method' | 'get' | 'acceptsEncodings'>,
  body: Buffer,
  https: boolean,
): PackedPage['encoding'] {
  if (body.length < SMALLEST_BYTES || !isOwnRequest(request, https)) return undefined;
  if (request.acceptsEncodings('br') === 'br') return 'br';
  return request.acceptsEncodings('gzip') === 'gzip' ? 'gzip' : undefined;
}

/** The page in that encoding; compressed off the event loop. */
export async function packAs(body: Buffer, encoding: PackedPage['encoding']): Promise<PackedPage> {
  if (encoding === 'br') {
    const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: body.length };
    return { body: await packBrotli(body, { params }), encoding };
  }
  return { body: encoding === 'gzip' ? await packGzip(body, { level: GZIP_LEVEL }) : body, encoding };
}

/** The page as this request may have it. `https` is whether browsers reach us by it. */
export function packPage(
  request: Pick<Request, 'method' | 'get' | 'acceptsEncodings'>,
  text: string,
  https: boolean,
): Promise<PackedPage> {
  const body = Buffer.from(text, 'utf8');
  return packAs(body, chooseEncoding(request, body, https));
}
