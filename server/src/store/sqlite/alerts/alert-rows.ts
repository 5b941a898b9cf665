/** Rows of alerts as values. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import { ALERT_CONDITIONS, SEVERITIES, THING_KINDS } from '../../../core/alerts/conditions.ts';
import type { Alert } from '../../alerts.ts';
import { json, optional } from '../columns.ts';

export const ALERT_COLUMNS = `a.id, a.tenant_id AS tenant, a.condition, a.severity, a.thing_kind AS thingKind, a.thing_id AS thingId,
  a.thing_name AS thingName, a.title, a.text, a.members, a.named, a.since, a.raised_at AS raisedAt, a.settled_at AS settledAt,
  a.clear_since AS clearSince, a.resolved_at AS resolvedAt, a.flaps, a.acknowledged_at AS acknowledgedAt,
  a.acknowledged_by AS acknowledgedBy, a.snoozed_until AS snoozedUntil, a.snoozed_by AS snoozedBy, a.run_id AS run,
  a.last_good_at AS lastGoodAt, a.version`;
export const alertRow = z.object({
  id: idSchema('alert'),
  tenant: idSchema('tenant'),
  condition: z.enum(ALERT_CONDITIONS),
  severity: z.enum(SEVERITIES),
  thingKind: z.enum(THING_KINDS),
  thingId: z.string(),
  thingName: z.string(),
  title: z.string(),
  text: z.string(),
  members: z.int(),
  named: json(z.array(z.string())),
  since: z.int(),
  raisedAt: z.int(),
  settledAt: z.int(),
  clearSince: optional(z.int()),
  resolvedAt: optional(z.int()),
  flaps: z.int(),
  acknowledgedAt: optional(z.int()),
  acknowledgedBy: optional(z.string()),
  snoozedUntil: optional(z.int()),
  snoozedBy: optional(z.string()),
  run: optional(idSchema('run')),
  lastGoodAt: optional(z.int()),
  version: z.int(),
});

export function toAlert({ thingKind: kind, thingId: id, ...alert }: z.infer<typeof alertRow>): Alert {
  return { ...alert, thing: { kind, id } };
}
