/**
 * The frames. `{v, id, type, re?, at, body}` in JSON; `re` names the frame being answered.
 * Unknown types are refused by name, unknown fields ignored, everything else validated on both sides.
 */
import * as z from 'zod';
import { TOOLS } from '../adapters/command.ts';
import { sealedSecretsSchema } from '../crypto/sealed.ts';
import { idSchema } from '../domain/ids.ts';
import { HOLDER_STATES, lockIdSchema, locksSchema } from '../domain/lock.ts';
import { checkScopeSchema, maxUnusedPercentSchema } from '../domain/maintenance.ts';
import { nameSchema } from '../domain/plan.ts';
import { engineSnapshotIdSchema } from '../domain/snapshot.ts';
import { storedPathSchema } from '../domain/stored-path.ts';
import { ERROR_CODES } from '../errors.ts';
import { BROWSE, ENROLMENT, LOCKS, RUNS, SECRETS, TEXT, WIRE } from '../limits.ts';
import { foundSchema, restorePreviewSchema, treeDiffSchema, treeListingSchema } from './browse.ts';
import { CONTENTS_REQUESTS } from './contents.ts';
import { COVERAGE_REQUESTS } from './coverage.ts';
import { orderedRepositorySchema, repositoryDraftSchema, sourceDraftSchema } from './drafts.ts';
import { DRILL_ORDERS } from './drill-orders.ts';
import { DUMP_FILE_REQUESTS } from './dump-files.ts';
import { restoreTargetSchema, sequencedEventSchema } from './events.ts';
import { hostFactsSchema } from './host-facts.ts';
import { LOCK_ORDERS } from './lock-orders.ts';
import { REPOSITORY_LOOK_FRAMES } from './repository-looks.ts';
import { RESTORE_ORDERS } from './restore-orders.ts';
import { restoreRolesSchema } from './restore-roles.ts';
import { RETENTION_ORDERS } from './retention-orders.ts';
import { SNAPSHOT_ORDERS } from './snapshot-orders.ts';
import { SOURCE_LOOK_FRAMES } from './source-looks.ts';

export { type AdapterDraft, type OrderedRepository, repositoryDraftSchema, sourceDraftSchema } from './drafts.ts';
export { type HostFacts, hostFactsSchema } from './host-facts.ts';

const epochMs = z.int().min(0);
const base64url = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/u);

export const wireErrorSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string().max(TEXT.errorChars),
  retry: z.enum(['never', 'later', 'after_change']),
  details: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string()).readonly()]))
    .optional(),
});

/** One tool looked for: found with path and version, or missing with how to get it. */
export const toolReportSchema = z.object({
  tool: z.enum(TOOLS),
  found: z.boolean(),
  path: z.string().max(TEXT.pathChars).optional(),
  version: z.string().max(64).optional(),
  /** What is not possible without it, and the package to install. */
  advice: z.string().max(500).optional(),
});
export type ToolReport = z.infer<typeof toolReportSchema>;

/** What every question about the inside of a snapshot says. */
const snapshotQuestion = {
  /** The reference the repository's secrets were sealed for. */
  ref: z.string().max(80),
  repository: repositoryDraftSchema,
  engineId: engineSnapshotIdSchema,
  notAfter: epochMs,
};

const progressSchema = z.object({
  run: idSchema('run'),
  source: idSchema('source').optional(),
  bytes: z.int().min(0),
  totalBytes: z.int().min(0).optional(),
  files: z.int().min(0).optional(),
  totalFiles: z.int().min(0).optional(),
  bytesPerSecond: z.number().min(0),
  stage: z.string().max(32),
});
export type Progress = z.infer<typeof progressSchema>;

const tokenSchema = z.string().max(128);

/** Frames an agent sends. */
export const AGENT_FRAMES = {
  hello: z.object({
    host: idSchema('host'),
    protocol: z.object({ oldest: z.int(), newest: z.int() }),
    /** Ed25519 over the server's nonce, the counter and the boot; see `crypto/proof.ts`. */
    proof: base64url(128),
    counter: z.int().min(1),
    /** Made anew at each start of the agent; two live boots of one identity are a clone. */
    boot: z.string().min(8).max(64),
    facts: hostFactsSchema,
    tools: z.array(toolReportSchema).max(100),
    outbox: z.object({
      epoch: z.string().min(8).max(64),
      firstSeq: z.int().min(0),
      lastSeq: z.int().min(0),
      /** The last event that was acknowledged, in whichever epoch: a server that does not have it is older than its promises. */
      promised: z.object({ epoch: z.string().min(8).max(64), seq: z.int().min(1) }).optional(),
    }),
    specVersion: z.int().min(0),
    /** The server's signature under the spec the host works by: a restored server may give the same version a second time. */
    specSignature: base64url(128).optional(),
    /** The server epoch the host saw last. */
    serverEpoch: z.int().min(1).optional(),
    /** When the challenge arrived, by the host's clock; with the times of the server it gives the skew. */
    challengedAt: epochMs.optional(),
    /** Edition of the time zone database the host computes its fires by, such as `2026b`. */
    zoneRules: z.string().max(32).optional(),
    runs: z.array(idSchema('run')).max(RUNS.queued),
  }),
  events: z.object({
    epoch: z.string().min(8).max(64),
    events: z.array(sequencedEventSchema).min(1).max(WIRE.eventsPerFrame),
  }),
  progress: progressSchema,
  heartbeat: z.object({
    loopLagMs: z.number().min(0),
    outboxEvents: z.int().min(0),
    outboxBytes: z.int().min(0),
    activeRuns: z.int().min(0),
    queuedRuns: z.int().min(0),
    cpuRatio: z.number().min(0).max(1),
    memoryUsedBytes: z.int().min(0),
    memoryTotalBytes: z.int().min(0),
    stateDiskFreeBytes: z.int().min(0),
    /** On disk, with what is not merged into it yet. */
    journalBytes: z.int().min(0).optional(),
    /** Whether the disk let the agent write into it lately. An agent that does not tell it may or may not. */
    journalTakesWrites: z.boolean().optional(),
  }),
  inventory: z.object({ facts: hostFactsSchema, tools: z.array(toolReportSchema).max(100) }),
  ...SOURCE_LOOK_FRAMES,
  ...REPOSITORY_LOOK_FRAMES,
  /** The answer to a request that succeeded; the shape of `result` belongs to the request's type. */
  reply: z.object({ result: z.unknown() }),
  error: wireErrorSchema,
} as const;

/** Requests of the server with the shape of their reply; life cycle and retry rules stand in `peer.ts`. */
export const REQUESTS = {
  'spec.put': {
    body: z.object({ document: z.string().max(WIRE.frameBytes), signature: base64url(128), version: z.int().min(1) }),
    result: z.object({ version: z.int().min(1) }),
  },
  'secrets.put': {
    body: z.object({
      /** The spec these belong to: the host's own, or a newer one. */
      specVersion: z.int().min(1),
      items: z
        .array(
          z.object({
            purpose: z.enum(['source', 'repository']),
            ref: z.string().max(80),
            version: z.int().min(1),
            sealed: sealedSecretsSchema,
          }),
        )
        .max(SECRETS.items),
    }),
    result: z.object({ specVersion: z.int().min(1) }),
  },
  'run.start': {
    body: z.object({
      run: idSchema('run'),
      plan: idSchema('plan'),
      /** Undefined: all sources of the plan on this host. */
      sources: z.array(idSchema('source')).min(1).max(RUNS.partsPerRun).optional(),
      trigger: z.enum(['manual', 'api']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: epochMs,
    }),
    result: z.object({ run: idSchema('run') }),
  },
  ...RESTORE_ORDERS,
  'forget.start': {
    body: z.object({
      run: idSchema('run'),
      plan: idSchema('plan'),
      /** Left out: the plan's own; or the second one, to which it is copied. */
      repository: idSchema('repository').optional(),
      /** A person saw how many would go and agreed to more than is removed unasked. */
      isApproved: z.boolean(),
      /** The plan's repository through its admin credential, where the everyday one may only add. */
      admin: orderedRepositorySchema.optional(),
      trigger: z.enum(['manual', 'api', 'schedule']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: epochMs,
    }),
    result: z.object({ run: idSchema('run') }),
  },
  'check.start': {
    body: z.object({
      run: idSchema('run'),
      repository: orderedRepositorySchema,
      scope: checkScopeSchema,
      trigger: z.enum(['manual', 'api', 'schedule']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: epochMs,
    }),
    result: z.object({ run: idSchema('run') }),
  },
  'prune.start': {
    body: z.object({
      run: idSchema('run'),
      repository: orderedRepositorySchema,
      /** The secrets are those of the admin credential, which no host writes down. */
      isAdmin: z.boolean(),
      maxUnusedPercent: maxUnusedPercentSchema,
      trigger: z.enum(['manual', 'api', 'schedule']),
      requestedBy: z.string().max(TEXT.nameChars),
      notAfter: epochMs,
    }),
    result: z.object({ run: idSchema('run') }),
  },
  ...DRILL_ORDERS,
  ...SNAPSHOT_ORDERS,
  ...LOCK_ORDERS,
  ...RETENTION_ORDERS,
  ...COVERAGE_REQUESTS,
  ...CONTENTS_REQUESTS,
  ...DUMP_FILE_REQUESTS,
  'run.cancel': {
    body: z.object({ run: idSchema('run'), requestedBy: z.string().max(TEXT.nameChars), notAfter: epochMs }),
    result: z.object({ known: z.boolean() }),
  },
  'source.test': {
    body: z.object({ ref: z.string().max(80), draft: sourceDraftSchema, notAfter: epochMs }),
    result: z.object({
      ok: z.boolean(),
      /** The tool's own words, redacted. */
      message: z.string().max(TEXT.errorChars),
      reason: z.string().max(64).optional(),
      serverVersion: z.string().max(200),
      sizeBytes: z.int().min(0).optional(),
      warnings: z.array(z.string().max(500)).max(50),
      latencyMs: z.number().min(0),
    }),
  },
  'source.discover': {
    body: z.object({ ref: z.string().max(80), draft: sourceDraftSchema, notAfter: epochMs }),
    result: z.object({
      found: z.array(z.object({ name: z.string().max(255), sizeBytes: z.int().min(0).optional() })).max(2000),
    }),
  },
  'restore.look': {
    /** What a restore would find at its target. The draft is the connection; its own database is not looked at. */
    body: z.object({
      ref: z.string().max(80),
      draft: sourceDraftSchema,
      database: z.string().min(1).max(255),
      notAfter: epochMs,
    }),
    result: z.object({
      exists: z.boolean(),
      empty: z.boolean(),
      serverVersion: z.string().max(200),
      tables: z.int().min(0),
      sizeBytes: z.int().min(0),
      /** Other sessions in it now. */
      sessions: z.int().min(0),
      /** Room where the server keeps its files; only where that is a disk of this host. */
      freeBytes: z.int().min(0).optional(),
    }),
  },
  'restore.roles': restoreRolesSchema,
  'repository.test': {
    body: z.object({
      ref: z.string().max(80),
      draft: repositoryDraftSchema,
      pinnedId: z.string().max(64).optional(),
      notAfter: epochMs,
    }),
    result: z.object({
      state: z.enum(['ready', 'missing', 'failed']),
      message: z.string().max(TEXT.errorChars),
      reason: z.string().max(64).optional(),
      engineId: z.string().max(64).optional(),
      snapshots: z.int().min(0).optional(),
      latencyMs: z.number().min(0),
    }),
  },
  'repository.measure': {
    body: z.object({
      ref: z.string().max(80),
      draft: repositoryDraftSchema,
      pinnedId: z.string().max(64).optional(),
      notAfter: epochMs,
    }),
    result: z.object({
      sizeBytes: z.int().min(0),
      uncompressedBytes: z.int().min(0).optional(),
      snapshots: z.int().min(0),
    }),
  },
  'repository.init': {
    body: z.object({
      ref: z.string().max(80),
      draft: repositoryDraftSchema,
      /** The new one cuts files as this one does, so that what is copied between them is shared; sealed for a reference of its own. */
      like: z.object({ ref: z.string().max(80), draft: repositoryDraftSchema }).optional(),
      notAfter: epochMs,
    }),
    result: z.object({ engineId: z.string().max(64) }),
  },
  'snapshot.list': {
    body: z.object({
      ...snapshotQuestion,
      path: storedPathSchema,
      /** Entries to pass over. */
      after: z.int().min(0).optional(),
      limit: z.int().min(1).max(BROWSE.entriesPerPage).optional(),
    }),
    result: treeListingSchema,
  },
  'snapshot.find': {
    body: z.object({ ...snapshotQuestion, name: z.string().min(1).max(TEXT.searchChars) }),
    result: foundSchema,
  },
  'snapshot.diff': {
    /** What `engineId` has that `olderId` does not, and the other way round. */
    body: z.object({ ...snapshotQuestion, olderId: engineSnapshotIdSchema }),
    result: treeDiffSchema,
  },
  'restore.preview': {
    body: z.object({ ...snapshotQuestion, target: restoreTargetSchema }),
    result: restorePreviewSchema,
  },
  'locks.list': {
    body: z.object({
      ref: z.string().max(80),
      draft: repositoryDraftSchema,
      pinnedId: z.string().max(64).optional(),
      notAfter: epochMs,
    }),
    result: z.object({ locks: locksSchema }),
  },
  'locks.attest': {
    body: z.object({ locks: locksSchema, notAfter: epochMs }),
    result: z.object({ holders: z.array(z.object({ id: lockIdSchema, state: z.enum(HOLDER_STATES) })).max(LOCKS.listed) }),
  },
  'locks.clear': {
    body: z.object({
      ref: z.string().max(80),
      draft: repositoryDraftSchema,
      pinnedId: z.string().max(64).optional(),
      /** All locks that lie there as far as is known. */
      ids: z.array(lockIdSchema).min(1).max(LOCKS.listed),
      notAfter: epochMs,
    }),
    result: z.object({ removed: z.int().min(0).max(LOCKS.listed) }),
  },
  'token.rotate': {
    /** The new token, sealed to the host; the old one works until the new one was used once. */
    body: z.object({ sealed: sealedSecretsSchema, version: z.int().min(1) }),
    result: z.object({ accepted: z.literal(true) }),
  },
} as const;
export type RequestType = keyof typeof REQUESTS;
export type RequestBody<T extends RequestType> = z.infer<(typeof REQUESTS)[T]['body']>;
export type RequestResult<T extends RequestType> = z.infer<(typeof REQUESTS)[T]['result']>;
export const REQUEST_TYPES = Object.keys(REQUESTS) as RequestType[];

/** Frames the server sends besides requests. */
export const SERVER_FRAMES = {
  challenge: z.object({
    nonce: base64url(64),
    serverTime: epochMs,
    protocol: z.object({ oldest: z.int(), newest: z.int() }),
  }),
  welcome: z.object({
    version: z.int(),
    /** Another one than last time: the server's database was replaced, and the agent sends again what it still keeps. */
    serverEpoch: z.int().min(1),
    /** This server lacks events it had acknowledged to this host, in whichever epoch: the agent sends again what it keeps. */
    replay: z.boolean().optional(),
    serverTime: epochMs,
    hostName: nameSchema,
    /** Of the newest settings for this host; they follow when it has older ones. */
    specVersion: z.int().min(0).optional(),
    /** The last event applied from this outbox epoch; 0 when none. */
    acknowledged: z.int().min(0),
  }),
  ack: z.object({ epoch: z.string().max(64), through: z.int().min(0) }),
  /** The agent's place here is over: revoked, quarantined or replaced by a newer connection. */
  goodbye: z.object({ error: wireErrorSchema, reconnect: z.boolean() }),
  error: wireErrorSchema,
} as const;

type BodiesOf<T extends Record<string, z.ZodType>> = { [K in keyof T]: z.infer<T[K]> };
export type AgentFrames = BodiesOf<typeof AGENT_FRAMES>;
export type ServerFrames = BodiesOf<typeof SERVER_FRAMES> & { [T in RequestType]: RequestBody<T> };

export const frameHeadSchema = z.object({
  v: z.int().min(1).max(1000),
  id: z
    .string()
    .min(1)
    .max(80)
    .regex(/^[A-Za-z0-9_-]+$/u),
  type: z.string().min(1).max(64),
  re: z
    .string()
    .min(1)
    .max(80)
    .regex(/^[A-Za-z0-9_-]+$/u)
    .optional(),
  at: epochMs,
});
export type FrameHead = z.infer<typeof frameHeadSchema>;
export type Frame<Frames, T extends keyof Frames = keyof Frames> = {
  [K in T]: Omit<FrameHead, 'type'> & { type: K; body: Frames[K] };
}[T];
export type AgentFrame = Frame<AgentFrames>;
export type ServerFrame = Frame<ServerFrames>;

/** HTTP bodies of enrolment, before there is a socket. */
export const announceBodySchema = z.strictObject({
  hostname: z.string().min(1).max(ENROLMENT.hostnameChars),
  facts: hostFactsSchema,
  signingKey: base64url(64),
  sealingKey: base64url(64),
  enrolToken: tokenSchema.optional(),
});
export type AnnounceBody = z.infer<typeof announceBodySchema>;
export const announceReplySchema = z.object({
  announcement: idSchema('announcement'),
  serverKey: base64url(64),
  nonce: base64url(64),
  expiresAt: epochMs,
  pollMs: z.int().min(100),
});
export type AnnounceReply = z.infer<typeof announceReplySchema>;
/** The proof of possession covers the server's nonce and both keys; see `crypto/proof.ts`. */
export const claimBodySchema = z.strictObject({ proof: base64url(128) });
export type ClaimBody = z.infer<typeof claimBodySchema>;
export const claimReplySchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('pending'), nonce: base64url(64), expiresAt: epochMs }),
  z.object({ state: z.literal('approved'), host: idSchema('host'), hostName: nameSchema, token: sealedSecretsSchema }),
  z.object({ state: z.literal('rejected'), message: z.string().max(500) }),
]);
export type ClaimReply = z.infer<typeof claimReplySchema>;
