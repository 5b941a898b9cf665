/** The row of a host. */
import { AILMENT_KINDS } from '@holdfast/shared/domain/ailments.ts';
import { drainSchema } from '@holdfast/shared/domain/drain.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { runLimitsSchema, SECRETS_MODES } from '@holdfast/shared/domain/plan.ts';
import { hostFactsSchema, toolReportSchema } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';
import { HOST_STATES, type Host } from '../hosts.ts';
import { json, optional } from './columns.ts';

export const HOST_COLUMNS = `h.id, h.tenant_id AS tenant, h.name, h.state, h.tags, h.signing_key AS signingKey,
  h.sealing_key AS sealingKey, h.fingerprint, h.facts, h.tools, h.created_at AS createdAt, h.last_seen_at AS lastSeenAt,
  h.skew_ms AS skewMs, h.spec_version AS specVersion, h.acknowledged_spec_version AS acknowledgedSpecVersion, h.counter,
  h.boot, h.ailments, h.concurrency, h.limits, h.secrets_mode AS secretsMode, h.spec_signature AS specSignature,
  CASE WHEN h.drain_until IS NOT NULL
    THEN json_object('since', h.drain_since, 'until', h.drain_until, 'by', h.drain_by) END AS drain`;
/** What is stored was checked when it came in. */
const storedAilments = z.array(z.object({ about: z.enum(AILMENT_KINDS), text: z.string() }));

export const hostRow: z.ZodType<Host> = z.object({
  id: idSchema('host'),
  tenant: idSchema('tenant'),
  name: z.string(),
  state: z.enum(HOST_STATES),
  tags: json(z.array(z.string())),
  signingKey: z.string(),
  sealingKey: z.string(),
  fingerprint: z.string(),
  facts: optional(json(hostFactsSchema)),
  tools: json(z.array(toolReportSchema)),
  createdAt: z.int(),
  lastSeenAt: optional(z.int()),
  skewMs: optional(z.int()),
  specVersion: z.int(),
  acknowledgedSpecVersion: z.int(),
  counter: z.int(),
  boot: optional(z.string()),
  concurrency: z.int(),
  limits: json(runLimitsSchema),
  secretsMode: z.enum(SECRETS_MODES),
  specSignature: optional(z.string()),
  drain: optional(json(drainSchema.extend({ by: z.string() }))),
  ailments: optional(json(storedAilments)),
});
