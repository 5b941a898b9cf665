/** The agent's own log of runs: one line when a run is recorded, when it begins and when it has ended, each with its id. */
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { AgentLog } from '../workbench.ts';

/** What happens between is in the log of the run itself, which the server keeps. */
export function logRunEvent(log: AgentLog, event: DurableEvent): void {
  switch (event.type) {
    case 'run.created': {
      const { run, kind, plan, trigger } = event;
      log.info({ run, kind, ...(plan === undefined ? {} : { plan }), trigger }, 'run recorded');
      return;
    }
    case 'run.started':
      log.info({ run: event.run }, 'run begins');
      return;
    case 'run.finished': {
      const { run, state, failure, durationMs } = event;
      const reason = failure?.reason ?? failure?.code;
      log.info({ run, state, ...(reason === undefined ? {} : { reason }), durationMs }, 'run finished');
    }
  }
}
