/** What the proxy can be told to do, and how it tells what it did. */
import type { Range } from '../seed.ts';

/** `up` is from the client to the target, `down` is back. */
export type Direction = 'up' | 'down';
export type Directions = Direction | 'both';

/** `end` says goodbye with FIN after what was forwarded; `reset` is RST. */
export type CutKind = 'end' | 'reset';

/** Each absent fault does not happen. Delays and throttles add up. `direction` is `both` unless said otherwise. */
export type Faults = {
  /** Every read arrives this much later, never before the one ahead of it; a range is jitter. */
  readonly delay?: { readonly ms: Range; readonly direction?: Directions };
  readonly throttle?: { readonly bytesPerSecond: number; readonly direction?: Directions };
  /**
   * Ends each connection once, when this many bytes went through or this long passed, whichever is first. Both count from
   * the moment the fault is set or the connection begins, whichever is later. `chance` (1) is that of each connection.
   */
  readonly cut?: {
    readonly how: CutKind;
    readonly afterBytes?: Range;
    readonly afterMs?: Range;
    readonly direction?: Directions;
    readonly chance?: number;
  };
  /**
   * The peer is gone without a word: what is sent this way, goodbyes included, vanishes, and the sockets stay open. With
   * `both`, a new connection is accepted and nobody is behind it. When the fault is taken away, connections that lost
   * something are reset, since TCP loses nothing within a connection that lives.
   */
  readonly halfOpen?: Directions;
  /** New connections are accepted and reset at once. */
  readonly refuse?: { readonly chance: number };
  /** Faults on whole messages of a WebSocket without encryption; connections of other kinds are not touched by them. */
  readonly messages?: MessageFaults;
};

/** Each chance is per data message (text or binary), from 0 to 1. */
export type MessageFaults = {
  readonly direction?: Directions;
  /** The first messages of each direction of a connection, such as a handshake, are left alone; 0 by default. */
  readonly after?: number;
  /** Sent twice, the copy directly behind the original or after `later` other messages. */
  readonly duplicate?: { readonly chance: number; readonly later?: Range };
  /** Held back until `by` later messages have passed it, or for `holdMs` (250) at most. */
  readonly reorder?: { readonly chance: number; readonly by: Range; readonly holdMs?: number };
  /** This message and everything behind it come this much later, as after a lost packet. */
  readonly delay?: { readonly chance: number; readonly ms: Range };
  /** Vanishes. TCP does not do that within a connection; a careless intermediary would. */
  readonly drop?: { readonly chance: number };
  /** Written in this many pieces (2 to 16), each in a packet of its own, one of them inside the frame's header. */
  readonly split?: { readonly chance: number; readonly pieces?: Range };
  /** The connection ends inside this message, or at one of its edges. */
  readonly cut?: { readonly chance: number; readonly how: CutKind };
};

/**
 * One thing the proxy did.
 *
 * | fault | connection | detail |
 * |---|---|---|
 * | `set` | 0 | `faults` as JSON, whenever they change |
 * | `refuse` | n | |
 * | `unreachable` | n | `code`: the target could not be dialled, so the client was reset |
 * | `stall`, `resume` | 0 | `direction` |
 * | `swallow` | n | `direction`, `bytes` that vanished, counted when the fault or the connection ends |
 * | `cut` | n | `how`, `cause`, `upBytes`, `downBytes` forwarded in its life |
 * | `duplicate`, `reorder`, `hold` | n | `direction`, `message`, `position`; see README.md |
 * | `drop`, `delay`, `split`, `cutMessage` | n | `direction`, `message` and how much |
 */
export type Injection = {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Connections count from 1 in the order they were accepted; 0 is the proxy as a whole. */
  readonly connection: number;
  readonly fault: FaultName;
  readonly detail: InjectionDetail;
};

export type FaultName =
  | 'set'
  | 'refuse'
  | 'unreachable'
  | 'stall'
  | 'resume'
  | 'swallow'
  | 'cut'
  | 'duplicate'
  | 'reorder'
  | 'hold'
  | 'drop'
  | 'delay'
  | 'split'
  | 'cutMessage';

export type InjectionDetail = Readonly<Record<string, string | number>>;

/** What a part of the proxy calls to have an injection recorded; time and connection are added by the proxy. */
export type Note = (fault: FaultName, detail: InjectionDetail) => void;

export function coversDirection(directions: Directions | undefined, direction: Direction): boolean {
  return directions === undefined || directions === 'both' || directions === direction;
}

/** @throws RangeError naming the first figure that makes no sense, so that a scenario never runs with a fault that does nothing. */
export function checkFaults(faults: Faults): void {
  const { delay, throttle, cut, refuse, messages = {} } = faults;
  const { duplicate, reorder, delay: messageDelay, drop, split, cut: messageCut } = messages;
  const chances = { cut, refuse, duplicate, reorder, messageDelay, drop, split, messageCut };
  for (const [name, fault] of Object.entries(chances)) {
    const chance = fault?.chance;
    if (chance !== undefined && !(chance >= 0 && chance <= 1)) throw new RangeError(`the chance of ${name} is ${chance}`);
  }
  checkRange('delay.ms', delay?.ms, 0);
  checkRange('throttle.bytesPerSecond', throttle?.bytesPerSecond, 1);
  checkRange('cut.afterBytes', cut?.afterBytes, 0);
  checkRange('cut.afterMs', cut?.afterMs, 0);
  checkRange('messages.after', messages.after, 0);
  checkRange('messages.duplicate.later', duplicate?.later, 0);
  checkRange('messages.reorder.by', reorder?.by, 1);
  checkRange('messages.reorder.holdMs', reorder?.holdMs, 1);
  checkRange('messages.delay.ms', messageDelay?.ms, 0);
  checkRange('messages.split.pieces', split?.pieces, 2);
  if (cut !== undefined && cut.afterBytes === undefined && cut.afterMs === undefined) {
    throw new RangeError('a cut needs afterBytes or afterMs');
  }
}

function checkRange(name: string, range: Range | undefined, least: number): void {
  if (range === undefined) return;
  const [lowest, highest] = typeof range === 'number' ? [range, range] : range;
  const isWhole = Number.isSafeInteger(lowest) && Number.isSafeInteger(highest);
  if (!isWhole || lowest < least || highest < lowest) throw new RangeError(`${name} is ${JSON.stringify(range)}`);
}
