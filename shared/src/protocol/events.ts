/**
 * Durable events: what an agent must tell the server exactly once, however often the line is cut.
 * Each has a sequence number in the outbox epoch; the server applies them in order and ignores repeats.
 */
import * as z from 'zod';
import { drillVerdictSchema } from '../domain/drill.ts';
import { chosenDumpSchema } from '../domain/dump-file.ts';
import { idSchema } from '../domain/ids.ts';
import { clearedLockSchema } from '../domain/lock.ts';
import { checkScopeSchema } from '../domain/maintenance.ts';
import { CHOSEN_TABLES, chosenTableSchema, RESTORE_MODES } from '../domain/restore.ts';
import { evidenceSchema, failureSchema, logLineSchema, RUN_KINDS, STAGES, TERMINAL_STATES, TRIGGERS } from '../domain/run.ts';
import { engineSnapshotIdSchema, snapshotMadeSchema } from '../domain/snapshot.ts';
import { storedPathSchema } from '../domain/stored-path.ts';
import { BROWSE, LOG, RUNS, TEXT } from '../limits.ts';
import { snapshotCopiedSchema, snapshotVerifiedSchema } from './snapshot-orders.ts';

const at = z.int().min(0);

const partEndSchema = z.object({
  source: idSchema('source'),
  state: z.enum(TERMINAL_STATES),
  failure: failureSchema.optional(),
  warnings: z.array(z.string().max(TEXT.errorChars)).max(50),
  bytes: z.int().min(0),
  durationMs: z.int().min(0),
  /** Of a drill that came to a verdict; one that could not be carried out has none. */
  drill: drillVerdictSchema.optional(),
});
export type PartEnd = z.infer<typeof partEndSchema>;

/** Paths inside a snapshot that were chosen: each with everything below it. */
export const chosenPathsSchema = z
  .array(storedPathSchema)
  .min(1)
  .max(BROWSE.chosenPaths)
  .refine((paths) => paths.reduce((sum, path) => sum + path.length, 0) <= BROWSE.chosenChars, 'names too much to be one order');

const hostPathSchema = z.string().startsWith('/').max(TEXT.pathChars);

/** How a directory of a snapshot becomes one file. */
export const ARCHIVE_FORMATS = ['tar', 'zip'] as const;

/** What a restore run does, kept with the run so that its page can say it. */
export const restoreTargetSchema = z.discriminatedUnion('kind', [
  /** Into a new directory: the chosen paths, or everything. */
  z.object({ kind: z.literal('directory'), path: hostPathSchema, paths: chosenPathsSchema.optional() }),
  /** Where they were: files that stand there are replaced. */
  z.object({ kind: z.literal('in_place'), paths: chosenPathsSchema }),
  /** A directory of the snapshot as one new file on the host. */
  z.object({ kind: z.literal('archive'), path: hostPathSchema, format: z.enum(ARCHIVE_FORMATS), from: storedPathSchema }),
  /** One file of the snapshot as a new file on the host. */
  z.object({ kind: z.literal('file'), path: hostPathSchema, from: storedPathSchema }),
  z.object({
    kind: z.literal('database'),
    source: idSchema('source'),
    database: z.string().min(1).max(255),
    /** Left out: into a new or empty database. */
    mode: z.enum(RESTORE_MODES).optional(),
    /** For the mode `tables`. */
    tables: z.array(chosenTableSchema).min(1).max(CHOSEN_TABLES).optional(),
    /** A dump file of the host, in place of a snapshot. */
    from: chosenDumpSchema.optional(),
  }),
]);
export type RestoreTarget = z.infer<typeof restoreTargetSchema>;

export const runEventSchema = z.discriminatedUnion('type', [
  /** The run exists. First event of every run; `fireAt` is set for scheduled runs and is what makes the id. */
  z.object({
    type: z.literal('run.created'),
    run: idSchema('run'),
    at,
    kind: z.enum(RUN_KINDS),
    trigger: z.enum(TRIGGERS),
    plan: idSchema('plan').optional(),
    repository: idSchema('repository'),
    sources: z.array(idSchema('source')).max(RUNS.partsPerRun),
    fireAt: at.optional(),
    /** Older fires of the plan that this run stands for as well, because nothing ran for them; left out for none. */
    skipped: z.int().min(1).max(RUNS.skippedFires).optional(),
    snapshot: idSchema('snapshot').optional(),
    target: restoreTargetSchema.optional(),
    /** What a check reads. */
    scope: checkScopeSchema.optional(),
    /** Where a copy takes its snapshots from. */
    from: idSchema('repository').optional(),
    /** The run that this one follows by itself. */
    follows: idSchema('run').optional(),
    requestedBy: z.string().max(TEXT.nameChars).optional(),
  }),
  z.object({ type: z.literal('run.started'), run: idSchema('run'), at }),
  /** An attempt failed for a cause that may pass; what failed is tried again at `retryAt`. */
  z.object({
    type: z.literal('run.attempt'),
    run: idSchema('run'),
    at,
    /** The attempt that failed, from 1. */
    attempt: z.int().min(1).max(100),
    failure: failureSchema,
    retryAt: at,
    /** Those that the next attempt tries again; all others of the run have ended. Agents of earlier versions leave it out. */
    sources: z.array(idSchema('source')).max(RUNS.partsPerRun).optional(),
  }),
  /** A stage of one part begins or ends. */
  z.object({
    type: z.literal('run.stage'),
    run: idSchema('run'),
    at,
    source: idSchema('source').optional(),
    stage: z.enum(STAGES),
    ended: z.boolean(),
    ok: z.boolean().optional(),
  }),
  z.object({
    type: z.literal('run.log'),
    run: idSchema('run'),
    at,
    lines: z.array(logLineSchema).min(1).max(LOG.linesPerBatch),
  }),
  z.object({ type: z.literal('snapshot.made'), run: idSchema('run'), at, snapshot: snapshotMadeSchema }),
  /** Snapshots of one source were removed from the repository, each for a reason in words; what is named is gone. */
  z.object({
    type: z.literal('snapshots.removed'),
    run: idSchema('run'),
    at,
    source: idSchema('source'),
    snapshots: z
      .array(z.object({ engineId: engineSnapshotIdSchema, why: z.string().max(200) }))
      .min(1)
      .max(RUNS.removedPerEvent),
  }),
  /** How big the run's repository is, as it stands now. */
  z.object({
    type: z.literal('repository.measured'),
    run: idSchema('run'),
    at,
    /** What the data that snapshots need takes in storage. */
    sizeBytes: z.int().min(0),
    /** The same data before it was compressed; undefined where restic does not tell. */
    uncompressedBytes: z.int().min(0).optional(),
    snapshots: z.int().min(0),
  }),
  snapshotVerifiedSchema,
  snapshotCopiedSchema,
  z.object({ type: z.literal('part.finished'), run: idSchema('run'), at, part: partEndSchema }),
  /** Every part ended; evidence and clean-up follow. */
  z.object({ type: z.literal('run.finalizing'), run: idSchema('run'), at }),
  z.object({
    type: z.literal('run.finished'),
    run: idSchema('run'),
    at,
    state: z.enum(TERMINAL_STATES),
    failure: failureSchema.optional(),
    evidence: z.array(evidenceSchema).max(50),
    bytes: z.int().min(0),
    /** Lines the log has in all, so that the server can tell when it has them all. */
    logLines: z.int().min(0),
    durationMs: z.int().min(0),
  }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;

/** What the agent found in a repository that no clean run of this host vouches for, after reconciliation. */
export const hostEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('repository.reconciled'),
    at,
    repository: idSchema('repository'),
    /** Engine ids of snapshots with our tags that no finished run vouches for. */
    orphans: z.array(z.string().max(64)).max(1000),
    /** Engine ids the ledger knows of this host that are gone. */
    missing: z.array(z.string().max(64)).max(1000),
  }),
  /** An order the server gave was carried out or refused outside any run, such as a spec that failed its signature. */
  z.object({
    type: z.literal('host.notice'),
    at,
    level: z.enum(['info', 'warn', 'error']),
    text: z.string().max(TEXT.errorChars),
    /** Set where it tells of a lock that was removed. */
    clearedLock: clearedLockSchema.optional(),
  }),
]);

export const durableEventSchema = z.union([runEventSchema, hostEventSchema]);
export type DurableEvent = z.infer<typeof durableEventSchema>;

/** An event with its place in the outbox. `seq` counts from 1 in each epoch, without a gap. */
export const sequencedEventSchema = z.object({ seq: z.int().min(1), event: durableEventSchema });
export type SequencedEvent = z.infer<typeof sequencedEventSchema>;
