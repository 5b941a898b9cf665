import type { Ended } from './process-group.ts';
import type { PhaseResult } from './verdicts.ts';

/** How much of the output of a crashed command is shown; its log file has the rest. */
const TAIL_CHARS = 8_000;

/** A runner that did not end well although every test it told of passed has crashed, and that is a failure. */
export function addCrash(result: PhaseResult, who: string, ended: Ended): PhaseResult {
  if (ended.code === 0 || (result.failures.length > 0 && !ended.timedOut && ended.signal === null)) return result;
  const detail = `${ended.output.slice(-TAIL_CHARS)}\n${describeEnd(ended)}`;
  return {
    ...result,
    failures: [...result.failures, { title: ended.timedOut ? `${who} did not end` : `${who} crashed`, detail }],
  };
}

/** How a command that did not end well came to its end, for people. */
export function describeEnd(ended: Ended): string {
  if (ended.timedOut) return 'It was stopped because its time was over.';
  return ended.signal === null ? `It exited with code ${ended.code}.` : `It was ended by ${ended.signal}.`;
}
