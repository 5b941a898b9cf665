/** Plans, sources and repositories as one host is told about them. */
import * as z from 'zod';
import { sealedSecretsSchema } from '../crypto/sealed.ts';
import { RUNS, TEXT } from '../limits.ts';
import { idSchema } from './ids.ts';
import { scheduleSchema } from './schedule.ts';

/** A name a person gives: one line, no control characters, trimmed. */
export const nameSchema = z
  .string()
  .trim()
  .min(1, 'is needed')
  .max(TEXT.nameChars)
  .regex(/^[^\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]*$/u, 'must be one line without control characters');

export const tagSchema = z
  .string()
  .trim()
  .min(1)
  .max(TEXT.tagChars)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._:/-]*$/u, 'may hold letters, digits, blanks and . _ : / -');

/** Public values of an adapter; its own strict schema is applied where the adapter is known. */
export const configSchema = z.record(
  z.string().max(64),
  z.union([z.string().max(TEXT.fieldChars), z.number(), z.boolean(), z.array(z.string().max(TEXT.pathChars)).max(1000)]),
);

export const planOptionsSchema = z.strictObject({
  /** A fire missed while the host was off or asleep is run once when it is back. */
  catchUp: z.boolean().default(true),
});
export type PlanOptions = z.infer<typeof planOptionsSchema>;

/** A source as its host gets it. */
export const specSourceSchema = z.object({
  id: idSchema('source'),
  name: nameSchema,
  kind: z.string().max(32),
  config: configSchema,
  secrets: sealedSecretsSchema.optional(),
  /** Rises with every change; the binding of the sealed secrets names it. */
  version: z.int().min(1),
});
export type SpecSource = z.infer<typeof specSourceSchema>;

export const specRepositorySchema = z.object({
  id: idSchema('repository'),
  name: nameSchema,
  kind: z.string().max(32),
  config: configSchema,
  secrets: sealedSecretsSchema.optional(),
  version: z.int().min(1),
  /** restic's own id of the repository, pinned when it was first seen; a mismatch stops every run. */
  pinnedId: z.string().max(64).optional(),
});
export type SpecRepository = z.infer<typeof specRepositorySchema>;

export const specPlanSchema = z.object({
  id: idSchema('plan'),
  name: nameSchema,
  sourceIds: z.array(idSchema('source')).min(1).max(RUNS.partsPerRun),
  repositoryId: idSchema('repository'),
  /** Undefined: only by hand. */
  schedule: scheduleSchema.optional(),
  enabled: z.boolean(),
  options: planOptionsSchema,
  /** Fires before this instant are not this plan's (it was made, enabled or rescheduled then); epoch milliseconds. */
  effectiveFrom: z.int().min(0),
});
export type SpecPlan = z.infer<typeof specPlanSchema>;

/** The whole desired state of one host. Pushed whole, signed, with a rising version. */
export const specSchema = z.object({
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  hostName: nameSchema,
  version: z.int().min(1),
  issuedAt: z.int().min(0),
  concurrency: z.int().min(1).max(32),
  sources: z.array(specSourceSchema).max(2000),
  repositories: z.array(specRepositorySchema).max(2000),
  plans: z.array(specPlanSchema).max(2000),
});
export type Spec = z.infer<typeof specSchema>;
