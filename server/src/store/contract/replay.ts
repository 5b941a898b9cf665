import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { TERMINAL_STATES } from '@holdfast/shared/domain/run.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import type { DurableEvent, SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import fc from 'fast-check';
import type { Host } from '../hosts.ts';
import type { Store } from '../store.ts';
import { createdEvent, finishedEvent, logEvent, logLine, madeEvent, partEvent, readLedger, startedEvent } from './reports.ts';
import { NOW, type OpenStore, sampleHost, sampleId, sampleSource, sequence } from './samples.ts';

/** How one run goes, in choices small enough to shrink. */
const storyArbitrary = fc.record({
  kind: fc.constantFrom('backup' as const, 'restore' as const),
  parts: fc.array(
    fc.record({ makes: fc.boolean(), ends: fc.option(fc.constantFrom(...TERMINAL_STATES)), staged: fc.boolean() }),
    { maxLength: 3 },
  ),
  starts: fc.boolean(),
  finalizes: fc.boolean(),
  logs: fc.array(fc.array(fc.string({ unit: ANY_CHARACTER, maxLength: 30 }), { minLength: 1, maxLength: 4 }), { maxLength: 3 }),
  ends: fc.option(fc.constantFrom(...TERMINAL_STATES)),
});
type Story = typeof storyArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** Where each frame starts again before the first event not yet delivered, and how many events it holds. */
const framesArbitrary = fc.array(fc.record({ back: fc.nat({ max: 12 }), size: fc.integer({ min: 1, max: 8 }) }), {
  minLength: 1,
  maxLength: 40,
});

function tellStory(story: Story, sources: readonly SourceId[]): DurableEvent[] {
  const run: RunId = sampleId('run');
  const own = sources.slice(0, story.parts.length);
  const events: DurableEvent[] = [createdEvent(run, { kind: story.kind, sources: [...own] })];
  if (story.starts) events.push(startedEvent(run));
  let n = 0;
  for (const texts of story.logs) {
    const lines = texts.map((text) => {
      n += 1;
      return logLine(n, text);
    });
    events.push(logEvent(run, lines));
  }
  for (const [index, part] of story.parts.entries()) {
    const source = own[index];
    if (source === undefined) continue;
    if (part.staged) events.push({ type: 'run.stage', run, at: NOW + 12, source, stage: 'store', ended: false });
    if (part.makes) events.push(madeEvent(run, source));
    if (part.staged) events.push({ type: 'run.stage', run, at: NOW + 22, source, stage: 'store', ended: true, ok: part.makes });
    if (part.ends) events.push(partEvent(run, source, part.ends));
  }
  if (story.finalizes) events.push({ type: 'run.finalizing', run, at: NOW + 35 });
  if (story.ends) events.push(finishedEvent(run, story.ends, { logLines: n }));
  return events;
}

/** Deals the runs' events into one stream, each run's own order kept. */
function interleave(stories: readonly DurableEvent[][]): DurableEvent[] {
  const longest = Math.max(0, ...stories.map((events) => events.length));
  const dealt: DurableEvent[] = [];
  for (let i = 0; i < longest; i += 1) for (const events of stories) dealt.push(...events.slice(i, i + 1));
  return dealt;
}

/** The frames of a line that is cut and resumed: each starts at or before what is due, and in the end all was sent. */
function cutFrames(stream: readonly SequencedEvent[], cuts: readonly { back: number; size: number }[]): SequencedEvent[][] {
  const frames: SequencedEvent[][] = [];
  let due = 0;
  for (let i = 0; due < stream.length; i += 1) {
    const cut = cuts[i % cuts.length] ?? { back: 0, size: 1 };
    const start = i < 60 ? Math.max(0, due - cut.back) : due;
    const frame = stream.slice(start, start + cut.size);
    frames.push(frame);
    due = Math.max(due, start + frame.length);
  }
  return [...frames, [...stream]];
}

async function apply(store: Store, host: Host, frames: readonly SequencedEvent[][]): Promise<number> {
  let fresh = 0;
  for (const frame of frames)
    fresh += (await store.events.applyEvents(host.tenant, host.id, 'epoch-replay', frame, NOW + 100)).fresh.length;
  return fresh;
}

export function checkReplay(open: OpenStore): void {
  describe('delivery', () => {
    it('gives the same ledger for a stream sent once and for one cut, doubled and resumed anywhere', async () => {
      const once = await open();
      const often = await open();
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(storyArbitrary, { minLength: 1, maxLength: 3 }), framesArbitrary, async (stories, cuts) => {
            const host = sampleHost();
            const sources = [sampleSource(host), sampleSource(host), sampleSource(host)];
            for (const store of [once, often]) {
              await store.hosts.insertHost(host);
              for (const source of sources) await store.sources.insertSource(source);
            }
            const stream = sequence(
              interleave(
                stories.map((story) =>
                  tellStory(
                    story,
                    sources.map((source) => source.id),
                  ),
                ),
              ),
            );
            const freshOnce = await apply(once, host, [stream]);
            const freshOften = await apply(often, host, cutFrames(stream, cuts));
            assert.equal(freshOften, freshOnce);
            assert.deepEqual(await readLedger(often, host), await readLedger(once, host));
            assert.deepEqual(
              await often.standings.listStandings(
                host.tenant,
                sources.map((source) => source.id),
              ),
              await once.standings.listStandings(
                host.tenant,
                sources.map((source) => source.id),
              ),
            );
          }),
          { numRuns: 60 },
        );
        assert.deepEqual(await often.runs.listRunTotals(sampleHost().tenant), await once.runs.listRunTotals(sampleHost().tenant));
      } finally {
        await once.close();
        await often.close();
      }
    });
  });
}
