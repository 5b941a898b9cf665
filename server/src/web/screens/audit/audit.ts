/** `/audit`: every act, newest first. */
import { listAudit } from '../../../core/audit.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { AuditRow } from '../../../store/trail.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatRelative } from '../../ui/time.ts';
import { PAGES, type Urls } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { AUDIT_TABLE, type AuditLine, type AuditView, auditPage, auditTable } from './audit.view.ts';

/** Acts a person may look for; the table shows others as well. */
const ACTIONS = [
  'host.approved',
  'host.rejected',
  'host.first_source_refused',
  'host.updated',
  'host.revoked',
  'host.drained',
  'host.resumed',
  'host.token_rotated',
  'enrolment_token.created',
  'enrolment_token.deleted',
  'source.created',
  'source.updated',
  'source.deleted',
  'repository.created',
  'repository.updated',
  'repository.initialised',
  'repository.deleted',
  'repository.password_proven',
  'repository.password_refused',
  'recovery_kit.printed',
  'plan.created',
  'plan.updated',
  'plan.deleted',
  'plan.run_started',
  'plan.retention_started',
  'shared_schedule.created',
  'shared_schedule.updated',
  'shared_schedule.deleted',
  'policy.created',
  'policy.updated',
  'policy.deleted',
  'snapshot.pinned',
  'snapshot.unpinned',
  'run.cancelled',
  'restore.started',
  'login.succeeded',
  'login.failed',
  'user.created',
  'user.password_changed',
  'api_key.created',
  'api_key.revoked',
] as const;
const VALUE_CHARS = 300;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function write(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > VALUE_CHARS ? `${text.slice(0, VALUE_CHARS)}…` : text;
}

/** The change as fields: only those that differ where before and after are known. */
export function listChanges(change: AuditRow['change']): AuditLine['changes'] {
  if (change === undefined) return [];
  const { before, after, ...others } = change;
  const rest = Object.entries(others)
    .filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
    .map(([field, value]) => ({ field, after: write(value) }));
  if (!isRecord(before) || !isRecord(after)) {
    const single = [
      ...(before === undefined ? [] : [{ field: 'before', after: write(before) }]),
      ...(after === undefined ? [] : [{ field: 'after', after: write(after) }]),
    ];
    return [...single, ...rest];
  }
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = fields
    .filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]))
    .map((field) => ({ field, before: write(before[field] ?? 'nothing'), after: write(after[field] ?? 'nothing') }));
  return [...changed, ...rest];
}

function findTargetHref(target: AuditRow['target'], urls: Urls): string | undefined {
  if (!/^[a-z]+_[A-Za-z0-9_-]+$/.test(target.id)) return undefined;
  switch (target.kind) {
    case 'host':
      return urls.host({ host: target.id });
    case 'source':
      return urls.source({ source: target.id });
    case 'repository':
      return urls.repository({ repository: target.id });
    case 'plan':
      return urls.plan({ plan: target.id });
    case 'schedule':
      return urls.sharedSchedule({ schedule: target.id });
    case 'policy':
      return urls.policy({ policy: target.id });
    case 'run':
      return urls.run({ run: target.id });
    case 'snapshot':
      return urls.snapshot({ snapshot: target.id });
    default:
      return undefined;
  }
}

function toLine(row: AuditRow, urls: Urls): AuditLine {
  const gone = row.action.endsWith('.deleted') || row.action.endsWith('.rejected');
  return {
    id: row.id,
    at: row.at,
    actor: row.actor.name,
    actorKind: row.actor.kind.replace('_', ' '),
    action: row.action,
    target: { kind: row.target.kind, name: row.target.name, href: gone ? undefined : findTargetHref(row.target, urls) },
    address: row.address,
    changes: listChanges(row.change),
  };
}

async function listActors(context: CoreContext, visit: Visit, rows: readonly AuditRow[]): Promise<AuditView['actors']> {
  const users = await context.store.people.listUsers(visit.caller.tenant);
  const names = new Map<string, string>(users.map((user) => [user.id, user.name]));
  for (const row of rows) if (!names.has(row.actor.id)) names.set(row.actor.id, row.actor.name);
  return [{ value: '', label: 'Anybody' }, ...[...names].map(([value, label]) => ({ value, label: label.slice(0, 40) }))];
}

function describeNewest(newest: AuditRow | undefined, isFiltered: boolean, face: Clockface): string {
  if (newest === undefined) return isFiltered ? 'No act fits.' : 'Nobody has done anything yet.';
  const when = formatRelative(newest.at, face).replace(/^now$/, 'just now');
  return `The last act${isFiltered ? ' that fits' : ''} was ${newest.action} by ${newest.actor.name}, ${when}.`;
}

async function showAudit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const action = findText(visit.query, 'action');
  const actor = findText(visit.query, 'actor');
  const trail = readTrail(visit);
  const page = await listAudit(context, caller, { action, actor }, trail.request);
  const face = readClockface(context, visit);
  const isFiltered = action !== undefined || actor !== undefined;
  const isFirst = trail.cursors.length === 0;
  const [newest] = isFirst ? page.rows : (await listAudit(context, caller, { action, actor }, { limit: 1 })).rows;
  const words = ACTIONS.some((known) => known === action) || action === undefined ? ACTIONS : [action, ...ACTIONS];
  const view: AuditView = {
    face,
    heading: describeNewest(newest, isFiltered, face),
    rows: page.rows.map((row) => toLine(row, urls)),
    action: urls.audit(),
    actions: [{ value: '', label: 'Any act' }, ...words.map((word) => ({ value: word, label: word }))],
    actors: await listActors(context, visit, page.rows),
    values: { action: action ?? '', actor: actor ?? '' },
    filtered: isFiltered,
    pager: {
      summary: `${formatNoun(page.rows.length, 'act')} shown`,
      ...linkPages(trail, page.next, (cursors) => urls.audit({ action, actor, after: cursors })),
    },
  };
  if (wantsPart(visit, AUDIT_TABLE)) return { kind: 'page', html: auditTable(view) };
  return { kind: 'page', html: auditPage(await buildShell(context, visit, 'audit'), view) };
}

export const AUDIT_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.audit, handle: showAudit }];
