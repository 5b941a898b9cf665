/** The durable events of one connection: where they go on, what is in flight, and when everything kept is sent again. */
import { WIRE } from '@holdfast/shared/limits.ts';
import { createEventWindow, type EventWindow } from '@holdfast/shared/protocol/channel.ts';
import type { AgentFrames, ServerFrames } from '@holdfast/shared/protocol/messages.ts';
import type { Outbox } from '../journal/outbox.ts';
import type { AgentLog } from '../runs/workbench.ts';

export interface EventStreamPorts {
  outbox: Outbox;
  log: AgentLog;
  /** Sends a frame and returns its id. */
  send(body: AgentFrames['events']): string;
  isOpen(): boolean;
}

export interface EventStream {
  /** Sends what may be sent now; call it after new events. Nothing goes before `meet`. */
  pump(): void;
  /** What hello says of the outbox; the server answers about this epoch. */
  greet(): AgentFrames['hello']['outbox'];
  /** The server told where it stands. Only the first time counts. */
  meet(welcome: ServerFrames['welcome']): void;
  acknowledge(ack: ServerFrames['ack']): void;
  /**
   * The server refused a frame (`frame`, where it said which) because event `expected` was due: what it does not have goes again, from there or
   * from what it acknowledged since. A word about a frame sent before an earlier refusal changes nothing: answering each of them would
   * multiply what is sent.
   */
  refuse(expected: number, frame: string | undefined): void;
}

export function createEventStream({ outbox, log, send, isOpen }: EventStreamPorts): EventStream {
  let window: { epoch: string; events: EventWindow; frames: string[] } | undefined;
  let helloEpoch = '';
  let isMet = false;

  const openWindow = (acknowledged: number): void => {
    const epoch = outbox.epoch;
    const frames: string[] = [];
    const events = createEventWindow({
      outbox,
      acknowledged,
      send(batch) {
        frames.push(send({ epoch, events: [...batch] }));
        if (frames.length > WIRE.unacknowledgedFrames) frames.shift();
      },
      unacknowledgedFrames: WIRE.unacknowledgedFrames,
      eventsPerFrame: WIRE.eventsPerFrame,
      eventBytesPerFrame: WIRE.eventBytesPerFrame,
    });
    window = { epoch, events, frames };
  };
  const pump = (): void => {
    if (!window || !isOpen()) return;
    if (window.epoch !== outbox.epoch) openWindow(0);
    window.events.pump();
  };
  /** To an older server, or one whose database was replaced: everything still kept goes again, in a new epoch. */
  const replay = (serverEpoch: number): void => {
    const replayed = outbox.replayAcknowledged(serverEpoch);
    log.warn({ replayed, serverEpoch }, 'the server has forgotten events; sending what is kept again');
    openWindow(0);
  };
  /**
   * Goes on from what the server says it has. Less than this host was told: an older server, which gets again what is still kept.
   * More than was ever written here: an older journal, whose numbers the server knows with other events, so a new epoch begins.
   */
  const resume = (acknowledged: number, serverEpoch: number): void => {
    if (acknowledged < outbox.acknowledgedSeq()) {
      replay(serverEpoch);
    } else if (acknowledged > outbox.lastSeq()) {
      outbox.startNewEpoch();
      log.warn({ acknowledged }, 'this journal is older than what the server has seen; starting a new epoch');
      openWindow(0);
    } else {
      outbox.acknowledge(acknowledged);
      openWindow(acknowledged);
    }
  };

  return {
    pump,
    greet() {
      const promised = outbox.findPromise();
      helloEpoch = outbox.epoch;
      return {
        epoch: helloEpoch,
        firstSeq: outbox.firstSeq(),
        lastSeq: outbox.lastSeq(),
        ...(promised === undefined ? {} : { promised }),
      };
    },
    meet({ serverEpoch, acknowledged, replay: isOwed }) {
      if (isMet) return;
      isMet = true;
      const seen = outbox.findServerEpoch();
      if (isOwed === true || (seen !== undefined && seen !== serverEpoch)) {
        replay(serverEpoch);
      } else {
        if (seen === undefined) outbox.noteServerEpoch(serverEpoch);
        if (outbox.epoch === helloEpoch) resume(acknowledged, serverEpoch);
        else openWindow(0);
      }
      pump();
    },
    acknowledge({ epoch, through }) {
      if (window?.epoch !== epoch || !window.events.acknowledge(through)) return;
      outbox.acknowledge(through);
      pump();
    },
    refuse(expected, frame) {
      if (!window || window.epoch !== outbox.epoch || expected > window.events.sent + 1) return;
      if (frame !== undefined && !window.frames.includes(frame)) return;
      const has = Math.max(expected - 1, outbox.acknowledgedSeq());
      outbox.acknowledge(has);
      openWindow(has);
      pump();
    },
  };
}
