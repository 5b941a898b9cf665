/** What the log of a run says of its waiting. */

import type { Recorder } from '../log/recorder.ts';
import type { Job } from './queue.ts';

export function tellHolds(recorder: Recorder): Pick<Job, 'onHeld' | 'onReleased'> {
  return {
    onHeld(hold) {
      recorder.log('info', `waits: ${hold.message}`);
      recorder.settle();
    },
    onReleased: () => recorder.log('info', 'the wait is over: the run begins'),
  };
}
