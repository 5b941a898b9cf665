/** What channels are told: the same facts for every kind of channel, each of which gives them its own form. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { TERMINAL_STATES } from '@holdfast/shared/domain/run.ts';
import { OUTGOING, TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Alert } from '../../store/alerts.ts';
import type { CoreContext } from '../ports.ts';
import { ALERT_CONDITIONS, SEVERITIES, THING_KINDS } from './conditions.ts';
import { redactLine } from './text.ts';

const ALERT_NEWS = ['alert.raised', 'alert.acknowledged', 'alert.resolved'] as const;
const RUN_NEWS = ['run.started', 'run.succeeded', 'run.partial', 'run.failed'] as const;
export const DIGEST_NEWS = ['digest.daily', 'digest.weekly'] as const;
export const MESSAGE_TYPES = [...ALERT_NEWS, ...RUN_NEWS, ...DIGEST_NEWS, 'act.done', 'channel.test', 'server.alive'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];
/** They are about now, and say nothing true when they come late: not tried again, and not missed. */
export const OF_NOW: readonly MessageType[] = ['channel.test', 'server.alive', 'run.started'];
const instant = z.int().min(0);
const name = z.string().max(300);
const logSchema = z.array(z.string().max(OUTGOING.logLineChars)).max(OUTGOING.logLines);

/** One backup, as its plan's people want to know of it. */
const runNewsSchema = z.object({
  id: idSchema('run'),
  plan: z.object({ id: idSchema('plan'), name }),
  host: name,
  repository: name,
  /** Some of what it backs up, and of how much in all. */
  sources: z.array(z.object({ name, kind: z.string().max(64) })).max(OUTGOING.namedMembers),
  count: z.int().min(0),
  startedAt: instant.optional(),
  finishedAt: instant.optional(),
  durationMs: instant.optional(),
  /** Read from the sources. */
  bytes: z.int().min(0),
  /** Why it did not end clean. */
  failure: z.string().max(1000).optional(),
  log: logSchema,
});
export type RunNews = z.infer<typeof runNewsSchema>;

const named = z.object({ name, text: z.string().max(500) });
/** The state of everything, at a time of day: that it comes says that this server lives. */
const digestSchema = z.object({
  from: instant,
  to: instant,
  sources: z.object({
    protected: z.int(),
    atRisk: z.int(),
    unprotected: z.int(),
    unknown: z.int(),
    paused: z.int(),
    withoutPlan: z.int(),
  }),
  /** What hosts told of that is no source. */
  uncovered: z.int(),
  /** Sources that are not protected, the worst first, each with why. */
  worst: z.array(named).max(OUTGOING.namedMembers),
  /** Backups that ended in this time. */
  runs: z.object({ succeeded: z.int(), partial: z.int(), failed: z.int() }),
  /** Bytes that these backups added, by repository. */
  growth: z.array(z.object({ name, addedBytes: z.int(), snapshots: z.int() })).max(OUTGOING.namedMembers),
  /** Sizes that do not fit those before. */
  anomalies: z.array(named).max(OUTGOING.namedMembers),
  openAlerts: z.int(),
});
export type DigestNews = z.infer<typeof digestSchema>;

/** What came of a restore. */
const restoreEndSchema = z.object({
  run: idSchema('run'),
  state: z.enum(TERMINAL_STATES),
  /** The host that wrote the target. */
  host: name,
  /** Where it went, such as `into the database shop_copy`. */
  into: name,
  bytes: z.int().min(0),
  durationMs: z.int().min(0).optional(),
  /** Why it did not end well. */
  failure: z.string().max(1000).optional(),
});
export type RestoreEnd = z.infer<typeof restoreEndSchema>;

/** What somebody did, as the audit has it, or what came of it. */
const actNewsSchema = z.object({
  action: z.string().max(100),
  at: instant,
  actor: name,
  target: name,
  address: z.string().max(100).optional(),
  /** For `restore.ended`. */
  restore: restoreEndSchema.optional(),
});
export type ActNews = z.infer<typeof actNewsSchema>;

export const messageSchema = z.object({
  type: z.enum(MESSAGE_TYPES),
  /** Epoch milliseconds. */
  at: instant,
  /** One sentence that stands alone. */
  text: z.string().max(2000),
  /** Where a person reads on. */
  link: z.string().max(2000).optional(),
  alert: z
    .object({
      id: idSchema('alert'),
      condition: z.enum(ALERT_CONDITIONS),
      severity: z.enum(SEVERITIES),
      title: z.string().max(1000),
      detail: z.string().max(1000),
      thing: z.object({ kind: z.enum(THING_KINDS), id: z.string().max(80), name: z.string().max(300) }),
      /** When what is wrong began, when it was noticed, when it was over. */
      since: instant,
      raisedAt: instant,
      resolvedAt: instant.optional(),
      /** How many it is about, and the names of some of them. */
      count: z.int().min(0),
      names: z.array(z.string().max(300)).max(OUTGOING.namedMembers),
      /** The newest clean backup of what it is about; left out when there is none, or it is about no source. */
      lastGoodAt: instant.optional(),
      /** The last lines of the run, without what looks like a secret. */
      log: logSchema,
      /** Who sees to it. */
      acknowledgedBy: name.optional(),
    })
    .optional(),
  run: runNewsSchema.optional(),
  digest: digestSchema.optional(),
  act: actNewsSchema.optional(),
});
export type ChannelMessage = z.infer<typeof messageSchema>;

/** The last lines of a run's log, fit to leave the server. */
export async function readLastLines(
  { store }: Pick<CoreContext, 'store'>,
  { tenant, run }: Pick<Alert, 'tenant' | 'run'>,
): Promise<string[]> {
  if (run === undefined) return [];
  const filter = { after: 0, before: Number.MAX_SAFE_INTEGER, limit: OUTGOING.logLines };
  const lines = await store.logs.readLog(tenant, run, filter);
  return lines.map(({ level, text }) => redactLine(`${level} ${text}`, OUTGOING.logLineChars));
}

/** `link` is the address of the alert's page. */
export async function composeMessage(
  context: Pick<CoreContext, 'store'>,
  alert: Alert,
  news: { tells: 'raised' | 'acknowledged' | 'resolved'; at: number; link: string },
): Promise<ChannelMessage> {
  const { tells, at, link } = news;
  const { id, condition, severity, title, text, thing, thingName, since, raisedAt, resolvedAt, members, named, lastGoodAt } =
    alert;
  const leads = { raised: '', acknowledged: 'Acknowledged: ', resolved: 'Resolved: ' };
  const isNews = tells === 'raised';
  return {
    type: `alert.${tells}`,
    at,
    text: redactLine(`${leads[tells]}${title}${isNews ? `: ${text}` : ''}`, 1000),
    link,
    alert: {
      id,
      condition,
      severity,
      title,
      detail: redactLine(text, TEXT.errorChars).slice(0, 1000),
      thing: { ...thing, name: thingName.slice(0, 300) },
      since,
      raisedAt,
      ...(resolvedAt === undefined ? {} : { resolvedAt }),
      count: members,
      names: named.slice(0, OUTGOING.namedMembers).map((name) => name.slice(0, 300)),
      ...(lastGoodAt === undefined ? {} : { lastGoodAt }),
      log: isNews ? await readLastLines(context, alert) : [],
      ...(alert.acknowledgedBy === undefined ? {} : { acknowledgedBy: alert.acknowledgedBy.slice(0, 300) }),
    },
  };
}
