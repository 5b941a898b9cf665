/**
 * HTTP to addresses that people typed. It reaches what anybody on the internet could reach, and of the server's own networks only what
 * its configuration allows: a name is looked up once, every address it has is judged, and one of these very addresses is connected to.
 * Redirects are not followed, the whole exchange has one deadline, and little of the answer is read.
 */
import { lookup as lookUp } from 'node:dns/promises';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { AppError } from '@holdfast/shared/errors.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';

// An `import` of these modules looks at each of their names, and so loads a second HTTP client of some 10 MB that nobody here asks for.
const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

export interface OutgoingRequest {
  url: URL;
  method: 'GET' | 'POST' | 'PUT';
  headers?: Readonly<Record<string, string>>;
  body?: string;
}

export interface OutgoingAnswer {
  status: number;
  /** Of `Retry-After`; undefined when it named none. */
  retryAfterMs?: number | undefined;
  /** Its first bytes, as text. Foreign: never shown and never logged. */
  body: string;
}

export interface GuardedHttp {
  /** Any status is an answer. Throws `unavailable` when there is none, `forbidden` when the address may not be reached. */
  ask(request: OutgoingRequest): Promise<OutgoingAnswer>;
  /**
   * For exchanges that are not HTTP: an address of the host that may be connected to, and the signal that ends the exchange in time.
   * Throws as `ask` does.
   */
  admit<T>(host: string, exchange: (address: string, signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Ends what is on its way; nothing is asked any more. */
  close(): void;
}

export interface GuardOptions {
  /** Networks that may be reached although they are private, such as `10.1.0.0/16`. */
  allowedCidrs?: readonly string[];
  timeoutMs?: number;
  answerBytes?: number;
  /** All addresses of a name. */
  resolve?(name: string): Promise<readonly string[]>;
}

/** Networks that nobody on the internet is reached through. */
const INNER_CIDRS = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] as const;

function createBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  return list;
}

const INNER = createBlockList(INNER_CIDRS);

/** The eight groups of an IPv6 address, without its zone. */
function readGroups(address: string): readonly number[] {
  const [bare = ''] = address.split('%');
  const text = bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/u, (_, a: string, b: string, c: string, d: string) => {
    const pair = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head = '', tail] = text.split('::');
  const split = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [front, back] = [split(head), split(tail ?? '')];
  return [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back];
}

/** The IPv4 address that an IPv6 one stands for: mapped, translated (NAT64) or tunnelled (6to4). */
function findEmbedded(address: string): string | undefined {
  const groups = readGroups(address);
  const join = (high = 0, low = 0) => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  const [a, b, c, d, e, f, g, h] = groups;
  const isZero = (...some: (number | undefined)[]) => some.every((group) => group === 0);
  if (isZero(a, b, c, d, e) && f === 0xffff) return join(g, h);
  if (isZero(a, b, c, d) && e === 0xffff && f === 0) return join(g, h);
  if (a === 0x64 && b === 0xff9b && isZero(c, d, e, f)) return join(g, h);
  if (a === 0x2002) return join(b, c);
  return undefined;
}

/** Whether an address may be connected to. `allowed` decides before what is inner; what embeds an inner address is inner. */
export function isReachable(address: string, allowed: BlockList): boolean {
  const family = isIP(address);
  if (family === 4) return allowed.check(address, 'ipv4') || !INNER.check(address, 'ipv4');
  if (family !== 6) return false;
  const embedded = findEmbedded(address);
  if (embedded !== undefined) return isReachable(embedded, allowed);
  const [bare = ''] = address.split('%');
  return allowed.check(bare, 'ipv6') || !INNER.check(bare, 'ipv6');
}

async function resolveName(name: string): Promise<readonly string[]> {
  return (await lookUp(name, { all: true, verbatim: true })).map(({ address }) => address);
}

/** A fault of the network by its code, such as `ECONNREFUSED`. */
export function describeCode(code: string): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection was refused',
    ECONNRESET: 'the connection was cut',
    EPIPE: 'the connection was cut',
    ENOTFOUND: 'its name is not known',
    EAI_AGAIN: 'its name could not be looked up',
    EHOSTUNREACH: 'there is no way to it',
    ENETUNREACH: 'there is no way to it',
    ETIMEDOUT: 'it did not answer in time',
    ABORT_ERR: 'it did not answer in time',
  };
  return words[code] ?? (/^[A-Z0-9_]{3,60}$/u.test(code) ? code : 'the exchange failed');
}

function describeFault(thrown: unknown): string {
  return describeCode(thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '');
}

/** Seconds or a date of HTTP, at most a day; undefined for anything else. */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,9}$/u.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, 24 * 60 * 60_000) : undefined;
}

export function createGuardedHttp(options: GuardOptions = {}): GuardedHttp {
  const { timeoutMs = OUTGOING.timeoutMs, answerBytes = OUTGOING.answerBytes, resolve = resolveName } = options;
  const allowed = createBlockList(options.allowedCidrs ?? []);
  const closing = new AbortController();

  /** One address of the host that may be connected to; a name with a single inner address is refused as a whole. */
  async function choose(host: string, signal: AbortSignal): Promise<string> {
    const bare = host.replace(/^\[|\]$/gu, '');
    const addresses = isIP(bare) === 0 ? await withSignal(resolve(bare), signal) : [bare];
    const [first] = addresses;
    if (first === undefined) throw new AppError('unavailable', 'its name is not known');
    if (addresses.every((address) => isReachable(address, allowed))) return first;
    throw new AppError(
      'forbidden',
      'it leads into a private network, which this server does not reach into unless HOLDFAST_OUTGOING_CIDR allows it',
    );
  }

  async function admit<T>(host: string, work: (address: string, signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), closing.signal]);
    try {
      return await work(await choose(host, signal), signal);
    } catch (thrown) {
      if (thrown instanceof AppError) throw thrown;
      throw new AppError('unavailable', signal.aborted ? 'it did not answer in time' : describeFault(thrown), { cause: thrown });
    }
  }

  return {
    admit,
    ask: (request) => admit(request.url.hostname, (address, signal) => exchange(request, { address, signal, answerBytes })),
    close: () => closing.abort(),
  };
}

/** The promise, or a rejection when the time is over; what goes on behind it is left alone. */
function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function exchange(
  { url, method, headers, body }: OutgoingRequest,
  { address, signal, answerBytes }: { address: string; signal: AbortSignal; answerBytes: number },
): Promise<OutgoingAnswer> {
  // The name was looked up and judged: a second look-up could give another address.
  const family = isIP(address);
  const lookup: LookupFunction = (_name, asked, done) =>
    asked.all === true ? done(null, [{ address, family }]) : done(null, address, family);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options: RequestOptions = { method, headers: { ...headers, ...length }, lookup, signal, agent: false };
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: IncomingMessage) => {
      const chunks: Buffer[] = [];
      let left = answerBytes;
      const done = () => {
        const status = answer.statusCode ?? 0;
        const retryAfterMs = readRetryAfter(answer.headers['retry-after'], Date.parse(answer.headers.date ?? ''));
        resolve({ status, retryAfterMs, body: Buffer.concat(chunks).toString('utf8') });
        answer.destroy();
      };
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk.subarray(0, Math.max(0, left)));
        left -= chunk.length;
        if (left <= 0) done();
      });
      answer.once('end', done);
      answer.once('error', reject);
    };
    const asked = url.protocol === 'https:' ? https.request(url, options, onAnswer) : http.request(url, options, onAnswer);
    asked.once('error', reject);
    asked.end(body);
  });
}
