/**
 * Takes messages out of the outbox and hands them over. A message stays there until it was taken or its time is over, through any
 * restart. Each channel has a lane of its own, one message at a time: a slow or dead one holds up nobody else. A channel that asks for a wait
 * is sent nothing until it is over.
 */
import { drawFraction, type RandomBytes } from '@holdfast/shared/clock.ts';
import { type ChannelId, DEFAULT_TENANT, type DeliveryId } from '@holdfast/shared/domain/ids.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import { openChannel } from '../core/alerts/channels.ts';
import { type ChannelMessage, messageSchema, OF_NOW } from '../core/alerts/message.ts';
import { TOPICS } from '../core/bus.ts';
import type { CoreContext } from '../core/ports.ts';
import type { Channel, Delivery } from '../store/channels.ts';
import type { ChannelKind } from './channel.ts';
import type { GuardedHttp } from './guarded-http.ts';

const tenant = DEFAULT_TENANT;
const PRUNED_PER_ROUND = 500;
/** Waits between attempts grow by this. */
const GROWTH = 3;
/** Part of a wait that chance decides, so that messages of one hour are not tried at one instant. */
const JITTER = 0.2;
/** A test that nobody sent after this long was left by a server that ended. */
const TEST_AWAITED_MS = 60_000;

export interface Deliverer {
  /** Starts what is due; returns before it is done. */
  runRound(): Promise<void>;
  /** Tells the channels of life that the server works, each at its time. */
  tellAlive(): Promise<void>;
  /** Sends a test now and says what came back. Throws what the channel threw. */
  sendTest(channel: Channel): Promise<string>;
  /** Drops old messages. */
  prune(): Promise<void>;
  /** Resolves when nothing is on its way. */
  settle(): Promise<void>;
  /** Begins nothing more, and resolves when what was on its way has ended. What was not taken stays in the outbox. */
  close(): Promise<void>;
}

export interface DelivererOptions {
  context: CoreContext;
  kinds: readonly ChannelKind[];
  http: GuardedHttp;
  randomBytes: RandomBytes;
  /** Whether this server does its work: the only time a sign of life is given. */
  isHealthy(): Promise<boolean>;
}

/** The wait after so many failed attempts, milliseconds. `fraction` is chance from 0 to 1. */
export function planRetry(attempts: number, fraction: number): number {
  const wait = Math.min(OUTGOING.firstRetryMs * GROWTH ** Math.min(attempts - 1, 100), OUTGOING.longestRetryMs);
  return Math.round(wait * (1 - JITTER / 2 + JITTER * fraction));
}

/**
 * What becomes of a message after a failed attempt. What is about now is not tried again, nor what was refused for itself; where a
 * person must mend the channel first, attempts are the longest wait apart.
 */
export function judgeFailure(
  delivery: Pick<Delivery, 'kind' | 'attempts' | 'createdAt'>,
  failure: AppError,
  now: number,
  fraction: number,
): { state: 'waiting' | 'given_up'; dueAt: number } {
  const asked = failure.details['retryAfterMs'];
  const fault = failure.details['fault'];
  const attempts = fault === 'settings' ? Number.MAX_SAFE_INTEGER : delivery.attempts + 1;
  const wait = Math.max(planRetry(attempts, fraction), typeof asked === 'number' ? asked : 0);
  const dueAt = now + wait;
  const isOver =
    fault === 'message' || OF_NOW.some((kind) => kind === delivery.kind) || dueAt > delivery.createdAt + OUTGOING.givenUpAfterMs;
  return isOver ? { state: 'given_up', dueAt: now } : { state: 'waiting', dueAt };
}

type Outcome = { ok: true; text: string } | { ok: false; failure: AppError };

export function createDeliverer({ context, kinds, http, randomBytes, isHealthy }: DelivererOptions): Deliverer {
  const { store, clock, log } = context;
  const lanes = new Map<ChannelId, Promise<unknown>>();
  const told = new Map<ChannelId, number>();
  /** Until when channels asked to be left alone. */
  const resting = new Map<ChannelId, number>();
  let isClosed = false;

  /** Work on a channel, after what goes on there. */
  function enqueue<T>(channel: ChannelId, work: () => Promise<T>): Promise<T> {
    const next = (lanes.get(channel) ?? Promise.resolve()).then(work, work);
    const lane = next
      .catch(() => undefined)
      .finally(() => {
        if (lanes.get(channel) === lane) lanes.delete(channel);
      });
    lanes.set(channel, lane);
    return next;
  }

  async function send(channel: Channel, delivery: Delivery): Promise<Outcome> {
    try {
      const kind = kinds.find((one) => one.kind === channel.kind);
      if (!kind) throw new AppError('unsupported', `this server has no channels of the kind ${channel.kind}`);
      const message = messageSchema.parse(JSON.parse(delivery.body));
      return {
        ok: true,
        text: await kind.send({ id: delivery.id, message, at: clock.now() }, openChannel(context, channel), http),
      };
    } catch (thrown) {
      return { ok: false, failure: toAppError(thrown) };
    }
  }

  /** One attempt, noted whatever it led to; undefined when the message or its channel is gone, off or done. */
  async function attempt(id: DeliveryId): Promise<Outcome | undefined> {
    const delivery = await store.channels.findDelivery(tenant, id);
    if (delivery?.state !== 'waiting' || isClosed) return undefined;
    const channel = await store.channels.findChannel(tenant, delivery.channel);
    if (!channel || (!channel.enabled && delivery.kind !== 'channel.test')) return undefined;
    if (isResting(channel.id) && delivery.kind !== 'channel.test') return undefined;
    const began = clock.monotonicMs();
    const outcome = await send(channel, delivery);
    // What was cut short by the end of this server says nothing of the channel.
    if (isClosed && !outcome.ok) return outcome;
    const at = clock.now();
    const asked = outcome.ok ? 0 : outcome.failure.details['retryAfterMs'];
    if (typeof asked === 'number' && asked > 0) resting.set(channel.id, at + asked);
    const end = outcome.ok
      ? { state: 'delivered' as const, dueAt: at }
      : judgeFailure(delivery, outcome.failure, at, drawFraction(randomBytes));
    const text = outcome.ok ? outcome.text : describeFailure(outcome.failure);
    const tookMs = Math.round(clock.monotonicMs() - began);
    await store.channels.recordAttempt(tenant, { delivery: id, at, tookMs, ok: outcome.ok, text }, end);
    if (!outcome.ok) {
      const fields = { channel: channel.id, name: channel.name, delivery: id, attempt: delivery.attempts + 1, state: end.state };
      // What nobody foresaw is said here alone; its words are ours or the runtime's.
      const { code, message: reason } = outcome.failure;
      log.warn({ ...fields, ...(code === 'internal' ? { reason } : {}) }, `a message was not delivered: ${text}`);
    }
    context.bus.publish(tenant, { kind: 'refresh', topic: TOPICS.channels });
    return outcome;
  }

  function isResting(channel: ChannelId): boolean {
    const until = resting.get(channel);
    if (until === undefined || until > clock.now()) return until !== undefined;
    resting.delete(channel);
    return false;
  }

  /** A test that is being sent at this moment. */
  function isAwaited(kind: string, createdAt: number): boolean {
    return kind === 'channel.test' && clock.now() - createdAt < TEST_AWAITED_MS;
  }

  async function attemptSafely(id: DeliveryId): Promise<void> {
    try {
      await attempt(id);
    } catch (error) {
      log.error({ delivery: id, err: error }, 'an attempt at a message could not be noted');
    }
  }

  async function settle(): Promise<void> {
    while (lanes.size > 0) await Promise.all(lanes.values());
  }

  function create(channel: ChannelId, message: ChannelMessage, topic: string) {
    return { id: context.createId('delivery'), channel, topic, kind: message.type, body: JSON.stringify(message) };
  }

  return {
    async runRound() {
      const due = await store.channels.listDue(tenant, clock.now(), OUTGOING.perRound);
      const idle = due.filter(
        ({ channel, kind, createdAt }) => !lanes.has(channel) && !isResting(channel) && !isAwaited(kind, createdAt),
      );
      for (const { channel, id } of idle) void enqueue(channel, () => attemptSafely(id));
    },
    async tellAlive() {
      const channels = await store.channels.listChannels(tenant);
      const now = clock.now();
      const due = channels.flatMap((channel) => {
        const everyMs = channel.enabled ? kinds.find((one) => one.kind === channel.kind)?.everyMs?.(channel.config) : undefined;
        if (everyMs === undefined) return [];
        const slot = Math.floor(now / everyMs);
        return told.get(channel.id) === slot ? [] : [{ channel: channel.id, slot }];
      });
      if (due.length === 0 || !(await isHealthy())) return;
      for (const { channel, slot } of due) {
        const message: ChannelMessage = { type: 'server.alive', at: now, text: 'This server works.', link: context.baseUrl };
        await store.channels.insertDelivery(tenant, create(channel, message, `alive ${slot}`), now);
        told.set(channel, slot);
      }
    },
    async sendTest(channel) {
      const text = `This is a test of the channel “${channel.name}”. No alert is behind it.`;
      const message: ChannelMessage = { type: 'channel.test', at: clock.now(), text, link: context.baseUrl };
      const delivery = create(channel.id, message, `test ${context.createId('request')}`);
      if (!(await store.channels.insertDelivery(tenant, delivery, clock.now())))
        throw new AppError('limit', 'too many messages wait for this channel already');
      // Beside the lane: a person waits, and what is before him may take long.
      const outcome = await attempt(delivery.id);
      if (outcome === undefined) throw new AppError('not_found', 'this channel does not exist any more');
      if (!outcome.ok) throw outcome.failure;
      return outcome.text;
    },
    async prune() {
      await store.channels.pruneDeliveries(clock.now() - OUTGOING.keptMs, PRUNED_PER_ROUND);
    },
    settle,
    async close() {
      isClosed = true;
      http.close();
      await settle();
    },
  };
}

/** Words that may be kept and shown; what nobody foresaw has none. */
function describeFailure(failure: AppError): string {
  return failure.code === 'internal' ? 'it could not be sent; see the log of this server' : failure.message.slice(0, 500);
}
