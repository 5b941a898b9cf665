/** Plans, sources and repositories as one host is told about them. */
import * as z from 'zod';
import { sealedSecretsSchema } from '../crypto/sealed.ts';
import { RECOVERY, RUNS, TEXT } from '../limits.ts';
import { ROW_COUNTS } from './contents.ts';
import { drainSchema } from './drain.ts';
import { idSchema } from './ids.ts';
import { planDrillsSchema } from './plan-drills.ts';
import { retentionPolicySchema } from './retention-policy.ts';
import { scheduleSchema } from './schedule.ts';
import { engineSnapshotIdSchema } from './snapshot.ts';

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

/** A time of day on a 24-hour clock, such as 07:30; `24:00` is the end of the day. */
const timeOfDaySchema = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/u, 'must be a time such as 07:30');

/** Nothing begins in this window of the plan's zone. It may reach over midnight (`22:00` to `06:00`); `days` are those it begins on. */
export const blackoutSchema = z
  .strictObject({
    from: timeOfDaySchema,
    to: timeOfDaySchema,
    /** 0 is Sunday. */
    days: z.array(z.int().min(0).max(6)).min(1).max(7).default([0, 1, 2, 3, 4, 5, 6]),
  })
  .refine(({ from, to }) => from !== to && from !== '24:00', 'must begin and end at different times of day');
export type Blackout = z.infer<typeof blackoutSchema>;

/** Windows of one plan. */
export const BLACKOUTS_MOST = 20;

/** What to do when a source is still being backed up as its plan comes due again. */
const OVERLAPS = ['skip', 'queue'] as const;

/** Runs that wait begin in this order, and in order of arrival within one. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** The name of a script that the host's administrator installed; never a path, never a command. */
export const hookNameSchema = z
  .string()
  .max(64)
  .regex(/^[a-z0-9][a-z0-9._-]*$/u, 'must be the plain name of a script on the host: lower-case letters, digits and . _ -');

/** How much of the host and the line the tools of a run may take. Undefined: as much as they get. */
export const runLimitsSchema = z.strictObject({
  /** Niceness of the tools, 0 to 19. */
  nice: z.int().min(0).max(19).optional(),
  /** I/O class of the tools: `idle` waits for everybody else. */
  io: z.enum(['normal', 'low', 'idle']).optional(),
  uploadKiBps: z.int().min(1).max(10_000_000).optional(),
  downloadKiBps: z.int().min(1).max(10_000_000).optional(),
  /** Memory each tool may allocate, in MiB; one that wants more fails, and the run says so. */
  memoryMiB: z.int().min(64).max(1_000_000).optional(),
});
export type RunLimits = z.infer<typeof runLimitsSchema>;

export const planOptionsSchema = z.strictObject({
  /** A fire missed while the host was off or asleep is run once when it is back. */
  catchUp: z.boolean().default(true),
  /** A fire missed by more than this is recorded as missed; also how late the server waits for a fire before it misses it. */
  graceMinutes: z
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .default(24 * 60),
  /** Fires are delayed by a part of this that depends on host and plan alone, so that a fleet does not begin at one instant. */
  spreadMinutes: z
    .int()
    .min(0)
    .max(12 * 60)
    .default(0),
  /** A fire in one of these windows begins when the window ends, if that is within the grace. */
  blackouts: z.array(blackoutSchema).max(BLACKOUTS_MOST).default([]),
  overlap: z.enum(OVERLAPS).default('skip'),
  priority: z.enum(PRIORITIES).default('normal'),
  /** How often a run is tried in all while its failure may pass by itself; 1 is no retry. */
  attempts: z.int().min(1).max(10).default(3),
  /** Before the second attempt; doubled before each further one, at most an hour. */
  retryAfterSeconds: z.int().min(1).max(3600).default(60),
  /** The whole run, attempts and waits included, ends as failed after this long. 0: only the watchdog ends it. */
  timeoutMinutes: z
    .int()
    .min(0)
    .max(14 * 24 * 60)
    .default(0),
  hooks: z.strictObject({ before: hookNameSchema.optional(), after: hookNameSchema.optional() }).default({}),
  limits: runLimitsSchema.default({}),
  /** How thoroughly the rows of databases are counted beside their dump, for drills to compare with. */
  countRows: z.enum(ROW_COUNTS).default('small'),
  /** When drills of its sources are due; undefined: the plan says nothing of them. Never in a spec. */
  drills: planDrillsSchema.optional(),
});
export type PlanOptions = z.infer<typeof planOptionsSchema>;

const { shape } = planOptionsSchema;
const { drills: _ofServer, ...hostShape } = shape;

/** A change of some options; what is left out stays as it is. `blackouts`, `hooks`, `limits` and `drills` are replaced whole. */
export const planOptionsChangeSchema = z.strictObject({
  catchUp: shape.catchUp.unwrap().exactOptional(),
  graceMinutes: shape.graceMinutes.unwrap().exactOptional(),
  spreadMinutes: shape.spreadMinutes.unwrap().exactOptional(),
  blackouts: shape.blackouts.unwrap().exactOptional(),
  overlap: shape.overlap.unwrap().exactOptional(),
  priority: shape.priority.unwrap().exactOptional(),
  attempts: shape.attempts.unwrap().exactOptional(),
  retryAfterSeconds: shape.retryAfterSeconds.unwrap().exactOptional(),
  timeoutMinutes: shape.timeoutMinutes.unwrap().exactOptional(),
  hooks: shape.hooks.unwrap().exactOptional(),
  limits: shape.limits.unwrap().exactOptional(),
  countRows: shape.countRows.unwrap().exactOptional(),
  /** `null`: the plan says nothing of drills any more. */
  drills: planDrillsSchema.nullable().exactOptional(),
});
export type PlanOptionsChange = z.infer<typeof planOptionsChangeSchema>;

/** Options with a change made to them. */
export function changePlanOptions(before: Partial<PlanOptions>, change: PlanOptionsChange): PlanOptions {
  const { drills, ...others } = change;
  return planOptionsSchema.parse({ ...before, ...others, ...(drills === undefined ? {} : { drills: drills ?? undefined }) });
}

/**
 * Where a host has its secrets: `kept` sealed in its spec, so that it works with the server gone; `just_in_time` in memory only, handed over
 * by `secrets.put` at each connection, so that no backup runs while the server is away.
 */
export const SECRETS_MODES = ['kept', 'just_in_time'] as const;
export type SecretsMode = (typeof SECRETS_MODES)[number];

/** Those of a plan nobody has changed. */
export const DEFAULT_PLAN_OPTIONS: PlanOptions = planOptionsSchema.parse({});

/** Runs at the same time. */
export const runsAtOnceSchema = z.int('must be a whole number').min(1).max(RUNS.atOnceMax);

/** A source as its host gets it. */
const specSourceSchema = z.object({
  id: idSchema('source'),
  name: nameSchema,
  kind: z.string().max(32),
  config: configSchema,
  secrets: sealedSecretsSchema.optional(),
  /** It has secrets, and they are not in here: they come by `secrets.put`. */
  secretsApart: z.boolean().optional(),
  /** Rises with every change; the binding of the sealed secrets names it. */
  version: z.int().min(1),
});
export type SpecSource = z.infer<typeof specSourceSchema>;

const specRepositorySchema = z.object({
  id: idSchema('repository'),
  name: nameSchema,
  kind: z.string().max(32),
  config: configSchema,
  secrets: sealedSecretsSchema.optional(),
  /** See `specSourceSchema`. */
  secretsApart: z.boolean().optional(),
  version: z.int().min(1),
  /** restic's own id of the repository, pinned when it was first seen; a mismatch stops every run. */
  pinnedId: z.string().max(64).optional(),
  /** Runs of this host that may use it at the same time; undefined for as many as the host runs. */
  runsAtOnce: runsAtOnceSchema.optional(),
  /** The secrets here may only add: what removes takes an admin credential, which comes with an order alone. */
  addsOnly: z.boolean().optional(),
  /** The server orders retention of the plans into it; where `addsOnly` holds, the host then has nothing to say after their runs. */
  forgetOrdered: z.boolean().optional(),
  /** What opens it, as an armored age file for a recovery key that people keep: the host keeps it, and cannot read it. */
  recoveryCopy: z.string().max(RECOVERY.copyChars).optional(),
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
  /** What a newer server adds is left out, not refused. */
  options: z.object(hostShape),
  /** How long its snapshots are kept; undefined: nothing is ever removed. The host goes by it alone, after each clean run. */
  retention: retentionPolicySchema.optional(),
  /** Nothing older than so many days is kept by these policies: a setting of the whole installation; undefined: no such cap. */
  retentionCapDays: z.int().min(1).optional(),
  /** After each clean backup it is copied there, by the host alone; `retention` is how long copies are kept (undefined: for ever). */
  copy: z.object({ repositoryId: idSchema('repository'), retention: retentionPolicySchema.optional() }).optional(),
  /** Snapshots that stay whatever the policy says, by the engine's full ids. */
  pinned: z.array(engineSnapshotIdSchema).max(RUNS.pinnedPerPlan).optional(),
  /** Snapshots of this host that drills on other hosts have proven, by the engine's full ids: they stay like those proven here. */
  proven: z.array(engineSnapshotIdSchema).max(RUNS.pinnedPerPlan).optional(),
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
  /** What each run here may take at most, whatever it is; those of its plan hold besides. What a newer server adds is left out, not refused. */
  limits: z.object(runLimitsSchema.shape).optional(),
  /** Until its end this host takes no new runs; undefined when it is not drained. */
  drain: drainSchema.optional(),
  /** Undefined: kept. */
  secretsMode: z.enum(SECRETS_MODES).optional(),
  sources: z.array(specSourceSchema).max(2000),
  repositories: z.array(specRepositorySchema).max(2000),
  plans: z.array(specPlanSchema).max(2000),
});
export type Spec = z.infer<typeof specSchema>;
