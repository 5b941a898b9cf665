/** What the journal keeps of a run so that it can be executed, or ended, by an agent that starts anew. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { hookNameSchema } from '@holdfast/shared/domain/plan.ts';
import { evidenceSchema, failureSchema, TERMINAL_STATES, TRIGGERS } from '@holdfast/shared/domain/run.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import * as z from 'zod';

const endedPartSchema = z.object({
  source: idSchema('source'),
  state: z.enum(TERMINAL_STATES),
  failure: failureSchema.optional(),
  evidence: z.array(evidenceSchema).optional(),
  bytes: z.int().min(0).optional(),
});

/** The waits of a run for others who hold a repository of its; instants in epoch milliseconds. */
const lockWaitSchema = z.object({
  /** Waits that have begun. Each ended an attempt that is none of its plan's. */
  count: z.int().min(1),
  /** When the first of them began. */
  since: z.int().min(0),
  /** `over`: nobody was in the way at the last look. `given_up`: waiting longer is of no use, and its attempts decide. */
  state: z.enum(['waits', 'over', 'given_up']),
  /** The lock that was in the way at the last look, and since when that very one. */
  seen: z.object({ lock: z.string().max(64), since: z.int().min(0) }).optional(),
});

export const journaledBackupSchema = z.object({
  kind: z.literal('backup'),
  plan: idSchema('plan'),
  repository: idSchema('repository'),
  sources: z.array(idSchema('source')).min(1),
  trigger: z.enum(TRIGGERS),
  /** Sources that another run held when this one was made: they are skipped. */
  overlapping: z.array(idSchema('source')),
  started: z.boolean(),
  /** When it was first started, or gone on with after the agent was stopped, epoch milliseconds; its time limit counts from here. */
  startedAt: z.int().min(0).optional(),
  /** The attempt that runs or comes next, from 1. */
  attempt: z.int().min(1),
  /** Attempts that were cut off because the agent was stopped. */
  stops: z.int().min(0).optional(),
  lockWait: lockWaitSchema.optional(),
  /** Set while it waits for its next attempt: when that is due, epoch milliseconds. */
  retryAt: z.int().min(0).optional(),
  /** An earlier attempt may have left a lock that nobody has looked for in vain since. */
  owesLook: z.boolean().optional(),
  /** The script that has to run when the attempt is over, also after a crash. */
  owedHook: hookNameSchema.optional(),
  /** Parts that have ended, so that neither a crash nor another attempt ends them twice. */
  ended: z.array(endedPartSchema),
});
export type JournaledBackup = z.infer<typeof journaledBackupSchema>;

/** What a restore would leave behind if it were cut off now. */
const halfRestoredSchema = z.object({
  /** Databases that it made and that must not stay. */
  made: z.array(z.string().max(255)).max(4),
  /** The one that it made under the name that a person chose; somebody else's may be there by now, without that mark. */
  own: z.object({ database: z.string().max(255), mark: z.string().max(64) }).optional(),
  /** One that was about to be made, and may be somebody else's by now: it goes only while it is empty. */
  making: z.string().max(255).optional(),
  /** One that was there before, empty, and is filled bit by bit: what its list names goes again, while it bears that. */
  filling: z.object({ database: z.string().max(255), mark: z.string().max(64) }).optional(),
  /** Set while the content of the first of them takes the place of the target: afterwards the old content is at `aside`. */
  swap: z.object({ target: z.string().max(255), aside: z.string().max(255) }).optional(),
  /**
   * Set while what exists is changed in one transaction: the server's mark of it, as soon as that is known, and whether its tool has said that it
   * was carried out; of what did not exist, that all of it has come.
   */
  change: z.object({ mark: z.string().max(64).optional(), isDone: z.boolean().optional() }).optional(),
  /** Roles may bear the mark of the restore: to be dropped, or to lose the mark because it ended well. */
  roles: z.enum(['take_back', 'keep']).optional(),
  /** Files that were compared with the snapshot take their place, so many. */
  placing: z
    .object({
      files: z.int().min(0),
      bytes: z.int().min(0),
      /** In place: when the first was about to, epoch milliseconds by the clock of its disk, and in which life of the host. */
      since: z.number().min(0).optional(),
      boot: z.string().max(64).optional(),
    })
    .optional(),
});
export type HalfRestored = z.infer<typeof halfRestoredSchema>;

export const journaledRestoreSchema = z.object({
  kind: z.literal('restore'),
  /** The order as it came; its secrets are still sealed. */
  order: REQUESTS['restore.start'].body,
  started: z.boolean(),
  /** Kept beyond the end of a run that could not clean up. */
  half: halfRestoredSchema.optional(),
  /** Set while only its database server knows what came of it: since when that is asked, and when it is again; epoch milliseconds. */
  askedSince: z.int().min(0).optional(),
  retryAt: z.int().min(0).optional(),
  /** Set while the ended run owes something: since when that is tried again and again, epoch milliseconds. */
  owedSince: z.int().min(0).optional(),
});
export type JournaledRestore = z.infer<typeof journaledRestoreSchema>;

export const journaledForgetSchema = z.object({
  kind: z.literal('forget'),
  plan: idSchema('plan'),
  repository: idSchema('repository'),
  sources: z.array(idSchema('source')).min(1),
  trigger: z.enum(TRIGGERS),
  /** A person agreed to remove more at once than is removed unasked. */
  isApproved: z.boolean(),
  /** The repository through its admin credential, whose secrets are held apart. */
  admin: REQUESTS['forget.start'].body.shape.admin,
  started: z.boolean(),
  ended: z.array(endedPartSchema),
});
export type JournaledForget = z.infer<typeof journaledForgetSchema>;

const journaledCheckSchema = z.object({
  kind: z.literal('check'),
  /** The order as it came; its secrets are still sealed, or held apart. */
  order: REQUESTS['check.start'].body,
  repository: idSchema('repository'),
  started: z.boolean(),
});

const journaledPruneSchema = z.object({
  kind: z.literal('prune'),
  /** As with a check; the admin credential is always held apart. */
  order: REQUESTS['prune.start'].body,
  repository: idSchema('repository'),
  started: z.boolean(),
});

const journaledUnlockSchema = z.object({
  kind: z.literal('unlock'),
  /** As with a check. */
  order: REQUESTS['unlock.start'].body,
  repository: idSchema('repository'),
  started: z.boolean(),
});

export const journaledMaintenanceSchema = z.discriminatedUnion('kind', [
  journaledCheckSchema,
  journaledPruneSchema,
  journaledUnlockSchema,
]);
export type JournaledMaintenance = z.infer<typeof journaledMaintenanceSchema>;

const ordered = { repository: idSchema('repository'), started: z.boolean() };

const journaledVerifySchema = z.object({
  kind: z.literal('verify'),
  /** As with a check. */
  order: REQUESTS['verify.start'].body,
  ...ordered,
});

const journaledDeleteSchema = z.object({
  kind: z.literal('delete_snapshot'),
  /** As with a prune. */
  order: REQUESTS['delete_snapshot.start'].body,
  ...ordered,
});

const journaledRetentionSchema = z.object({
  kind: z.literal('retention'),
  /** As with a prune. */
  order: REQUESTS['retention.start'].body,
  ...ordered,
});
export type JournaledRetention = z.infer<typeof journaledRetentionSchema>;

/** Ordered by a person, with both repositories in the order; or made by the host itself after a backup, with both in its spec. */
export const journaledCopySchema = z.object({
  kind: z.literal('copy'),
  plan: idSchema('plan').optional(),
  from: idSchema('repository'),
  snapshots: REQUESTS['copy.start'].body.shape.snapshots,
  order: REQUESTS['copy.start'].body.omit({ snapshots: true }).optional(),
  lockWait: lockWaitSchema.optional(),
  /** How it ended; left out until then, and by agents that did not keep it. */
  state: z.enum(TERMINAL_STATES).optional(),
  ...ordered,
});
export type JournaledCopy = z.infer<typeof journaledCopySchema>;

export const journaledSnapshotsSchema = z.discriminatedUnion('kind', [
  journaledVerifySchema,
  journaledDeleteSchema,
  journaledRetentionSchema,
  journaledCopySchema,
]);
export type JournaledSnapshots = z.infer<typeof journaledSnapshotsSchema>;

/** The backup of what a restore is about to change: a run of its own, carried out inside the restore. */
const journaledSafetySchema = z.object({
  kind: z.literal('safety'),
  repository: idSchema('repository'),
  source: idSchema('source'),
  started: z.literal(true),
});
export type JournaledSafety = z.infer<typeof journaledSafetySchema>;

export const journaledDrillSchema = z.object({
  kind: z.literal('drill'),
  order: REQUESTS['drill.start'].body,
  repository: idSchema('repository'),
  started: z.boolean(),
  /** The database it made on a server of others, as long as it may be there; kept beyond the end of a run that could not drop it. */
  scratch: z.string().max(255).optional(),
});
export type JournaledDrill = z.infer<typeof journaledDrillSchema>;

export const journaledRunSchema = z.discriminatedUnion('kind', [
  journaledDrillSchema,
  journaledBackupSchema,
  journaledRestoreSchema,
  journaledSafetySchema,
  journaledForgetSchema,
  journaledCheckSchema,
  journaledPruneSchema,
  journaledUnlockSchema,
  journaledVerifySchema,
  journaledDeleteSchema,
  journaledRetentionSchema,
  journaledCopySchema,
]);
export type JournaledRunBody = z.infer<typeof journaledRunSchema>;
