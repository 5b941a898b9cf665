/** What one host tells on its connection, from its welcome on. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { Progress, ServerFrames } from '@holdfast/shared/protocol/messages.ts';
import type { ServerPeer } from '@holdfast/shared/protocol/peer.ts';
import { announceHost, applyHostEvents, publishProgress, recordSkew } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import { recordRepositoryLooks } from '../core/repositories/repository-looks.ts';
import { type Doubt, settleDoubt } from '../core/runs/presumed-ends.ts';
import { recordLooks } from '../core/sources/source-health.ts';
import type { Host } from '../store/hosts.ts';
import type { HostSession } from './directory.ts';
import type { Fitness } from './fitness.ts';
import type { SkewWatch } from './skew.ts';

export interface Hearing extends Pick<HostSession, 'progress' | 'heartbeat'> {
  readonly peer: ServerPeer;
  /** What is to be settled once the host has told everything it had when it connected. */
  doubt(found: Doubt | undefined): void;
}

export interface HearingPorts {
  context: CoreContext;
  host: Pick<Host, 'id' | 'tenant'>;
  skew: Pick<SkewWatch, 'beat'>;
  fitness: Pick<Fitness, 'beat' | 'look'>;
  /** Acknowledges the events of the frame `re`. */
  acknowledge(body: ServerFrames['ack'], re: string): void;
}

export function createHearing({ context, host, skew, fitness, acknowledge }: HearingPorts): Hearing {
  const { clock } = context;
  const runsOfHost = new Map<RunId, boolean>();
  const progress = new Map<RunId, Progress>();
  let heartbeat: HostSession['heartbeat'];
  let doubt: Doubt | undefined;

  async function isOwnRun(run: RunId): Promise<boolean> {
    const known = runsOfHost.get(run);
    if (known !== undefined) return known;
    const found = await context.store.runs.findRun(host.tenant, run);
    // An unknown run may be created by the next event; only a verdict is remembered.
    if (!found) return false;
    if (runsOfHost.size >= RUNS.rememberedPerSession) runsOfHost.clear();
    runsOfHost.set(run, found.host === host.id);
    return found.host === host.id;
  }

  /** Only the newest is kept, and of no more runs than a host may have. */
  function keepProgress(told: Progress): void {
    progress.delete(told.run);
    const [oldest] = progress.keys();
    if (progress.size >= RUNS.queued && oldest !== undefined) progress.delete(oldest);
    progress.set(told.run, told);
  }

  const peer: ServerPeer = {
    async events({ epoch, events }, { id }) {
      const through = await applyHostEvents(context, host, epoch, events);
      for (const { event } of events) if (event.type === 'run.finished') progress.delete(event.run);
      acknowledge({ epoch, through }, id);
      if (doubt !== undefined && (await settleDoubt(context, doubt, epoch, through))) doubt = undefined;
    },
    async progress(told) {
      if (!(await isOwnRun(told.run))) return;
      keepProgress(told);
      publishProgress(context, host, told);
    },
    async heartbeat(load, { at, arrivedAt }) {
      heartbeat = { ...load, at: clock.now() };
      const skewMs = skew.beat(at, arrivedAt);
      if (skewMs !== undefined) {
        await recordSkew(context, host, skewMs);
        fitness.look();
      }
      fitness.beat(load);
    },
    async inventory({ facts, tools }) {
      await context.store.hosts.recordContact(host.id, { at: clock.now(), facts, tools });
      announceHost(context, host);
      fitness.look();
    },
    'sources.seen': ({ looks }) => recordLooks(context, host, looks),
    'repositories.seen': ({ looks }) => recordRepositoryLooks(context, host, looks),
  };
  return {
    peer,
    progress,
    doubt(found) {
      doubt = found;
    },
    get heartbeat() {
      return heartbeat;
    },
  };
}
