/** What channels are told: the same facts for every kind of channel, each of which gives them its own form. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { OUTGOING, TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Alert } from '../../store/alerts.ts';
import type { CoreContext } from '../ports.ts';
import { ALERT_CONDITIONS, SEVERITIES, THING_KINDS } from './conditions.ts';
import { redactLine } from './text.ts';

export const MESSAGE_TYPES = ['alert.raised', 'alert.resolved', 'channel.test', 'server.alive'] as const;
const instant = z.int().min(0);

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
      log: z.array(z.string().max(OUTGOING.logLineChars)).max(OUTGOING.logLines),
    })
    .optional(),
});
export type ChannelMessage = z.infer<typeof messageSchema>;

async function readLastLines({ store }: Pick<CoreContext, 'store'>, alert: Alert): Promise<string[]> {
  if (alert.run === undefined) return [];
  const filter = { after: 0, before: Number.MAX_SAFE_INTEGER, limit: OUTGOING.logLines };
  const lines = await store.runs.readLog(alert.tenant, alert.run, filter);
  return lines.map(({ level, text }) => redactLine(`${level} ${text}`, OUTGOING.logLineChars));
}

/** `link` is the address of the alert's page. */
export async function composeMessage(
  context: Pick<CoreContext, 'store'>,
  alert: Alert,
  news: { tells: 'raised' | 'resolved'; at: number; link: string },
): Promise<ChannelMessage> {
  const { tells, at, link } = news;
  const { id, condition, severity, title, text, thing, thingName, since, raisedAt, resolvedAt, members, named, lastGoodAt } =
    alert;
  const isOver = tells === 'resolved';
  return {
    type: `alert.${tells}`,
    at,
    text: redactLine(isOver ? `Resolved: ${title}` : `${title}: ${text}`, 1000),
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
      log: isOver ? [] : await readLastLines(context, alert),
    },
  };
}
