/** The shell around every signed-in page: navigation with live counts, the person, the zone, messages. */
import { isAllowed } from '../../core/caller.ts';
import { type Installation, readInstallation } from '../../core/installation-settings.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { FlashMessage, PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { postButton } from '../ui/button.ts';
import type { Flash } from '../ui/flash.ts';
import { type NavGroup, type NavItem, type Shell, sideNav } from '../ui/layout.ts';
import { formatZone } from '../ui/time.ts';
import { PAGES } from '../urls.ts';
import { readClockface } from './clockface.ts';
import { type NavMarks, readNavMarks } from './navigation.ts';

/** What a page calls itself; `account` is reached through the person's name and has no line of its own. */
const NAV_KEYS = [
  'overview',
  'alerts',
  'hosts',
  'sources',
  'plans',
  'runs',
  'snapshots',
  'restore',
  'drills',
  'retention',
  'coverage',
  'objectives',
  'reports',
  'audit',
  'repositories',
  'channels',
  'settings',
  'reference',
  'account',
] as const;
export type NavKey = (typeof NAV_KEYS)[number];

function buildNav(visit: Visit, marks: NavMarks, { links }: Pick<Installation, 'links'>): readonly NavGroup[] {
  const { urls } = visit;
  const trust: readonly NavItem[] = [
    { id: 'drills', label: 'Drills', href: urls.drills(), key: 'l' },
    { id: 'retention', label: 'Retention', href: urls.retention(), key: 't' },
    { id: 'coverage', label: 'Coverage', href: urls.coverage() },
    { id: 'objectives', label: 'Objectives', href: urls.objectives() },
    { id: 'reports', label: 'Reports', href: urls.reports() },
    ...(isAllowed(visit.caller, 'audit.view') ? [{ id: 'audit', label: 'Audit', href: urls.audit(), key: 'u' }] : []),
  ];
  return [
    {
      items: [
        { id: 'overview', label: 'Overview', href: urls.overview(), key: 'o' },
        { id: 'alerts', label: 'Alerts', href: urls.alerts(), key: 'a', ...marks.alerts, isCounted: true },
        { id: 'hosts', label: 'Hosts', href: urls.hosts(), key: 'h', ...marks.hosts, isCounted: true },
        { id: 'sources', label: 'Sources', href: urls.sources(), key: 'd', ...marks.sources, isCounted: true },
        { id: 'plans', label: 'Plans', href: urls.plans(), key: 'p' },
        { id: 'runs', label: 'Runs', href: urls.runs(), key: 'r', ...marks.runs, isCounted: true },
        { id: 'snapshots', label: 'Snapshots', href: urls.snapshots(), key: 's' },
        { id: 'restore', label: 'Restore', href: urls.restores(), key: 'b' },
      ],
    },
    { label: 'Trust', items: trust },
    {
      label: 'Setup',
      items: [
        { id: 'repositories', label: 'Repositories', href: urls.repositories(), key: 'e' },
        { id: 'channels', label: 'Channels', href: urls.channels(), key: 'c' },
        ...(isAllowed(visit.caller, 'settings.manage')
          ? [{ id: 'settings', label: 'Settings', href: urls.settings(), key: 'x' }]
          : []),
        { id: 'reference', label: 'API', href: urls.reference(), key: 'i' },
      ],
    },
    { label: 'Links', items: links.map(({ label, href }, at) => ({ id: `link-${at}`, label, href })) },
  ];
}

function toFlash({ tone, text, undo }: FlashMessage): Flash {
  const action = undo && postButton({ label: 'Undo', kind: 'secondary', small: true, ...undo });
  return { tone: tone === 'good' ? 'done' : 'problem', text, ...(action === undefined ? {} : { action }) };
}

function nameRole(role: string): string {
  return role.charAt(0).toUpperCase() + role.slice(1);
}

/** Everything the layout needs besides the page itself: five counting reads and the settings. `extra` messages stand after those of the last act. */
export async function buildShell(
  context: CoreContext,
  visit: Visit,
  current: NavKey,
  extra: readonly Flash[] = [],
): Promise<Shell> {
  const face = readClockface(context, visit);
  const { urls, frame } = visit;
  const [installation, marks] = await Promise.all([readInstallation(context), readNavMarks(context, visit.caller.tenant)]);
  return {
    assets: frame.assets,
    homeHref: urls.overview(),
    nav: buildNav(visit, marks, installation),
    installation: installation.name === '' ? undefined : installation.name,
    current,
    user: { name: visit.caller.actor.name, role: nameRole(visit.caller.role), href: urls.account(), signOutHref: urls.logout() },
    zone: formatZone(face),
    now: face.now,
    streamUrl: urls.stream(),
    streamFrom: frame.streamFrom,
    navUrl: urls.navigation({ current }),
    searchUrl: urls.sources(),
    flash: [...frame.trouble, ...frame.flash.map(toFlash), ...extra],
  };
}

function isNavKey(text: unknown): text is NavKey {
  return NAV_KEYS.some((key) => key === text);
}

/** The side bar alone, for when its lines change. */
async function showNavigation(context: CoreContext, visit: Visit): Promise<PageReply> {
  const current = visit.query['current'];
  const shell = await buildShell(context, visit, isNavKey(current) ? current : 'overview');
  return { kind: 'page', html: sideNav(shell) };
}

export const NAVIGATION_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.navigation, handle: showNavigation }];
