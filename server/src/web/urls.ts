/**
 * Every path of the application, typed: a page, form or API call that is not listed here has no address. A base URL with a
 * path (`https://example.com/backup`) is put in front of all of them.
 */

/** Pages and the targets of their forms. What follows a colon is a parameter. Routes use these very patterns. */
export const PAGES = {
  overview: '/',
  navigation: '/navigation',
  welcome: '/welcome',
  welcomeStep: '/welcome/:step',

  login: '/login',
  logout: '/logout',
  confirm: '/confirm',
  bootstrap: '/bootstrap',
  choosePassword: '/password',

  hosts: '/hosts',
  addHost: '/hosts/new',
  approveHost: '/hosts/pending/:announcement/approve',
  rejectHost: '/hosts/pending/:announcement/reject',
  takeBackRejection: '/hosts/rejected/:announcement/take-back',
  enrolmentTokens: '/hosts/enrolment-tokens',
  deleteEnrolmentToken: '/hosts/enrolment-tokens/:token/delete',
  hostActs: '/hosts/acts',
  host: '/hosts/:host',
  editHost: '/hosts/:host/edit',
  revokeHost: '/hosts/:host/revoke',
  rotateHostToken: '/hosts/:host/rotate-token',
  chooseHostAgent: '/hosts/:host/choose-agent',
  drainHost: '/hosts/:host/drain',
  resumeHost: '/hosts/:host/resume',

  sources: '/sources',
  addSource: '/sources/new',
  discoverSources: '/sources/discover',
  sourceActs: '/sources/acts',
  source: '/sources/:source',
  editSource: '/sources/:source/edit',
  testSource: '/sources/:source/test',
  deleteSource: '/sources/:source/delete',
  sourceDrills: '/sources/:source/drills',
  drillSource: '/sources/:source/drill',

  repositories: '/repositories',
  addRepository: '/repositories/new',
  recoverySheet: '/repositories/recovery-sheet',
  recoveryKey: '/repositories/recovery-key',
  removeRecoveryKey: '/repositories/recovery-key/remove',
  recoveryCode: '/repositories/recovery-key/code',
  proveRecoveryKey: '/repositories/recovery-key/proof',
  recoveryKit: '/repositories/recovery-key/kit',
  repository: '/repositories/:repository',
  provePassword: '/repositories/:repository/password',
  editRepository: '/repositories/:repository/edit',
  testRepository: '/repositories/:repository/test',
  initRepository: '/repositories/:repository/init',
  repositoryLocks: '/repositories/:repository/locks',
  clearRepositoryLocks: '/repositories/:repository/locks/clear',
  repositoryContents: '/repositories/:repository/contents',
  deleteOrphans: '/repositories/:repository/contents/delete',
  storedSnapshot: '/repositories/:repository/contents/:engine',
  storedFiles: '/repositories/:repository/contents/:engine/files',
  adoptOrphan: '/repositories/:repository/contents/:engine/adopt',
  checkRepository: '/repositories/:repository/check',
  pruneRepository: '/repositories/:repository/prune',
  repositoryRoutine: '/repositories/:repository/routine',
  adminCredential: '/repositories/:repository/admin',
  removeAdminCredential: '/repositories/:repository/admin/remove',
  deleteRepository: '/repositories/:repository/delete',

  plans: '/plans',
  addPlan: '/plans/new',
  previewFires: '/plans/fires',
  planActs: '/plans/acts',
  sharedSchedules: '/plans/schedules',
  addSharedSchedule: '/plans/schedules/new',
  sharedSchedule: '/plans/schedules/:schedule',
  editSharedSchedule: '/plans/schedules/:schedule/edit',
  deleteSharedSchedule: '/plans/schedules/:schedule/delete',
  plan: '/plans/:plan',
  editPlan: '/plans/:plan/edit',
  planRetention: '/plans/:plan/retention',
  runPlan: '/plans/:plan/run',
  forgetPlan: '/plans/:plan/forget',
  copyPlan: '/plans/:plan/copy',
  deletePlan: '/plans/:plan/delete',

  runs: '/runs',
  runActs: '/runs/acts',
  run: '/runs/:run',
  runLog: '/runs/:run/log',
  downloadRunLog: '/runs/:run/log.txt',
  cancelRun: '/runs/:run/cancel',

  snapshots: '/snapshots',
  snapshotActs: '/snapshots/acts',
  snapshot: '/snapshots/:snapshot',
  pinSnapshot: '/snapshots/:snapshot/pin',
  restoreSnapshot: '/snapshots/:snapshot/restore',
  snapshotFiles: '/snapshots/:snapshot/files',
  restoreFiles: '/snapshots/:snapshot/files/restore',
  snapshotDiff: '/snapshots/:snapshot/diff',
  restores: '/restore',
  dumpFiles: '/restore/dumps',
  restoreDump: '/restore/dumps/start',
  restoreSource: '/sources/:source/restore',

  drills: '/drills',
  drillHistory: '/drills/history',

  retention: '/retention',
  addPolicy: '/retention/new',
  previewPolicy: '/retention/preview',
  retentionCap: '/retention/cap',
  policy: '/retention/:policy',
  editPolicy: '/retention/:policy/edit',
  deletePolicy: '/retention/:policy/delete',

  alerts: '/alerts',
  alertActs: '/alerts/acts',
  alert: '/alerts/:alert',
  acknowledgeAlert: '/alerts/:alert/acknowledge',
  snoozeAlert: '/alerts/:alert/snooze',
  reopenAlert: '/alerts/:alert/reopen',

  settings: '/settings',
  design: '/settings/design',
  apiKeys: '/settings/keys',
  revokeApiKey: '/settings/keys/:key/revoke',

  people: '/settings/people',
  changePersonRole: '/settings/people/:user/role',
  disablePerson: '/settings/people/:user/disable',
  enablePerson: '/settings/people/:user/enable',
  linkPerson: '/settings/people/:user/link',

  alertRules: '/settings/alert-rules',
  addAlertRule: '/settings/alert-rules/thresholds',
  addRepositoryLimit: '/settings/alert-rules/repositories',
  addAlertWindow: '/settings/alert-rules/windows',
  addEscalation: '/settings/alert-rules/escalation',
  removeAlertRule: '/settings/alert-rules/remove',

  objectives: '/objectives',
  setFleetObjectives: '/objectives/fleet',
  addObjective: '/objectives/rules',
  removeObjective: '/objectives/rules/remove',
  board: '/board',
  reports: '/reports',
  report: '/reports/:month',
  coverage: '/coverage',
  lookAtCoverage: '/coverage/look',
  findingActs: '/coverage/acts',
  adoptFinding: '/coverage/:finding/adopt',
  ignoreFinding: '/coverage/:finding/ignore',
  watchFinding: '/coverage/:finding/watch',

  channels: '/settings/channels',
  addChannel: '/settings/channels/new',
  setThresholds: '/settings/channels/thresholds',
  setDigest: '/settings/channels/digest',
  channel: '/settings/channels/:channel',
  delivery: '/settings/channels/:channel/messages/:delivery',
  editChannel: '/settings/channels/:channel/edit',
  testChannel: '/settings/channels/:channel/test',
  switchChannel: '/settings/channels/:channel/switch',
  resendUndelivered: '/settings/channels/:channel/undelivered/resend',
  dismissUndelivered: '/settings/channels/:channel/undelivered/dismiss',
  deleteChannel: '/settings/channels/:channel/delete',

  audit: '/audit',
  exportAudit: '/audit/export',
  verifyAudit: '/audit/verify',
  reference: '/reference',
  referenceChapter: '/reference/:chapter',
  account: '/account',
  changePassword: '/account/password',
  changeZone: '/account/zone',
} as const;
export type PageName = keyof typeof PAGES;

/** Where the API lives; an `ApiEndpoint`'s path stands below it. */
export const API_ROOT = '/api/v1';

/** What lies outside pages and API. */
export const DOORS = {
  health: '/healthz',
  readiness: '/readyz',
  metrics: '/metrics',
  agentSocket: '/ws/agent',
  announce: '/api/agents/announce',
  claim: '/api/agents/announcements/:announcement/claim',
  stream: `${API_ROOT}/stream`,
  openapi: `${API_ROOT}/openapi.json`,
} as const;
export type DoorName = keyof typeof DOORS;

type ParamNames<P extends string> = P extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer More}`
    ? Name | ParamNames<More>
    : Rest
  : never;

/** Query parameters; undefined and empty ones are left out, a list repeats its name. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;

/** Builds the path of one page: with its parameters first where it has any, then the query. */
type PathBuilder<P extends string> = [ParamNames<P>] extends [never]
  ? (query?: Query) => string
  : (params: Readonly<Record<ParamNames<P>, string>>, query?: Query) => string;

export type Urls = { readonly [N in PageName]: PathBuilder<(typeof PAGES)[N]> } & {
  readonly [N in DoorName]: PathBuilder<(typeof DOORS)[N]>;
} & {
  /** `''`, or the base URL's path without a slash at the end. */
  readonly basePath: string;
  /** A path below the API root, such as `/hosts/host_1/revoke`. */
  api(path: string, query?: Query): string;
};

const made = new Map<string, Urls>();

/** All paths as a browser must ask for them. `baseUrl` is the server's base URL, or a path alone (`''`, `/backup`). */
export function createUrls(baseUrl: string): Urls {
  const known = made.get(baseUrl);
  if (known !== undefined) return known;
  const basePath = readBasePath(baseUrl);
  const builders = Object.entries({ ...PAGES, ...DOORS }).map(([name, pattern]) => [name, createBuilder(basePath, pattern)]);
  const urls = {
    ...Object.fromEntries(builders),
    basePath,
    api: (path: string, query?: Query) => `${basePath}${API_ROOT}${path}${formatQuery(query)}`,
  } as Urls;
  made.set(baseUrl, urls);
  return urls;
}

/** The path of a base URL, without a slash at the end: `''` for a server at the root of its host. */
export function readBasePath(baseUrl: string): string {
  const path = URL.canParse(baseUrl) ? new URL(baseUrl).pathname : baseUrl;
  return path.replace(/\/+$/, '');
}

/**
 * The path someone asked to come back to, when it is one of ours: it begins with a single slash and stays on this server.
 * Undefined for everything else, so that a link cannot lead a person who signs in to another site.
 */
export function findLocalPath(text: string | undefined, basePath: string): string | undefined {
  if (text === undefined || text.length > 2000 || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text) || text.includes('\\'))
    return undefined;
  const origin = 'http://local.invalid';
  if (!URL.canParse(text, origin)) return undefined;
  const url = new URL(text, origin);
  // Taking dots out of a path may leave two slashes at its front, which a browser reads as another host.
  if (url.origin !== origin || url.pathname.startsWith('//') || !`${url.pathname}/`.startsWith(`${basePath}/`)) return undefined;
  return `${url.pathname}${url.search}`;
}

function createBuilder(basePath: string, pattern: string): unknown {
  if (!pattern.includes(':')) return (query?: Query) => `${basePath}${pattern}${formatQuery(query)}`;
  return (params: Readonly<Record<string, string>>, query?: Query) =>
    `${basePath}${pattern.replace(/:(\w+)/g, (_, name: string) => encodeSegment(params[name], name))}${formatQuery(query)}`;
}

/** A segment of dots would climb: it is refused, since no id of ours looks like that. */
function encodeSegment(value: string | undefined, name: string): string {
  if (value === undefined || value === '' || value === '.' || value === '..') throw new TypeError(`a path needs :${name}`);
  return encodeURIComponent(value);
}

function formatQuery(query: Query | undefined): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(name, String(one));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
