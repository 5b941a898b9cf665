import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formBatches, readAlone } from './batches.ts';

/**
 * Files that spend a minute or so to see that nothing happens in it, or that something does at its end. They run one after another beside the
 * others, and take next to nothing of a processor.
 */
export const PATIENT_FILES: readonly string[] = [
  'e2e/faults/stopped-agent.integration.test.ts',
  'e2e/chaos/experiments/delivery/delivery.integration.test.ts',
  'e2e/faults/reverse-proxy.integration.test.ts',
  'e2e/faults/clock.integration.test.ts',
  'e2e/faults/drain-without-server.integration.test.ts',
];

/** Files of half a minute and more. They begin first, so that no single one is waited for at the end. */
export const LONG_FILES: readonly string[] = [
  'agent/src/runs/recovery/recovery-crash.integration.test.ts',
  'e2e/chaos/experiments/disk-full/disk-full.integration.test.ts',
  'e2e/chaos/experiments/kill-points/kill-points.integration.test.ts',
  'server/src/store/sqlite/file/migration-crash.integration.test.ts',
  'e2e/adapters/repositories.integration.test.ts',
  'e2e/harness/services/repositories.integration.test.ts',
  'e2e/chaos/experiments/gate-faults/gate.integration.test.ts',
  'server/src/store/sqlite/store.integration.test.ts',
  'server/src/store/sqlite/file/integrity.integration.test.ts',
  'e2e/delivery/both-killed.integration.test.ts',
  'e2e/delivery/token-rotation.integration.test.ts',
  'agent/src/commands/restore.integration.test.ts',
];

/** Rooms whose integration tests start no process: most of their time is loading what the next file loads again. */
const ROOMS_THAT_SHARE = /^server\/src\/(?:core|hub|notify|vault|web)\//;
/** A test that watches processes, or a program's own end, would take its neighbours' for its own. */
const STARTS_PROCESSES = /node:child_process|\bexecPath\b/;
/** Fewer than of unit tests: nobody should wait for the last batch. */
const FILES_AT_MOST = 6;

type Batches = readonly (readonly string[])[];

/** What runs beside everything else, one after another, and what the other lanes share: long files, then those alone, then batches. */
export function orderIntegration(
  root: string,
  files: readonly string[],
): { readonly patient: Batches; readonly shared: Batches } {
  const patient = PATIENT_FILES.filter((file) => files.includes(file));
  const long = LONG_FILES.filter((file) => files.includes(file));
  const others = files.filter((file) => !patient.includes(file) && !long.includes(file));
  const sharing = new Set(readSharing(root, others));
  const alone = others.filter((file) => !sharing.has(file));
  const batches = formBatches([...sharing], new Set(), FILES_AT_MOST);
  return { patient: each(patient), shared: [...each(long), ...each(alone), ...batches] };
}

/** The integration tests among `files` that may share a process. */
function readSharing(root: string, files: readonly string[]): string[] {
  const candidates = files.filter((file) => ROOMS_THAT_SHARE.test(file));
  const alone = readAlone(root, candidates);
  return candidates.filter((file) => !alone.has(file) && !STARTS_PROCESSES.test(readFileSync(join(root, file), 'utf8')));
}

const each = (files: readonly string[]): string[][] => files.map((file) => [file]);
