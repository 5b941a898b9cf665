/**
 * The architecture as data: who may import whom, where each package lives, what a file may be called.
 * The tests beside this file apply it to the whole tree; docs/CONTRIBUTING.md explains it to people.
 */

/** A zone is a set of files with the same rights. The first zone whose pattern matches a path is the file's zone. */
export type Zone = {
  readonly name: string;
  readonly files: RegExp;
  /** Zones it may import, apart from itself. `*` is everything. */
  readonly mayImport: readonly string[];
  /** Zones of which it may import types only. */
  readonly mayImportTypesOf: readonly string[];
  /** Builtins and packages it must never see, even as types. */
  readonly denied?: RegExp;
};

const SHARED: readonly string[] = ['shared', 'shared/domain', 'shared/adapters'];
/** Rooms beside each other: each is wired in by the composition root and knows the others by their types only. */
const SERVER_ROOM_NAMES: readonly string[] = ['store', 'hub', 'ticker', 'fires', 'notify', 'vault', 'metrics'];
const SERVER_ROOMS: readonly string[] = SERVER_ROOM_NAMES.map((name) => `server/${name}`);
const ROOM_TYPES: readonly string[] = [...SERVER_ROOMS, 'server/web', 'server/log', 'server/root'];

function serverRoom(name: string): Zone {
  const files = new RegExp(`^server/src/${name}(/|\\.ts$|\\.test\\.ts$)`);
  return { name: `server/${name}`, files, mayImport: [...SHARED, 'server/core'], mayImportTypesOf: ROOM_TYPES };
}

/** Shared code runs on both sides and plans without acting, so it reaches no file, socket, process or database. */
const NO_IO =
  /^node:(fs|fs\/promises|child_process|net|tls|dgram|http|https|http2|sqlite|worker_threads|cluster)$|^(express|ws|better-sqlite3)$/;
/** A view turns a view model into markup: it has no builtin and no package. */
const NOTHING_OUTSIDE = /./;

export const ZONES: readonly Zone[] = [
  { name: 'shared/domain', files: /^shared\/src\/domain\//, mayImport: SHARED, mayImportTypesOf: [], denied: NO_IO },
  { name: 'shared/adapters', files: /^shared\/src\/adapters\//, mayImport: SHARED, mayImportTypesOf: [], denied: NO_IO },
  { name: 'shared', files: /^shared\/src\//, mayImport: SHARED, mayImportTypesOf: [], denied: NO_IO },

  {
    name: 'server/core',
    files: /^server\/src\/core\//,
    mayImport: SHARED,
    mayImportTypesOf: ['server/store', 'server/hub', 'server/vault', 'server/notify', 'server/log'],
  },
  // Forms are rendered from an adapter's fields, so a view may name the types of the adapters as well.
  {
    name: 'server/views',
    files: /^server\/src\/web\/(ui\/|.*\.view\.ts$)/,
    mayImport: ['server/markup'],
    mayImportTypesOf: ['shared/domain', 'shared/adapters'],
    denied: NOTHING_OUTSIDE,
  },
  { name: 'server/markup', files: /^server\/src\/web\/(html(-[a-z-]+)?|urls)\.ts$/, mayImport: SHARED, mayImportTypesOf: [] },
  {
    name: 'server/web',
    files: /^server\/src\/web\//,
    mayImport: [...SHARED, 'server/core', 'server/views', 'server/markup'],
    mayImportTypesOf: ROOM_TYPES,
  },
  ...SERVER_ROOM_NAMES.map(serverRoom),
  // The operator's command line is a client of the API: it knows what both sides share, and nothing of the server.
  { name: 'server/cli', files: /^server\/src\/cli\//, mayImport: SHARED, mayImportTypesOf: [] },
  { name: 'server/log', files: /^server\/src\/log(\/|\.ts$|\.test\.ts$)/, mayImport: SHARED, mayImportTypesOf: ['server/root'] },
  {
    name: 'server/root',
    files: /^server\/src\/([^/]+\.ts$|commands\/)/,
    mayImport: [...SHARED, ...SERVER_ROOMS, 'server/core', 'server/web', 'server/views', 'server/markup', 'server/log'],
    mayImportTypesOf: [],
  },

  {
    name: 'agent/root',
    files: /^agent\/src\/([^/]+\.ts$|commands\/)/,
    mayImport: [...SHARED, 'agent/rooms'],
    mayImportTypesOf: [],
  },
  {
    name: 'agent/rooms',
    files: /^agent\/src\/[a-z-]+\//,
    mayImport: SHARED,
    mayImportTypesOf: ['agent/root'],
  },

  { name: 'e2e', files: /^e2e\//, mayImport: ['*'], mayImportTypesOf: [] },
  { name: 'scripts', files: /^scripts\//, mayImport: ['*'], mayImportTypesOf: [] },
];

/** A test may wire up any room of its own side, since nothing of ours is mocked; it still never crosses to the other side. */
export const TEST_FILE = /\.test\.ts$|(^|\/)contract\.ts$|\/fixtures\//;

/** Suites that every implementation of a port passes: tests without that name. */
export const CONTRACT_SUITES = /^server\/src\/store\/contract\//;

/** Values that nothing but tests uses, although they lie in production code. Each line says why. */
export const VALUES_FOR_TESTS: Readonly<Record<string, string>> = {
  'shared/src/clock.ts createFixedClock': 'stands beside the interface that it fulfils, as the other clock does',
};

export const SIDES: readonly string[] = ['shared', 'server', 'agent'];

/** Packages every room may import. */
export const PACKAGES_EVERYWHERE: ReadonlySet<string> = new Set(['zod']);

/** Where a package or builtin must live, by side; several rooms stand apart by blanks, `*` is any one. What is not listed may choose its one folder. */
export const HOMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'node:child_process': { agent: 'agent/src/exec' },
  'node:crypto': { shared: 'shared/src/crypto', server: '*', agent: '*' },
  'node:sqlite': { agent: 'agent/src/journal' },
  'better-sqlite3': { server: 'server/src/store' },
  // Each program reads its own command line.
  commander: { server: 'server/src/main server/src/cli', agent: 'agent/src/main' },
  croner: { agent: 'agent/src/scheduler', server: '*' },
  '@noble/ciphers': { shared: 'shared/src/crypto' },
  '@noble/hashes': { shared: 'shared/src/crypto' },
  // Tests alone may import it, as the reference that the cryptography is compared with.
  'libsodium-wrappers': {},
  nodemailer: { server: 'server/src/notify' },
  'prom-client': { server: 'server/src/metrics' },
  yaml: { server: 'server/src/cli' },
  // Tests alone may import it, as the real other end of the email channel.
  'smtp-server': {},
  ws: { server: 'server/src/hub', agent: 'agent/src/session' },
};

/** `args.ts` and `parse.ts` of an engine turn values into values, so that every case is a line in a table. */
export const PURE_FILES = /^agent\/src\/engines\/.*\/(args|parse)\.ts$/;
export const PURE_MAY_IMPORT: ReadonlySet<string> = new Set(['node:path', 'zod']);

export const BANNED_FILE_WORDS: ReadonlySet<string> = new Set([
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'misc',
  'manager',
  'managers',
]);
export const BANNED_FILE_STEMS: ReadonlySet<string> = new Set(['data', 'info', 'stuff']);
export const BANNED_TYPE_NAMES = /^(?:I[A-Z][a-z]\w*|Base[A-Z]\w*|\w*Manager|\w*Utils?|\w*Helpers?|Data|Info|Common|Misc)$/;

/** Code, styles and SQL files. Everything else (documents, pictures) is free in length, but not in its name. */
export const KEBAB_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
export const MIGRATION_NAME = /^\d{4}_[a-z0-9]+(?:[_-][a-z0-9]+)*\.sql$/;
/** Names that a tool or custom prescribes. */
export const PRESCRIBED_NAMES: ReadonlySet<string> = new Set([
  'Makefile',
  'Dockerfile',
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'LICENSE',
  'NOTICE',
  '.gitignore',
  '.gitattributes',
  '.dockerignore',
  '.editorconfig',
  '.npmrc',
]);

/** Written by others and kept as they are. */
export const FOREIGN_FILES = /(^|\/)(vendor|fixtures)\//;

export const MAX_LINES = 500;
/** In the first comment of a file that is longer, followed by the reason. */
export const LENGTH_REASON = /Longer than 500 lines because \S+/;

/** Where the environment is read; everything else receives typed config. */
export const ENVIRONMENT_READERS =
  /^(?:(?:agent|server)\/src\/(?:config|main)\.ts|server\/src\/cli\/main\.ts|e2e\/.*|scripts\/.*)$/;

/** Who may ask for the time or for randomness, besides tests, scripts and e2e. Each line says why. */
export const AMBIENT_READERS: Readonly<Record<string, string>> = {
  'shared/src/clock.ts': 'the system clock and system randomness are made here and passed in everywhere else',
};

/** Default exports are demanded by these tools. */
export const DEFAULT_EXPORT_FILES = /\.config\.ts$/;

/** Public package hosts, written in pieces so that this file does not contain them. */
export const PACKAGE_HOSTS: readonly string[] = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['registry', 'npmmirror', 'com'],
  ['npm', 'pkg', 'github', 'com'],
  ['deb', 'debian', 'org'],
  ['security', 'debian', 'org'],
  ['archive', 'ubuntu', 'com'],
  ['proxy', 'golang', 'org'],
  ['files', 'pythonhosted', 'org'],
].map((parts) => parts.join('.'));
