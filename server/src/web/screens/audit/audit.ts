/** `/audit`: every act, newest first; as a file; and whether it is still what was written. */
import { AppError } from '@holdfast/shared/errors.ts';
import { type AuditFilter, exportAudit, listAudit } from '../../../core/audit.ts';
import { AUDIT_ACTIONS, describeAct } from '../../../core/audit-actions.ts';
import { describeVerdict, findAuditVerdict, verifyAudit } from '../../../core/audit-chain.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Page } from '../../../store/page.ts';
import type { AuditEntry, AuditRow } from '../../../store/trail.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatRelative } from '../../ui/time.ts';
import { PAGES, type Urls } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { wantsPart } from '../params.ts';
import { findRange, readTypedDays, type TypedDays } from '../periods/day-range.ts';
import { buildShell } from '../shell.ts';
import { AUDIT_TABLE, type AuditLine, type AuditView, auditPage, auditTable } from './audit.view.ts';
import { writeAudit } from './audit-file.ts';

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
    words: describeAct(row.action),
    target: {
      kind: row.target.kind,
      name: row.target.name,
      href: gone ? undefined : findTargetHref(row.target, urls),
      actsHref: row.target.id === '' ? undefined : urls.audit({ target: row.target.id }),
    },
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
  return `The last act${isFiltered ? ' that fits' : ''} was “${describeAct(newest.action)}” by ${newest.actor.name}, ${when}.`;
}

interface AuditQuery extends TypedDays {
  action?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
}

function readQuery(visit: Visit): AuditQuery {
  const read = (name: string) => findText(visit.query, name);
  return { action: read('action'), actor: read('actor'), target: read('target'), ...readTypedDays(visit) };
}

/** Days are those of the reader's zone; what is wrong with them is said instead. */
function toFilter({ action, actor, target, from, to }: AuditQuery, { zone, now }: Clockface): AuditFilter | { problem: string } {
  const days = findRange({ from, to }, zone, now);
  return 'problem' in days ? days : { action, actor, target, ...days };
}

async function buildView(context: CoreContext, visit: Visit, query: AuditQuery): Promise<AuditView> {
  const { caller, urls } = visit;
  const { action, actor } = query;
  const face = readClockface(context, visit);
  const trail = readTrail(visit);
  const filter = toFilter(query, face);
  const problem = 'problem' in filter ? filter.problem : undefined;
  const page: Page<AuditEntry> = 'problem' in filter ? { rows: [] } : await listAudit(context, caller, filter, trail.request);
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  const isFirst = trail.cursors.length === 0 || 'problem' in filter;
  const [newest] = isFirst ? page.rows : (await listAudit(context, caller, filter, { limit: 1 })).rows;
  const known: readonly string[] = AUDIT_ACTIONS;
  const words = action === undefined || known.includes(action) ? known : [action, ...known];
  const verdict = await findAuditVerdict(context, caller);
  return {
    face,
    heading: problem ?? describeNewest(newest, isFiltered, face),
    problem,
    rows: page.rows.map((row) => toLine(row, urls)),
    action: urls.audit(),
    actions: [{ value: '', label: 'Any act' }, ...words.map((word) => ({ value: word, label: describeAct(word) }))],
    actors: await listActors(context, visit, page.rows),
    values: { action: action ?? '', actor: actor ?? '', target: query.target ?? '', from: query.from, to: query.to },
    filtered: isFiltered,
    csvHref: urls.exportAudit({ ...query, format: 'csv' }),
    jsonHref: urls.exportAudit({ ...query, format: 'ndjson' }),
    chain: {
      state: verdict === undefined ? 'unknown' : verdict.fault === undefined ? 'whole' : 'broken',
      text: verdict === undefined ? 'not checked yet' : describeVerdict(verdict),
      at: verdict?.at,
      hash: verdict?.hash,
      action: urls.verifyAudit(),
    },
    pager: {
      summary: `${formatNoun(page.rows.length, 'act')} shown`,
      ...linkPages(trail, page.next, (cursors) => urls.audit({ ...query, after: cursors })),
    },
  };
}

async function showAudit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await buildView(context, visit, readQuery(visit));
  if (wantsPart(visit, AUDIT_TABLE)) return { kind: 'page', html: auditTable(view) };
  return { kind: 'page', html: auditPage(await buildShell(context, visit, 'audit'), view) };
}

/** What the page is narrowed to, whole, as a file that is written while it is read. */
async function exportFile(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'audit.view');
  const filter = toFilter(readQuery(visit), readClockface(context, visit));
  if ('problem' in filter) throw new AppError('invalid', filter.problem);
  const format = findText(visit.query, 'format') === 'ndjson' ? 'ndjson' : 'csv';
  return {
    kind: 'download',
    fileName: `audit-${new Date(context.clock.now()).toISOString().slice(0, 10)}.${format}`,
    contentType: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
    body: writeAudit(exportAudit(context, visit.caller, filter), format),
  };
}

async function verify(context: CoreContext, visit: Visit): Promise<PageReply> {
  const verdict = await verifyAudit(context, visit.caller);
  const tone = verdict.fault === undefined ? 'good' : 'bad';
  return { kind: 'redirect', to: visit.urls.audit(), flash: { tone, text: `The audit is ${describeVerdict(verdict)}.` } };
}

export const AUDIT_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.audit, handle: showAudit },
  { method: 'get', path: PAGES.exportAudit, handle: exportFile },
  { method: 'post', path: PAGES.verifyAudit, handle: verify },
];
