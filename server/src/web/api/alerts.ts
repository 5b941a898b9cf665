/** End-points of alerts: what is wrong, what is done about it, and when it is an alert at all. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { ALERT_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { createFieldsError } from '../../core/adapters/adapter-input.ts';
import {
  type AlertView,
  acknowledgeAlert,
  countAlerts,
  getAlert,
  listActiveAlerts,
  listAlertEvents,
  listAlerts,
  listMembers,
  reopenAlert,
  snoozeAlert,
} from '../../core/alerts/alerts.ts';
import { ALERT_CONDITIONS, SEVERITIES, THING_KINDS } from '../../core/alerts/conditions.ts';
import {
  findThresholdsVersion,
  getThresholds,
  type Thresholds,
  thresholdsSchema,
  updateThresholds,
} from '../../core/alerts/thresholds.ts';
import type { AlertSign, AlertState, SignScope } from '../../store/alerts.ts';
import { type ApiEndpoint, type ApiReply, defineEndpoint } from '../http/route.ts';
import {
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  sortFields,
  toPageReply,
  toPageRequest,
  toSortedRequest,
} from './shapes/shapes.ts';

const STATES = ['open', 'acknowledged', 'snoozed', 'resolved'] as const satisfies readonly AlertState[];
const SCOPES = ['source', 'plan', 'repository', 'host', 'channel', 'server'] as const satisfies readonly SignScope[];
const EVENTS = ['raised', 'returned', 'grown', 'acknowledged', 'snoozed', 'woken', 'escalated', 'resolved'] as const;
const thingShape = z.strictObject({ kind: z.enum(THING_KINDS), id: z.string(), name: z.string() });

const alertFields = {
  id: idSchema('alert'),
  condition: z.enum(ALERT_CONDITIONS),
  severity: z.enum(SEVERITIES),
  state: z.enum(STATES),
  thing: thingShape.meta({ description: 'What it is about; the id is empty for the server and the fleet' }),
  title: z.string(),
  detail: z.string(),
  count: z.int().min(0).meta({ description: 'How many it holds for' }),
  since: instantSchema.meta({ description: 'When what is wrong began; epoch milliseconds, UTC' }),
  raisedAt: instantSchema,
  resolvedAt: instantSchema.optional(),
  acknowledgedAt: instantSchema.optional(),
  acknowledgedBy: z.string().optional(),
  snoozedUntil: instantSchema.optional(),
  snoozedBy: z.string().optional(),
  run: idSchema('run').optional(),
  lastGoodAt: instantSchema.optional().meta({ description: 'The newest clean backup of what it is about' }),
  version: z.int().min(1),
};
const alertShape = nameShape('Alert', z.strictObject(alertFields));
const memberShape = nameShape(
  'AlertMember',
  z.strictObject({
    scope: z.enum(SCOPES).meta({ description: 'What `scopeId` is the id of' }),
    scopeId: z.string().meta({ description: 'Empty for the server' }),
    name: z.string(),
    detail: z.string(),
    since: instantSchema,
    run: idSchema('run').optional(),
    lastGoodAt: instantSchema.optional(),
  }),
);
const alertDetailShape = nameShape(
  'AlertDetail',
  z.strictObject({
    ...alertFields,
    members: listOf(memberShape).meta({ description: 'The first 200; all of them: GET /alerts/{id}/members' }),
    events: listOf(z.strictObject({ at: instantSchema, kind: z.enum(EVENTS), by: z.string().optional(), text: z.string() })),
  }),
);

function toAlertShape(alert: AlertView): z.infer<typeof alertShape> {
  const { id, condition, severity, state, thing, thingName, title, text, members, since, raisedAt, resolvedAt, version } = alert;
  const { acknowledgedAt, acknowledgedBy, snoozedUntil, snoozedBy, run, lastGoodAt } = alert;
  return {
    ...{ id, condition, severity, state, thing: { ...thing, name: thingName }, title, detail: text, count: members, since },
    ...{ raisedAt, resolvedAt, acknowledgedAt, acknowledgedBy, snoozedUntil, snoozedBy, run, lastGoodAt, version },
  };
}

function toMemberShape({ scope, scopeId, name, text, since, run, lastGoodAt }: AlertSign): z.infer<typeof memberShape> {
  return { scope, scopeId, name, detail: text, since, run, lastGoodAt };
}

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/alerts',
  scope: 'read',
  summary: 'Lists alerts, the newest first.',
  tag: 'alerts',
  query: z.strictObject({
    ...pageFields,
    state: z
      .enum(['active', ...STATES])
      .default('active')
      .meta({ description: '`active`: all that is not resolved' }),
    severity: z.enum(SEVERITIES).optional(),
    condition: z.enum(ALERT_CONDITIONS).optional(),
    search: searchInput
      .optional()
      .meta({ description: 'Part of the title, the detail, or a name of what it is about; case does not matter' }),
    ...sortFields(ALERT_ORDERS, 'the newest come first; resolved ones are in no other order'),
  }),
  reply: listOf(alertShape),
  async handle(context, caller, { query }) {
    const { state, severity, condition, search } = query;
    const filter = { severity, condition, search };
    const page = toSortedRequest(query);
    if (page.sort === undefined) return toPageReply(await listAlerts(context, caller, { ...filter, state }, page), toAlertShape);
    if (state === 'resolved')
      throw createFieldsError({ sort: 'Resolved alerts are told the newest first, and in no other order' });
    return toPageReply(await listActiveAlerts(context, caller, { ...filter, state }, page), toAlertShape);
  },
});

export const alertCountsShape = nameShape(
  'AlertCounts',
  z.strictObject({
    open: z.int(),
    acknowledged: z.int(),
    snoozed: z.int(),
    critical: z.int().meta({ description: 'Of the open ones' }),
  }),
);

const countsEndpoint = defineEndpoint({
  method: 'get',
  path: '/alerts/counts',
  scope: 'read',
  summary: 'How many alerts there are by what is done about them.',
  tag: 'alerts',
  reply: alertCountsShape,
  handle: async (context, caller) => ({ data: await countAlerts(context, caller) }),
});

const getEndpoint = defineEndpoint({
  method: 'get',
  path: '/alerts/:id',
  scope: 'read',
  summary: 'One alert with what it holds for and what happened to it.',
  tag: 'alerts',
  params: idParams('alert'),
  reply: alertDetailShape,
  async handle(context, caller, { params }) {
    const alert = await getAlert(context, caller, params.id);
    const [members, events] = await Promise.all([
      listMembers(context, caller, alert, { limit: HTTP.pageSizeMax }),
      listAlertEvents(context, caller, params.id),
    ]);
    return { data: { ...toAlertShape(alert), members: members.rows.map(toMemberShape), events }, version: alert.version };
  },
});

const membersEndpoint = defineEndpoint({
  method: 'get',
  path: '/alerts/:id/members',
  scope: 'read',
  summary: 'What an alert holds for now, the longest first; nothing once it is resolved.',
  tag: 'alerts',
  params: idParams('alert'),
  query: z.strictObject(pageFields),
  reply: listOf(memberShape),
  async handle(context, caller, { params, query }) {
    const alert = await getAlert(context, caller, params.id);
    return toPageReply(await listMembers(context, caller, alert, toPageRequest(query)), toMemberShape);
  },
});

function toReply(alert: AlertView): ApiReply<z.infer<typeof alertShape>> {
  return { data: toAlertShape(alert), version: alert.version };
}

const acknowledgeEndpoint = defineEndpoint({
  method: 'post',
  path: '/alerts/:id/acknowledge',
  scope: 'operate',
  summary: 'Says that somebody sees to it.',
  tag: 'alerts',
  params: idParams('alert'),
  reply: alertShape,
  handle: async (context, caller, { params }) => toReply(await acknowledgeAlert(context, caller, params.id)),
});

const snoozeEndpoint = defineEndpoint({
  method: 'post',
  path: '/alerts/:id/snooze',
  scope: 'operate',
  summary: 'Puts it off: until then it asks for nobody and tells nobody.',
  tag: 'alerts',
  params: idParams('alert'),
  body: z.strictObject({ until: instantSchema.meta({ description: 'Within 30 days; epoch milliseconds, UTC' }) }),
  reply: alertShape,
  handle: async (context, caller, { params, body }) => toReply(await snoozeAlert(context, caller, params.id, body.until)),
});

const reopenEndpoint = defineEndpoint({
  method: 'post',
  path: '/alerts/:id/reopen',
  scope: 'operate',
  summary: 'Takes acknowledgement and snooze back.',
  tag: 'alerts',
  params: idParams('alert'),
  reply: alertShape,
  handle: async (context, caller, { params }) => toReply(await reopenAlert(context, caller, params.id)),
});

const thresholdsShape = nameShape('AlertThresholds', thresholdsSchema);

function toThresholdsReply(thresholds: Thresholds): ApiReply<Thresholds> {
  return { data: thresholds, version: findThresholdsVersion(thresholds) };
}

const thresholdsEndpoint = defineEndpoint({
  method: 'get',
  path: '/alert-thresholds',
  versioned: true,
  scope: 'read',
  summary: 'From when on something is an alert.',
  tag: 'alerts',
  reply: thresholdsShape,
  handle: async (context, caller) => toThresholdsReply(await getThresholds(context, caller)),
});

const { failuresInARow, silentMinutes, hostDiskGib, serverDiskGib, certificateDays } = thresholdsSchema.shape;
const changeThresholdsEndpoint = defineEndpoint({
  method: 'patch',
  path: '/alert-thresholds',
  versioned: true,
  guarded: true,
  scope: 'admin',
  summary: 'Changes from when on something is an alert.',
  tag: 'alerts',
  body: z.strictObject({
    failuresInARow: failuresInARow.unwrap().optional(),
    silentMinutes: silentMinutes.unwrap().optional(),
    hostDiskGib: hostDiskGib.unwrap().optional(),
    serverDiskGib: serverDiskGib.unwrap().optional(),
    certificateDays: certificateDays.unwrap().optional(),
  }),
  reply: thresholdsShape,
  async handle(context, caller, { body, facts }) {
    const change = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
    return toThresholdsReply(await updateThresholds(context, caller, change, facts.ifMatch));
  },
});

export const ALERT_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  countsEndpoint,
  getEndpoint,
  membersEndpoint,
  acknowledgeEndpoint,
  snoozeEndpoint,
  reopenEndpoint,
  thresholdsEndpoint,
  changeThresholdsEndpoint,
];
