/**
 * The files a page needs, read once at start and served under the hash of their content, so that a browser keeps them for
 * good and never mixes two releases. Nothing here knows HTTP frameworks: `find` is a lookup.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { AssetPaths } from './ui/layout.ts';

export type Asset = {
  readonly body: Buffer;
  /** The same in the encodings a browser may accept; smaller than `body`. */
  readonly encoded: { readonly br: Buffer; readonly gzip: Buffer };
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
};

export type Assets = {
  /** Public paths for the page shell. */
  readonly paths: AssetPaths;
  /** Every public path, for tests and preloading. */
  readonly all: readonly string[];
  /** The file at a public path (base path included); undefined for any other path. */
  find(path: string): Asset | undefined;
};

const SOURCES = {
  css: { name: 'holdfast.css', type: 'text/css; charset=utf-8' },
  icon: { name: 'icon.svg', type: 'image/svg+xml' },
  htmx: { name: 'htmx.js', type: 'text/javascript; charset=utf-8' },
  theme: { name: 'theme.js', type: 'text/javascript; charset=utf-8' },
  live: { name: 'live.js', type: 'text/javascript; charset=utf-8' },
  looks: { name: 'looks.js', type: 'text/javascript; charset=utf-8' },
  stream: { name: 'stream.js', type: 'text/javascript; charset=utf-8' },
  log: { name: 'log.js', type: 'text/javascript; charset=utf-8' },
  page: { name: 'page.js', type: 'text/javascript; charset=utf-8' },
} as const satisfies Record<keyof AssetPaths, { name: string; type: string }>;

/** The best takes twenty times as long, at each start, and saves each browser 3 KB once in a release. */
const BROTLI_QUALITY = 7;

const FOREVER = 'public, max-age=31536000, immutable';

/**
 * Reads, hashes and compresses all files. `basePath` is where the application is mounted: `''` or `/backup`.
 * @throws when a file of the release is missing.
 */
export function createAssets(options: { readonly basePath?: string } = {}): Assets {
  const root = `${options.basePath ?? ''}/assets`;
  const found = new Map<string, Asset>();
  const publish = (key: keyof AssetPaths): string => {
    const { name, type } = SOURCES[key];
    const body = readSource(key);
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16);
    const dot = name.lastIndexOf('.');
    const path = `${root}/${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
    found.set(path, { body, encoded: compress(body), type, etag: `"${hash}"`, cacheControl: FOREVER });
    return path;
  };
  const paths: AssetPaths = {
    css: publish('css'),
    icon: publish('icon'),
    htmx: publish('htmx'),
    theme: publish('theme'),
    live: publish('live'),
    looks: publish('looks'),
    stream: publish('stream'),
    log: publish('log'),
    page: publish('page'),
  };
  return { paths, all: [...found.keys()], find: (path) => found.get(path) };
}

function readSource(key: keyof AssetPaths): Buffer {
  switch (key) {
    case 'css':
      return Buffer.from(readStyles());
    case 'icon':
      return readFileSync(new URL('./assets/icon.svg', import.meta.url));
    case 'htmx':
      return readFileSync(new URL('htmx.min.js', import.meta.resolve('htmx.org')));
    default:
      return readFileSync(new URL(`./assets/js/${key}.js`, import.meta.url));
  }
}

/** The style sheet: all layers in the order of their file names, without comments and spare white space. */
function readStyles(): string {
  const folder = new URL('./assets/css/', import.meta.url);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.css'))
    .sort();
  return shrink(files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n'));
}

/** Our own style sheets have no strings with comment marks or runs of spaces, so this stays simple. */
function shrink(css: string): string {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/(?<=[{;][a-z-]+): /g, ':')
    .replaceAll(';}', '}')
    .trim();
}

function compress(body: Buffer): Asset['encoded'] {
  return {
    br: brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
    gzip: gzipSync(body, { level: 9 }),
  };
}
