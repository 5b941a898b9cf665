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

export function createOutboxBacklog(limitBytes: number): OutboxBacklog {
  const entries: BacklogEntry[] = [];
  /** Lines each marker stands for. */
  const dropped = new WeakMap<EncodedEvent, number>();
  /** The newest marker of each run. */
  const markers = new Map<string, { entry: BacklogEntry; index: number }>();
  let bytes = 0;

  const replace = (entry: BacklogEntry, index: number, event: LogEvent, lines: number): void => {
    const old = entry.encoded[index];
    const json = JSON.stringify(event);
    const next = { event, json, bytes: Buffer.byteLength(json) };
    entry.encoded[index] = next;
    dropped.set(next, lines);
    bytes += next.bytes - (old?.bytes ?? 0);
    markers.set(event.run, { entry, index });
  };

  /** Turns batches of log lines into markers, oldest first, until the limit holds or none is left. */
  const shedOldest = (): void => {
    for (const entry of entries) {
      for (const [index, { event }] of entry.encoded.entries()) {
        if (bytes <= limitBytes) return;
        const known = entry.encoded[index];
        if (event.type !== 'run.log' || (known && dropped.has(known))) continue;
        const shed = shedLog(event, 0, 'all');
        replace(entry, index, shed.event, shed.droppedLines);
      }
    }
  };

  /** Over the limit, further lines of a run with a marker are only counted in it. */
  const countInMarker = (event: LogEvent): boolean => {
    const marker = markers.get(event.run);
    const known = marker?.entry.encoded[marker.index];
    if (!marker || !known || known.event.type !== 'run.log') return false;
    const lines = (dropped.get(known) ?? 0) + event.lines.length;
    replace(marker.entry, marker.index, growMarker(known.event, lines), lines);
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
      const entry = entries.shift();
      if (!entry) return;
      for (const one of entry.encoded) {
        bytes -= one.bytes;
        const marker = 'run' in one.event ? markers.get(one.event.run) : undefined;
        if (marker?.entry === entry && 'run' in one.event) markers.delete(one.event.run);
      }
    },
    isEmpty: () => entries.length === 0,
    count: () => entries.reduce((sum, entry) => sum + entry.encoded.length, 0),
    bytes: () => bytes,
  };
}
