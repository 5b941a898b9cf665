/** The outbox of a light agent. */
import type { DurableEvent, SequencedEvent } from '@holdfast/shared/protocol/events.ts';

/** Events in their order, until they are acknowledged. */
export function createLightOutbox() {
  const kept: { readonly sequenced: SequencedEvent; readonly at: number; readonly tell: (ms: number) => void }[] = [];
  let last = 0;
  let acknowledged = 0;
  return {
    lastSeq: () => last,
    firstSeq: () => (kept.length === 0 ? 0 : acknowledged + 1),
    acknowledged: () => acknowledged,
    owed: () => kept.length,
    add(event: DurableEvent): Promise<number> {
      last += 1;
      const { promise, resolve } = Promise.withResolvers<number>();
      kept.push({ sequenced: { seq: last, event }, at: performance.now(), tell: resolve });
      return promise;
    },
    read(afterSeq: number, count: number, bytes: number): readonly SequencedEvent[] {
      const events: SequencedEvent[] = [];
      let size = 0;
      for (let index = afterSeq - acknowledged; index < kept.length && events.length < count; index += 1) {
        const next = kept[index]?.sequenced;
        if (next === undefined) break;
        size += JSON.stringify(next).length;
        if (size > bytes && events.length > 0) break;
        events.push(next);
      }
      return events;
    },
    acknowledge(through: number): void {
      const now = performance.now();
      while (acknowledged < through && kept.length > 0) {
        acknowledged += 1;
        const done = kept.shift();
        done?.tell(now - done.at);
      }
    },
  };
}
