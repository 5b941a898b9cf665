/** Events that the disk refused, in order, until it takes them. Bounded: log lines give way, everything else stays. */

import { growMarker, type LogEvent, shedLog } from './log-shedding.ts';
import type { EncodedEvent } from './outbox-rows.ts';

export interface BacklogEntry {
  encoded: EncodedEvent[];
  effects: (() => void) | undefined;
}

export interface OutboxBacklog {
  push(encoded: readonly EncodedEvent[], effects: (() => void) | undefined): void;
  peek(): BacklogEntry | undefined;
  shift(): void;
  isEmpty(): boolean;
  count(): number;
  bytes(): number;
}

interface Marker {
  entry: BacklogEntry;
  index: number;
  encoded: EncodedEvent;
  event: LogEvent;
  /** Log lines it stands for. */
  lines: number;
}

export function createOutboxBacklog(limitBytes: number): OutboxBacklog {
  const entries: BacklogEntry[] = [];
  /** Events that stand for log lines which gave way. */
  const markers = new WeakSet<EncodedEvent>();
  /** The newest marker of each run. */
  const newest = new Map<string, Marker>();
  let bytes = 0;

  const putMarker = (entry: BacklogEntry, index: number, old: EncodedEvent, event: LogEvent, lines: number): void => {
    const json = JSON.stringify(event);
    const encoded = { event, json, bytes: Buffer.byteLength(json) };
    entry.encoded[index] = encoded;
    bytes += encoded.bytes - old.bytes;
    markers.add(encoded);
    newest.set(event.run, { entry, index, encoded, event, lines });
  };

  /** Turns batches of log lines into markers, oldest first, until the limit holds or none is left. */
  const shedOldest = (): void => {
    for (const entry of entries) {
      for (const [index, encoded] of entry.encoded.entries()) {
        if (bytes <= limitBytes) return;
        if (encoded.event.type !== 'run.log' || markers.has(encoded)) continue;
        const shed = shedLog(encoded.event, 0, 'all');
        putMarker(entry, index, encoded, shed.event, shed.droppedLines);
      }
    }
  };

  /** Over the limit, further lines of a run with a marker are only counted in it. */
  const countInMarker = (event: LogEvent): boolean => {
    const marker = newest.get(event.run);
    if (!marker) return false;
    const lines = marker.lines + event.lines.length;
    putMarker(marker.entry, marker.index, marker.encoded, growMarker(marker.event, lines), lines);
    return true;
  };

  return {
    push(encoded, effects) {
      const incoming = encoded.reduce((sum, one) => sum + one.bytes, 0);
      const full = bytes + incoming > limitBytes;
      const kept = encoded.filter(({ event }) => !(full && event.type === 'run.log' && countInMarker(event)));
      bytes += kept.reduce((sum, one) => sum + one.bytes, 0);
      if (kept.length > 0 || effects) entries.push({ encoded: kept, effects });
      if (full) shedOldest();
    },
    peek: () => entries[0],
    shift() {
      const gone = entries.splice(0, 1);
      for (const encoded of gone.flatMap((entry) => entry.encoded)) {
        const { event } = encoded;
        bytes -= encoded.bytes;
        if ('run' in event && newest.get(event.run)?.encoded === encoded) newest.delete(event.run);
      }
    },
    isEmpty: () => entries.length === 0,
    count: () => entries.reduce((sum, entry) => sum + entry.encoded.length, 0),
    bytes: () => bytes,
  };
}
