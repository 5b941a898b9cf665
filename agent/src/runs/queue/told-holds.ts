/** What the log of a run says of its waiting. */

import type { Recorder } from '../log/recorder.ts';
import { writeIfPossible } from '../possible-write.ts';
import type { AgentLog } from '../workbench.ts';
import type { Job } from './queue.ts';

export function tellHolds({ log }: { log: AgentLog }, recorder: Recorder): Pick<Job, 'onHeld' | 'onReleased'> {
  return {
    onHeld(hold) {
      recorder.log('info', `waits: ${hold.message}`);
      writeIfPossible(log, 'the run waits all the same', () => recorder.settle());
    },
    onReleased: () => recorder.log('info', 'the wait is over: the run begins'),
  };
}
