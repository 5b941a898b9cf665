/** Every benchmark, in the order in which they run: quiet ones first, before databases fill the caches. */
import { createAgentMemory } from './agent-memory.ts';
import { createBackupSpeed, createRestoreSpeed } from './database-speed.ts';
import { DRILL_OVERHEAD } from './drill-overhead.ts';
import type { Benchmark } from './figure.ts';
import { FLEET } from './fleet.ts';
import { AGENT_IDLE, CHECKOUT_AGENT_IDLE, SERVER_IDLE } from './idle.ts';
import { LOG_LATENCY } from './log-latency.ts';
import { RETENTION_PLAN } from './retention-plan.ts';
import { RUN_LIST } from './run-list.ts';
import { TABS } from './tabs.ts';
import { TREE_OPEN } from './tree-open.ts';

export const BENCHMARKS: readonly Benchmark[] = [
  AGENT_IDLE,
  CHECKOUT_AGENT_IDLE,
  SERVER_IDLE,
  RUN_LIST,
  FLEET,
  RETENTION_PLAN,
  TREE_OPEN,
  LOG_LATENCY,
  TABS,
  createAgentMemory('postgres'),
  createAgentMemory('mariadb'),
  createBackupSpeed('postgres'),
  createBackupSpeed('mariadb'),
  createRestoreSpeed('postgres'),
  createRestoreSpeed('mariadb'),
  createRestoreSpeed('postgres', 2),
  DRILL_OVERHEAD,
];

/** Benchmarks with a figure whose name begins with `only`; all of them without it. Throws when there is none. */
export function selectBenchmarks(benchmarks: readonly Benchmark[], only: string | undefined): readonly Benchmark[] {
  if (only === undefined) return benchmarks;
  const selected = benchmarks.filter((benchmark) => benchmark.figures.some((name) => name.startsWith(only)));
  if (selected.length > 0) return selected;
  const names = benchmarks.flatMap((benchmark) => benchmark.figures);
  throw new Error(`no figure is called ${only}; there are: ${names.join(', ')}`);
}
