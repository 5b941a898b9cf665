/** What the integration tests of the engine stand on: both generations of restic, a real exec, a private folder. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { systemClock } from '@holdfast/shared/clock.ts';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import type { Exec, Stage } from '../../exec/contract.ts';
import { createExec } from '../../exec/exec.ts';
import { findStartTime } from '../../exec/proc.ts';
import type { Launcher, StartedProcess } from '../../exec/process.ts';
import { createResticEngine, type ResticEngine } from './engine.ts';
import type { KeyRing } from './machine-key/key-ring.ts';
import { createOwnProcesses, type OwnProcesses } from './own-processes.ts';

const ROOT = join(import.meta.dirname, '../../../..');

/** Where the two generations are; a missing one fails the tests that need it. */
export const GENERATIONS: readonly { version: string; binary: string }[] = [
  { version: '0.14.0', binary: '/usr/bin/restic' },
  { version: '0.18.0', binary: join(ROOT, '.tools/trixie/usr/bin/restic') },
];

/** Of its repositories, unless told otherwise. */
export const LABORATORY_PASSWORD = 'correct horse';

export interface Laboratory {
  dir: string;
  exec: Exec;
  engine: ResticEngine;
  /** An engine whose tools run under these limits. */
  engineUnder(limits: RunLimits): ResticEngine;
  /** An engine that knows these machine keys. */
  engineWith(keys: KeyRing): ResticEngine;
  processes: OwnProcesses;
  /** Every process the engine started so far. */
  started: StartedProcess[];
  /** Access to `dir/repo` unless told otherwise; files lie in the work directory. */
  access(options?: { password?: string; repository?: string; workDir?: string }): RepositoryAccess;
  /** A new private work directory. */
  workDir(): string;
  /** The newest of them. */
  workDirInUse(): string;
  /** A shell script as a stage. */
  shell(script: string): Stage;
  remove(): void;
}

export interface LaboratoryOptions {
  graceMs?: number;
  /** Runs restic without the right to read what its user may not read, also where the tests run as root. */
  withoutOverride?: boolean;
}

/** A `setpriv` that also takes the overriding of file modes away. Whoever is not root has none to lose. */
function writeModestSetpriv(dir: string): string {
  if (process.getuid?.() !== 0) return '/usr/bin/setpriv';
  const path = join(dir, 'modest-setpriv');
  const script = '#!/bin/sh\nexec /usr/bin/setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all "$@"\n';
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}

export function createLaboratory(generation: { version: string; binary: string }, options: LaboratoryOptions = {}): Laboratory {
  if (!existsSync(generation.binary))
    throw new Error(`restic ${generation.version} is missing at ${generation.binary}: run setup`);
  const dir = mkdtempSync(join(tmpdir(), 'restic-engine-'));
  for (const name of ['cache', 'tmp', 'work']) mkdirSync(join(dir, name));
  const processes = createOwnProcesses(systemClock);
  const started: StartedProcess[] = [];
  const launcher: Launcher = {
    environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: join(dir, 'tmp') },
    setpriv: options.withoutOverride ? writeModestSetpriv(dir) : '/usr/bin/setpriv',
    limitTools: { nice: '/usr/bin/nice', ionice: '/usr/bin/ionice', prlimit: '/usr/bin/prlimit' },
    cancelGraceMs: options.graceMs ?? 4000,
    onStarted(process) {
      started.push(process);
      processes.onStarted(process);
    },
    onEnded: processes.onEnded,
  };
  const exec = createExec(launcher);
  const engineUnder = (limits: RunLimits, keys?: KeyRing) =>
    createResticEngine({
      exec: exec.withLimits(limits),
      binary: generation.binary,
      version: generation.version,
      cacheDir: join(dir, 'cache'),
      clock: systemClock,
      hostname: hostname(),
      processes,
      keys,
      sftp: '/usr/bin/sftp',
    });
  const workDir = () => mkdtempSync(join(dir, 'work', 'run-'));
  let current = workDir();
  return {
    dir,
    exec,
    engine: engineUnder({}),
    engineUnder,
    engineWith: (keys) => engineUnder({}, keys),
    processes,
    started,
    workDir() {
      current = workDir();
      return current;
    },
    workDirInUse: () => current,
    access({ password = LABORATORY_PASSWORD, repository = join(dir, 'repo'), workDir: where = current } = {}) {
      const passwordFile = join(where, 'password');
      return {
        env: { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD_FILE: passwordFile },
        files: [{ path: passwordFile, content: password }],
        args: [],
        redact: [password],
      };
    },
    shell: (script) => ({ command: { tool: 'psql', args: ['-c', script], env: {}, files: [] }, binary: '/bin/sh' }),
    remove() {
      // A failed test may leave a process that it had stopped; its start time proves that it is still the same one.
      for (const { pid, startTime } of started) {
        if (startTime !== undefined && findStartTime(pid) === startTime) process.kill(pid, 'SIGKILL');
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Bytes that neither compress nor repeat, the same for the same seed (a linear congruential generator). */
export function writeNoise(path: string, bytes: number, seed: number): void {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed >>> 0;
  for (let index = 0; index < words.length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[index] = state ^ (state >>> 13);
  }
  writeFileSync(path, new Uint8Array(words.buffer, 0, bytes));
}
