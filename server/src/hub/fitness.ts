/** Keeps what is known of a connected host's fitness up to date: judged at its first heartbeat, and again when something changed. */
import type { AgentFrames } from '@holdfast/shared/protocol/messages.ts';
import { isSameToAilments, judgeHost, type Refusals } from '../core/hosts/ailments.ts';
import { announceHost } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import type { Host } from '../store/hosts.ts';

export interface Fitness {
  beat(heartbeat: AgentFrames['heartbeat']): void;
  /** What the host took, or why not. */
  refuse(refusals: Refusals): void;
  /** Judges again, one look after the other; calls that come while one is at work are merged. Never throws. */
  look(): void;
}

export function createFitness(context: CoreContext, host: Pick<Host, 'id' | 'tenant'>): Fitness {
  let heartbeat: AgentFrames['heartbeat'] | undefined;
  let refusals: Refusals = {};
  let isBusy = false;
  let again = false;

  async function round(): Promise<void> {
    isBusy = true;
    try {
      do {
        again = false;
        // Before the first heartbeat too little is known to call a host good.
        if (heartbeat !== undefined && (await judgeHost(context, host, { heartbeat, refusals }))) announceHost(context, host);
      } while (again);
    } catch (error) {
      context.log.error({ area: 'hosts', host: host.id, err: error }, 'judging the fitness of a host failed');
    } finally {
      isBusy = false;
    }
  }

  function look(): void {
    if (isBusy) again = true;
    else void round();
  }

  return {
    look,
    beat(told) {
      const before = heartbeat;
      heartbeat = told;
      if (before === undefined || !isSameToAilments(before, told)) look();
    },
    refuse(told) {
      refusals = told;
      look();
    },
  };
}
