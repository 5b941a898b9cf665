/** The implementation of the door: what `engines`, `host` and `runs` are given. */
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import type { Exec } from './contract.ts';
import { planLimits, readOwnLimits } from './limits.ts';
import { runPipeline } from './pipeline.ts';
import type { Launcher } from './process.ts';
import { runTool } from './run.ts';

export function createExec(launcher: Launcher): Exec {
  return createLimitedExec(launcher, {});
}

function createLimitedExec(launcher: Launcher, limits: RunLimits): Exec {
  const { prefix, unmet } = planLimits(launcher.limitTools ?? {}, limits, readOwnLimits());
  const limited: Launcher = { ...launcher, prefix };
  return {
    limits,
    unmetLimits: unmet,
    withLimits: (others) => createLimitedExec(launcher, others),
    runTool: (options) => runTool(limited, options),
    runPipeline: (options) => runPipeline(limited, options),
  };
}
