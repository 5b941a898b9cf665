/** News of what people and programs did, out of the audit, for the channels that want it. */
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { ChannelMessage } from '../core/alerts/message.ts';
import { groupAct, readSubscription } from '../core/alerts/subscription.ts';
import { shortenText } from '../core/alerts/text.ts';
import type { CoreContext } from '../core/ports.ts';
import type { AuditRow } from '../store/trail.ts';
import type { ChannelKind } from './channel.ts';

const tenant = DEFAULT_TENANT;
const SEEN_SETTING = 'notify.acts';
const PAGES_MOST = 5;
/** While nobody listens, the mark moves this often. */
const MARKED_MS = 60_000;
/** Failed attempts to sign in are told once in this time: who tries many does not fill a channel. */
const FAILED_SIGN_INS_MS = 10 * 60_000;

function composeActMessage({ action, at, actor, target, address }: AuditRow, link: string): ChannelMessage {
  const act = {
    action: action.slice(0, 100),
    at,
    actor: shortenText(actor.name, 200),
    target: shortenText(target.name === '' ? target.kind : target.name, 200),
    ...(address === undefined ? {} : { address: shortenText(address, 100) }),
  };
  return { type: 'act.done', at, text: `${act.actor}: ${action.replace(/[._]/gu, ' ')}, ${act.target}`, link, act };
}

/** One topic is told once; the same act is never two topics. */
function topicOf({ id, action, at }: AuditRow): string {
  return action === 'login.failed' ? `act ${action} ${Math.floor(at / FAILED_SIGN_INS_MS)}` : `act ${id}`;
}

/** Each call tells of what was done since the one before, also of a server that ended meanwhile. `link` leads to the audit. */
export function createActTeller(context: CoreContext, kinds: readonly ChannelKind[], link: string): () => Promise<void> {
  const { store, clock } = context;
  let seenAt: number | undefined;

  async function readSince(since: number): Promise<AuditRow[]> {
    const rows: AuditRow[] = [];
    let after: string | undefined;
    for (let page = 0; page < PAGES_MOST; page += 1) {
      const found = await store.trail.listAudit(tenant, {}, { limit: HTTP.pageSizeMax, after });
      const fresh = found.rows.filter(({ at }) => at >= since);
      rows.push(...fresh);
      after = found.next;
      if (after === undefined || fresh.length < found.rows.length) break;
    }
    return rows.toReversed();
  }

  return async () => {
    const now = clock.now();
    const stored = await store.settings.findSetting(SEEN_SETTING);
    seenAt ??= stored === undefined ? now : Number(stored);
    const listeners = (await store.channels.listChannels(tenant)).flatMap((channel) => {
      const { acts } = readSubscription(channel);
      const isAble = channel.enabled && kinds.find(({ kind }) => kind === channel.kind)?.hears.includes('act.done');
      return isAble && acts.length > 0 ? [{ channel, acts }] : [];
    });
    // Who begins to listen hears of what is done from then on.
    const rows = listeners.length === 0 ? [] : await readSince(seenAt);
    for (const row of rows) {
      const group = groupAct(row.action);
      for (const { channel, acts } of listeners) {
        if (group === undefined || !acts.includes(group) || row.at < channel.createdAt || row.target.id === channel.id) continue;
        const message = composeActMessage(row, link);
        const delivery = { channel: channel.id, topic: topicOf(row), kind: message.type, body: JSON.stringify(message) };
        await store.channels.insertDelivery(tenant, { id: context.createId('delivery'), ...delivery }, clock.now());
      }
    }
    // What is written at this very instant is read again by the next call, and told once because of its topic.
    seenAt = listeners.length === 0 ? now : (rows.at(-1)?.at ?? seenAt);
    if (rows.length > 0 || stored === undefined || seenAt - Number(stored) > MARKED_MS)
      await store.settings.putSetting(SEEN_SETTING, String(seenAt));
  };
}
