/** How the tools of a run are started: under its own limits and those of its host. */
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import { combineLimits } from '@holdfast/shared/domain/run-limits.ts';
import type { Exec } from '../exec/contract.ts';
import type { Recorder } from './log/recorder.ts';
import type { Workbench } from './workbench.ts';

const LINES: readonly [keyof RunLimits, (value: string) => string][] = [
  ['nice', (value) => `niceness ${value}`],
  ['io', (value) => `disk ${value}`],
  ['uploadKiBps', (value) => `upload ${value} KiB/s`],
  ['downloadKiBps', (value) => `download ${value} KiB/s`],
  ['memoryMiB', (value) => `memory of each tool ${value} MiB`],
];

function sayLimits(limits: RunLimits): string {
  return LINES.flatMap(([name, say]) => (limits[name] === undefined ? [] : say(String(limits[name])))).join(', ');
}

/**
 * For every tool of a run; hooks are started without limits. Of each limit the tighter one holds. What the host asks for, and what cannot be
 * applied on it, stands in the run's log.
 */
export function openLimitedExec(
  workbench: Pick<Workbench, 'execFor' | 'hostLimits'>,
  recorder: Pick<Recorder, 'run' | 'log'>,
  own: RunLimits = {},
): Exec {
  const ofHost = workbench.hostLimits();
  const said = sayLimits(ofHost);
  if (said !== '') recorder.log('info', `limits of this host: ${said}`);
  const exec = workbench.execFor(recorder.run).withLimits(combineLimits(ofHost, own));
  for (const unmet of exec.unmetLimits) recorder.log('warn', unmet);
  return exec;
}
