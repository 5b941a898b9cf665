/** What can be listed and shown, each with the path of its end-points and the columns a person wants to see. */

import { writeAuditHead, writeAuditLine } from '@holdfast/shared/domain/audit-lines.ts';
import { PROOF_STATES } from '@holdfast/shared/domain/drill.ts';
import {
  ALERT_ORDERS,
  FINDING_ORDERS,
  HOST_ORDERS,
  PLAN_ORDERS,
  PROOF_ORDERS,
  REPOSITORY_ORDERS,
  RUN_ORDERS,
  SNAPSHOT_LIST_ORDERS,
  SOURCE_ORDERS,
} from '@holdfast/shared/domain/list-orders.ts';
import * as z from 'zod';
import type { Row } from './client.ts';
import { showBytes, showInstant, showValue } from './output.ts';

export interface Column {
  label: string;
  cell(row: Row): string;
  /** What its ids are of: people are shown the name. */
  names?: ThingKind;
}

export interface Filter {
  /** The query parameter; as an option its words are set apart by dashes. */
  name: string;
  description: string;
  /** What its value names, where it is a thing of the server: then a name will do. */
  kind?: ThingKind;
  /** `flag`: an option without a value; `instant`: see `parseInstant`. Any other value is sent as it was typed. */
  form?: 'flag' | 'instant';
}

export type ThingKind = 'host' | 'source' | 'repository' | 'plan' | 'policy' | 'schedule' | 'channel' | 'user';

export interface ReadNoun {
  /** `hosts`. */
  name: string;
  /** Another word for it. */
  alias?: string;
  /** What `show` takes, where there is one: a thing with a name, or an id alone. */
  shows?: ThingKind | 'id';
  path: string;
  description: string;
  columns: readonly Column[];
  filters: readonly Filter[];
  /** What its list can be ordered by. */
  orders?: readonly string[];
  /** What `--csv` prints of it, where it can be had so: the line of the names, and that of a row. */
  csv?: { head: () => string; line: (row: Row) => string };
}

const whoOrWhat = z.looseObject({ kind: z.string(), id: z.string(), name: z.string() });
const auditEntry = z.looseObject({
  no: z.number(),
  at: z.number(),
  actor: whoOrWhat,
  action: z.string(),
  target: whoOrWhat,
  address: z.string().optional(),
  requestId: z.string().optional(),
  change: z.record(z.string(), z.unknown()).optional(),
  hash: z.string(),
});

const text = (name: string, label = name): Column => ({ label: label.toUpperCase(), cell: (row) => showValue(row[name]) });
const instant = (name: string, label: string): Column => ({ label: label.toUpperCase(), cell: (row) => showInstant(row[name]) });
const bytes = (name: string, label: string): Column => ({ label: label.toUpperCase(), cell: (row) => showBytes(row[name]) });

/** A thing by its name, from the field that is called like its kind. */
const named = (kind: ThingKind): Column => ({ ...text(kind), names: kind });

function findInside(row: Row, name: string, field: string): unknown {
  const value = row[name];
  return typeof value === 'object' && value !== null && field in value ? (value as Row)[field] : undefined;
}

function inside(name: string, field: string, label: string): Column {
  return { label: label.toUpperCase(), cell: (row) => showValue(findInside(row, name, field)) };
}

const search: Filter = { name: 'search', description: 'part of the name' };
const searchRuns: Filter = { name: 'search', description: 'part of a name it has or of its error, or the beginning of its id' };
const searchSnapshots: Filter = { name: 'search', description: 'part of a name it has, or the beginning of its id' };
const ofHost: Filter = { name: 'host', description: 'only of this host', kind: 'host' };
const ofPlan: Filter = { name: 'plan', description: 'only of this plan', kind: 'plan' };
const ofSource: Filter = { name: 'source', description: 'only of this source', kind: 'source' };
const ofRepository: Filter = { name: 'repository', description: 'only in this repository', kind: 'repository' };
const state: Filter = { name: 'state', description: 'only in this state' };
const tag: Filter = { name: 'tag', description: 'only with this tag' };
const since: Filter = { name: 'since', description: 'only from then on: 24h, 7d, or a date', form: 'instant' };
const until: Filter = { name: 'until', description: 'only before then: 24h, 7d, or a date', form: 'instant' };
const active: Filter = { name: 'active', description: 'only what has not ended', form: 'flag' };

const RUN_COLUMNS = [
  text('id'),
  text('kind'),
  text('state'),
  text('trigger'),
  instant('createdAt', 'created'),
  bytes('bytes', 'size'),
  named('plan'),
  inside('failure', 'message', 'why'),
];

export const READ_NOUNS: readonly ReadNoun[] = [
  {
    name: 'hosts',
    alias: 'host',
    shows: 'host',
    path: '/hosts',
    orders: HOST_ORDERS,
    description: 'machines with an agent',
    columns: [
      text('id'),
      text('name'),
      text('standing'),
      text('condition'),
      text('tags'),
      text('drift'),
      instant('lastSeenAt', 'seen'),
    ],
    filters: [search, state, tag],
  },
  {
    name: 'enrolment-tokens',
    alias: 'enrolment-token',
    path: '/enrolment-tokens',
    description: 'tokens with which hosts are let in by themselves, without the tokens',
    columns: [
      text('id'),
      text('note'),
      text('tags'),
      text('hostname', 'only for'),
      text('paths'),
      named('plan'),
      text('usesLeft', 'uses left'),
      instant('expiresAt', 'ends'),
    ],
    filters: [],
  },
  {
    name: 'sources',
    alias: 'source',
    shows: 'source',
    path: '/sources',
    orders: SOURCE_ORDERS,
    description: 'what is protected',
    columns: [
      text('id'),
      text('name'),
      text('kind'),
      named('host'),
      inside('protection', 'status', 'status'),
      { label: 'LAST GOOD', cell: (row) => showInstant(findInside(row, 'standing', 'lastGoodAt')) },
      text('enabled'),
      text('version'),
    ],
    filters: [
      search,
      ofHost,
      { name: 'kind', description: 'only of this kind, such as postgres' },
      { name: 'status', description: 'only of this status, such as unprotected' },
      { name: 'enabled', description: 'true: only those that are switched on; false: only those that are not' },
      { name: 'withoutPlan', description: 'only what no enabled plan protects', form: 'flag' },
    ],
  },
  {
    name: 'repositories',
    alias: 'repository',
    shows: 'repository',
    path: '/repositories',
    orders: REPOSITORY_ORDERS,
    description: 'where backups live',
    columns: [text('id'), text('name'), text('kind'), text('engineId', 'initialised as'), text('version')],
    filters: [search, { name: 'standing', description: 'only those that do so: critical, warning, unopened, quiet, good' }],
  },
  {
    name: 'plans',
    shows: 'plan',
    path: '/plans',
    orders: PLAN_ORDERS,
    description: 'which sources go where and when',
    columns: [
      text('id'),
      text('name'),
      text('enabled'),
      inside('schedule', 'cron', 'schedule'),
      named('repository'),
      text('version'),
    ],
    filters: [
      search,
      { name: 'enabled', description: 'true: only those that are switched on; false: only those that are not' },
      { name: 'tag', description: 'only with a source on a host that has this tag' },
      { name: 'retentionPolicy', description: 'only with this retention policy', kind: 'policy' },
      { name: 'sharedSchedule', description: 'only with this shared schedule', kind: 'schedule' },
      ofHost,
      ofSource,
      ofRepository,
    ],
  },
  {
    name: 'policies',
    alias: 'policy',
    shows: 'policy',
    path: '/retention-policies',
    description: 'how long snapshots are kept',
    columns: [text('id'), text('name'), text('description'), text('version')],
    filters: [search],
  },
  {
    name: 'schedules',
    alias: 'schedule',
    shows: 'schedule',
    path: '/shared-schedules',
    description: 'when plans are due, where several share it',
    columns: [
      text('id'),
      text('name'),
      inside('schedule', 'cron', 'schedule'),
      inside('schedule', 'zone', 'zone'),
      text('description'),
      text('version'),
    ],
    filters: [search],
  },
  {
    name: 'channels',
    alias: 'channel',
    shows: 'channel',
    path: '/channels',
    description: 'who is told of alerts',
    columns: [text('id'), text('name'), text('kind'), text('enabled'), text('where', 'leads to'), text('failures')],
    filters: [],
  },
  {
    name: 'runs',
    shows: 'id',
    path: '/runs',
    orders: RUN_ORDERS,
    description: 'executions, newest first',
    columns: RUN_COLUMNS,
    filters: [
      searchRuns,
      state,
      { name: 'kind', description: 'only of this kind, such as backup' },
      { name: 'trigger', description: 'only what began by this, such as manual' },
      { name: 'requestedBy', description: 'only what this person asked for' },
      active,
      since,
      until,
      ofHost,
      ofPlan,
      ofSource,
      ofRepository,
    ],
  },
  {
    name: 'snapshots',
    alias: 'snapshot',
    shows: 'id',
    path: '/snapshots',
    orders: SNAPSHOT_LIST_ORDERS,
    description: 'what can be brought back, newest first',
    columns: [
      text('id'),
      text('state'),
      named('host'),
      named('source'),
      instant('createdAt', 'made'),
      bytes('sizeBytes', 'size'),
      instant('provenAt', 'proven'),
      text('deletingRun', 'deletion pending'),
    ],
    filters: [
      searchSnapshots,
      state,
      { name: 'pinned', description: 'only what stays whatever the policy of its plan says', form: 'flag' },
      { name: 'role', description: 'only of this role, such as data' },
      { name: 'run', description: 'only of this run, by its id' },
      since,
      until,
      ofHost,
      ofSource,
      ofPlan,
      ofRepository,
    ],
  },
  {
    name: 'restores',
    shows: 'id',
    path: '/restores',
    description: 'restores, newest first',
    columns: RUN_COLUMNS,
    filters: [state, active, since, until, ofHost],
  },
  {
    name: 'drills',
    path: '/drills',
    description: 'proofs of recovery, newest first',
    columns: [
      text('run'),
      named('source'),
      text('snapshot'),
      text('isProven', 'proven'),
      instant('endedAt', 'ended'),
      text('rows'),
    ],
    filters: [
      { name: 'state', description: 'only proven, or only disproven ones' },
      since,
      until,
      ofHost,
      ofPlan,
      ofSource,
      ofRepository,
    ],
  },
  {
    name: 'proofs',
    path: '/proofs',
    orders: PROOF_ORDERS,
    description: 'how each source stands with its proof of recovery',
    columns: [
      text('source', 'id'),
      text('name'),
      named('host'),
      text('state'),
      { label: 'PROVEN', cell: (row) => showInstant(findInside(row, 'proven', 'endedAt')) },
      { label: 'LAST DRILL', cell: (row) => showInstant(findInside(row, 'newest', 'endedAt')) },
    ],
    filters: [
      { name: 'search', description: 'part of the name of the source or host' },
      { name: 'state', description: `only so: ${PROOF_STATES.join(', ')}` },
      ofHost,
    ],
  },
  {
    name: 'coverage',
    path: '/coverage',
    orders: FINDING_ORDERS,
    description: 'what hosts found that is no source',
    columns: [
      text('id'),
      text('name'),
      text('kind'),
      named('host'),
      text('place'),
      bytes('sizeBytes', 'size'),
      instant('firstSeenAt', 'seen'),
      text('isNew', 'new'),
    ],
    filters: [
      { name: 'search', description: 'part of its name or of its host’s' },
      ofHost,
      { name: 'kind', description: 'only what would be a source of this kind, such as postgres' },
      { name: 'fresh', description: 'only what was not there at the first look', form: 'flag' },
      { name: 'ignored', description: 'true: only what was left alone; false: only what was not' },
    ],
  },
  {
    name: 'alerts',
    alias: 'alert',
    shows: 'id',
    path: '/alerts',
    orders: ALERT_ORDERS,
    description: 'what is wrong',
    columns: [text('id'), text('severity'), text('state'), text('title'), instant('since', 'since'), text('count')],
    filters: [
      state,
      { name: 'severity', description: 'only of this severity' },
      { name: 'condition', description: 'only of this condition, such as backup.overdue' },
      { name: 'search', description: 'part of the title, the detail, or a name of what it is about' },
    ],
  },
  {
    name: 'audit',
    path: '/audit',
    csv: { head: writeAuditHead, line: (row) => writeAuditLine(auditEntry.parse(row)) },
    description: 'who did what, newest first',
    columns: [
      instant('at', 'at'),
      inside('actor', 'name', 'who'),
      text('action', 'did'),
      inside('target', 'name', 'to'),
      text('address', 'from'),
    ],
    filters: [
      { name: 'action', description: 'such as plan.updated' },
      { name: 'actor', description: 'id of who acted' },
      { name: 'target', description: 'id of what was acted on, or the name it had then' },
      since,
      until,
    ],
  },
  {
    name: 'users',
    alias: 'user',
    shows: 'user',
    path: '/users',
    description: 'people who may sign in',
    columns: [
      text('id'),
      text('name'),
      text('role'),
      text('state'),
      instant('lastLoginAt', 'signed in'),
      instant('linkExpiresAt', 'link ends'),
    ],
    filters: [search],
  },
  {
    name: 'keys',
    path: '/api-keys',
    description: 'API keys, without the keys themselves',
    columns: [text('id'), text('name'), text('scopes'), instant('expiresAt', 'expires'), instant('lastUsedAt', 'used')],
    filters: [],
  },
];
