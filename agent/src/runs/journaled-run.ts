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

export const journaledBackupSchema = z.object({
  kind: z.literal('backup'),
  plan: idSchema('plan'),
  repository: idSchema('repository'),
  sources: z.array(idSchema('source')).min(1),
  trigger: z.enum(TRIGGERS),
  /** Sources that another run held when this one was made: they are skipped. */
  overlapping: z.array(idSchema('source')),
  started: z.boolean(),
  /** When it was first started, epoch milliseconds; its time limit counts from here. */
  startedAt: z.int().min(0).optional(),
  /** The attempt that runs or comes next, from 1. */
  attempt: z.int().min(1),
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

export const journaledRestoreSchema = z.object({
  kind: z.literal('restore'),
  /** The order as it came; its secrets are still sealed. */
  order: REQUESTS['restore.start'].body,
  started: z.boolean(),
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
  started: z.boolean(),
  ended: z.array(endedPartSchema),
});
export type JournaledForget = z.infer<typeof journaledForgetSchema>;

export const journaledRunSchema = z.discriminatedUnion('kind', [
  journaledBackupSchema,
  journaledRestoreSchema,
  journaledForgetSchema,
]);
export type JournaledRunBody = z.infer<typeof journaledRunSchema>;
