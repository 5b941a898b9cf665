/** The implementation of the door: what `engines`, `host` and `runs` are given. */
import type { Exec } from './contract.ts';
import { runPipeline } from './pipeline.ts';
import type { Launcher } from './process.ts';
import { runTool } from './run.ts';

export function createExec(launcher: Launcher): Exec {
  return {
    runTool: (options) => runTool(launcher, options),
    runPipeline: (options) => runPipeline(launcher, options),
  };
}
