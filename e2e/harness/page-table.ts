/** Every address a browser can open, each with what makes it whole on the seeded server: a route without an entry here fails scenario 45. */
import type { SeededServer } from './seeded-server.ts';

/** A page to look at; its name is that of its picture. */
export type SeededPage = {
  readonly name: string;
  readonly path: string;
  /** What is no mistake on this page, such as 410 where there is nothing any more. */
  readonly status?: number;
};

/** What answers with no page of its own: a part of one, a file, or a way on to another. */
const NO_PAGES: ReadonlySet<string> = new Set([
  '/navigation',
  '/plans/fires',
  '/retention/preview',
  '/runs/:run/log',
  '/runs/:run/log.txt',
  '/welcome',
  '/reports',
  '/account/password',
  '/sources/:source/restore',
  '/settings/people/:user/link',
  '/audit/export',
  '/repositories/recovery-key/kit',
]);

const MONTH = '2026-11';

/** Pages by the pattern of their route; those that differ much by what they show have more than one. */
export function listSeededPages({
  night,
  trust,
}: Pick<SeededServer, 'night' | 'trust'>): Readonly<Record<string, readonly SeededPage[]>> {
  const source = `/sources/${night.sources[0]?.id}`;
  const repository = `/repositories/${night.repository.id}`;
  const plan = `/plans/${night.plan.id}`;
  const snapshot = `/snapshots/${trust.snapshot}`;
  const policy = `/retention/${trust.policy}`;
  const schedule = `/plans/schedules/${trust.schedule}`;
  const host = `/hosts/${night.db.id}`;
  const channel = `/settings/channels/${trust.channel}`;
  return {
    '/login': [{ name: 'login', path: '/login' }],
    '/bootstrap': [{ name: 'bootstrap', path: '/bootstrap?token=none', status: 410 }],
    '/password': [{ name: 'password-link', path: '/password?token=none', status: 410 }],
    '/': [{ name: 'overview', path: '/' }],
    '/welcome/:step': [{ name: 'first-start', path: '/welcome/host' }],
    '/hosts': [{ name: 'hosts', path: '/hosts' }],
    '/hosts/new': [{ name: 'add-host', path: '/hosts/new' }],
    '/hosts/:host': [{ name: 'host', path: host }],
    '/hosts/:host/edit': [{ name: 'host-edit', path: `${host}/edit` }],
    '/sources': [{ name: 'sources', path: '/sources' }],
    '/sources/new': [
      { name: 'source-kind', path: `/sources/new?host=${night.db.id}` },
      { name: 'source-form', path: `/sources/new?host=${night.db.id}&kind=postgres` },
    ],
    '/sources/:source/edit': [{ name: 'source-edit', path: `${source}/edit` }],
    '/sources/discover': [{ name: 'source-discover', path: `/sources/discover?source=${night.sources[0]?.id}` }],
    '/sources/:source/drills': [{ name: 'source-drills', path: `${source}/drills` }],
    '/sources/:source': [
      { name: 'source', path: `/sources/${night.sources[2]?.id}` },
      { name: 'source-proven', path: source },
    ],
    '/drills': [{ name: 'drills', path: '/drills' }],
    '/drills/history': [{ name: 'drill-history', path: '/drills/history' }],
    '/repositories': [{ name: 'repositories', path: '/repositories' }],
    '/repositories/new': [
      { name: 'repository-kind', path: '/repositories/new' },
      { name: 'repository-form', path: '/repositories/new?kind=s3' },
    ],
    '/repositories/:repository': [{ name: 'repository', path: repository }],
    '/repositories/:repository/edit': [{ name: 'repository-edit', path: `${repository}/edit` }],
    '/repositories/:repository/admin': [{ name: 'repository-admin', path: `${repository}/admin` }],
    '/repositories/:repository/routine': [{ name: 'repository-routine', path: `${repository}/routine` }],
    '/repositories/recovery-key': [{ name: 'recovery-key', path: '/repositories/recovery-key' }],
    '/repositories/recovery-sheet': [{ name: 'recovery-sheet', path: '/repositories/recovery-sheet' }],
    '/repositories/:repository/password': [{ name: 'repository-password', path: `${repository}/password` }],
    '/repositories/:repository/locks': [{ name: 'repository-locks', path: `${repository}/locks` }],
    '/repositories/:repository/contents': [{ name: 'repository-contents', path: `${repository}/contents?host=${night.db.id}` }],
    '/repositories/:repository/contents/:engine': [
      { name: 'orphan', path: `${repository}/contents/${trust.orphan}?host=${night.db.id}` },
    ],
    '/repositories/:repository/contents/:engine/files': [
      { name: 'orphan-files', path: `${repository}/contents/${trust.orphan}/files?host=${night.db.id}` },
    ],
    '/plans': [{ name: 'plans', path: '/plans' }],
    '/plans/new': [{ name: 'plan-form', path: '/plans/new' }],
    '/plans/schedules': [{ name: 'shared-schedules', path: '/plans/schedules' }],
    '/plans/schedules/new': [{ name: 'shared-schedule-form', path: '/plans/schedules/new' }],
    '/plans/schedules/:schedule': [{ name: 'shared-schedule', path: schedule }],
    '/plans/schedules/:schedule/edit': [{ name: 'shared-schedule-edit', path: `${schedule}/edit` }],
    '/plans/:plan': [{ name: 'plan', path: plan }],
    '/plans/:plan/edit': [{ name: 'plan-edit', path: `${plan}/edit` }],
    '/plans/:plan/retention': [{ name: 'plan-retention', path: `${plan}/retention` }],
    '/runs': [{ name: 'runs', path: '/runs' }],
    '/runs/:run': [
      { name: 'run', path: `/runs/${trust.run}` },
      { name: 'run-failed', path: `/runs/${trust.failedRun}` },
    ],
    '/snapshots': [{ name: 'snapshots', path: '/snapshots' }],
    '/snapshots/:snapshot': [{ name: 'snapshot', path: snapshot }],
    '/snapshots/:snapshot/files': [{ name: 'snapshot-files', path: `${snapshot}/files` }],
    '/snapshots/:snapshot/diff': [{ name: 'snapshot-diff', path: `${snapshot}/diff` }],
    '/snapshots/:snapshot/files/restore': [{ name: 'restore-files', path: `${snapshot}/files/restore?path=/index.html` }],
    '/snapshots/:snapshot/restore': [{ name: 'restore-form', path: `${snapshot}/restore` }],
    '/restore': [{ name: 'restore', path: '/restore' }],
    '/restore/dumps': [
      { name: 'dump-hosts', path: '/restore/dumps' },
      { name: 'dump-files', path: `/restore/dumps?host=${night.db.id}&path=/srv/dumps` },
    ],
    '/restore/dumps/start': [
      { name: 'dump-form', path: `/restore/dumps/start?host=${night.db.id}&path=/srv/dumps/app.dump` },
      { name: 'dump-refused', path: `/restore/dumps/start?host=${night.db.id}&path=/srv/dumps/latest` },
    ],
    '/retention': [{ name: 'retention', path: '/retention' }],
    '/retention/new': [{ name: 'policy-form', path: '/retention/new' }],
    '/retention/cap': [{ name: 'retention-cap', path: '/retention/cap?days=365' }],
    '/retention/:policy': [{ name: 'policy', path: policy }],
    '/retention/:policy/edit': [{ name: 'policy-edit', path: `${policy}/edit` }],
    '/objectives': [{ name: 'objectives', path: '/objectives' }],
    '/board': [{ name: 'fleet-board', path: '/board' }],
    '/reports/:month': [{ name: 'report', path: `/reports/${MONTH}` }],
    '/coverage': [{ name: 'coverage', path: '/coverage' }],
    '/alerts': [{ name: 'alerts', path: '/alerts' }],
    '/alerts/:alert': [{ name: 'alert', path: `/alerts/${trust.alert.id}` }],
    '/settings/alert-rules': [{ name: 'alert-rules', path: '/settings/alert-rules' }],
    '/settings/channels': [{ name: 'channels', path: '/settings/channels' }],
    '/settings/channels/new': [
      { name: 'channel-kind', path: '/settings/channels/new' },
      { name: 'channel-form', path: '/settings/channels/new?kind=email' },
    ],
    '/settings/channels/:channel': [{ name: 'channel', path: channel }],
    '/settings/channels/:channel/edit': [{ name: 'channel-edit', path: `${channel}/edit` }],
    '/settings/channels/:channel/messages/:delivery': [{ name: 'delivery', path: `${channel}/messages/${trust.delivery}` }],
    '/settings': [{ name: 'settings', path: '/settings' }],
    '/settings/design': [{ name: 'design', path: '/settings/design' }],
    '/settings/people': [{ name: 'people', path: '/settings/people' }],
    '/settings/keys': [{ name: 'api-keys', path: '/settings/keys' }],
    '/audit': [{ name: 'audit', path: '/audit' }],
    '/reference': [{ name: 'api', path: '/reference' }],
    '/reference/:chapter': [{ name: 'api-chapter', path: '/reference/hosts' }],
    '/account': [{ name: 'account', path: '/account' }],
  };
}

/** Routes that answer with a page and have none in the table, and entries whose route is gone. */
export function findUnlisted(routes: readonly string[], listed: readonly string[]): readonly string[] {
  const missing = routes.filter((route) => !listed.includes(route) && !NO_PAGES.has(route));
  const gone = [...listed, ...NO_PAGES].filter((route) => !routes.includes(route));
  return [...missing, ...gone];
}
