/** Puts together what starts tools and opens secrets on this host; part of the composition root, used with and without a server. */
import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { type Clock, systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { type Crypto, createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { AgentConfig } from './config.ts';
import { createResticEngine } from './engines/restic/engine.ts';
import { createKeyRing } from './engines/restic/machine-key/key-ring.ts';
import { createOwnProcesses } from './engines/restic/own-processes.ts';
import type { Exec } from './exec/contract.ts';
import { createExec } from './exec/exec.ts';
import { findLimitTools, type LimitTools } from './exec/limits.ts';
import { checkPdeathsig } from './exec/pdeathsig.ts';
import type { Launcher, StartedProcess } from './exec/process.ts';
import { openWorkDirs, type WorkDirs } from './exec/work-dir.ts';
import { createHooks, type Hooks } from './hooks/hooks.ts';
import { type Inventory, takeInventory } from './host/tools.ts';
import { type HostCredentialStore, openHostCredentials } from './identity/host-credentials.ts';
import { loadOrCreateIdentity } from './identity/identity.ts';
import { type DrillGround, openDrillGround } from './runs/drill/ground.ts';
import type { AgentLog, Tooling } from './runs/workbench.ts';

const SETPRIV_PLACES = ['/usr/bin/setpriv', '/bin/setpriv'];

export interface HostTooling extends Tooling {
  hooks: Hooks;
  drillGround: DrillGround;
  credentials: HostCredentialStore;
  inventory(): Inventory;
  /** Looks for the tools again; true when something changed. */
  refreshInventory(): Promise<boolean>;
  /** An exec that also tells somebody of every process it starts. */
  createExecWith(hooks: { onStarted(started: StartedProcess): void; onEnded(started: StartedProcess): void }): Exec;
  /** What was held to open repositories by is held no more: this host keeps no secrets from now on. */
  forgetMachineKeys(): void;
  /** See `Workbench.rememberProcess`. */
  rememberProcess(process: { pid: number; startedAt: number; endedAt: number }): void;
  /**
   * Removes what tools left in their scratch directory that were killed between making a file and taking its name away; returns how many. For
   * the start of the agent.
   */
  sweepScratch(): number;
  launching: Launching;
}

/** What this host starts tools by, proven to work on it. */
export interface Launching {
  setpriv: string | undefined;
  /** Whether children die with this agent. */
  pdeathsig: boolean;
  limitTools: LimitTools;
  /** What does not work, as sentences. */
  warnings: readonly string[];
}

async function findSetpriv(): Promise<string | undefined> {
  for (const path of SETPRIV_PLACES) {
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here; the next place may have it.
    }
  }
  return undefined;
}

/** With less than this on the state directory's disk, tools assemble their files elsewhere (restic: packs of 16 MiB) and cache nothing. */
const ROOMY_BYTES = 256 * 1024 * 1024;

function isRoomy(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize >= ROOMY_BYTES;
}

/**
 * Where tools put their scratch files: beside the state, on disk. When that disk is nearly full and the private directories are on
 * another (tmpfs), there: memory for a few packs is worth a backup.
 */
function chooseScratch(own: string, workDirs: WorkDirs): string {
  if (isRoomy(own) || !workDirs.onTmpfs) return own;
  const scratch = join(workDirs.root, 'scratch');
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  return scratch;
}

/** OpenSSH's `sftp` is part of the package that `ssh` comes in. */
const findBeside = (ssh: string | undefined): string | undefined => (ssh === undefined ? undefined : join(dirname(ssh), 'sftp'));

export interface ToolingOptions {
  config: AgentConfig;
  log: AgentLog;
  clock?: Clock;
  crypto?: Crypto;
  /** What was found on this host before, with the same path; looked for anew unless given, which starts some thirty programs. */
  found?: { launching: Launching; inventory: Inventory } | undefined;
}

async function findLaunching(): Promise<Launching> {
  const setpriv = await findSetpriv();
  const pdeathsig = setpriv !== undefined && (await checkPdeathsig(setpriv));
  const { tools, warnings } = await findLimitTools({ setpriv: pdeathsig ? setpriv : undefined });
  return { setpriv, pdeathsig, limitTools: tools, warnings };
}

/** Opens identity, credentials and tools of the state directory. */
export async function openTooling({ config, log, ...given }: ToolingOptions): Promise<HostTooling> {
  const clock = given.clock ?? systemClock;
  const crypto = given.crypto ?? createCrypto(systemRandomBytes);
  const identity = await loadOrCreateIdentity(config.stateDir, crypto);
  const credentials = await openHostCredentials(config.stateDir);
  const tmpDir = join(config.stateDir, 'tmp');
  const cacheDir = join(config.stateDir, 'cache');
  for (const dir of [tmpDir, cacheDir]) await mkdir(dir, { recursive: true, mode: 0o700 });

  const workDirs = openWorkDirs(config.stateDir, config.workDirCandidates);

  const launching = given.found?.launching ?? (await findLaunching());
  const { setpriv, pdeathsig } = launching;
  if (!pdeathsig) {
    log.warn(
      { setpriv: setpriv ?? 'missing' },
      'children do not die with the agent on this host: install util-linux, and give capabilities as ambient ones instead of file capabilities',
    );
  }
  for (const warning of launching.warnings) log.warn({}, warning);
  const processes = createOwnProcesses(clock);
  const launcher: Launcher = {
    environment: {
      path: config.toolPath,
      home: config.home,
      get tmpDir() {
        return chooseScratch(tmpDir, workDirs);
      },
    },
    setpriv,
    limitTools: launching.limitTools,
    cancelGraceMs: PROCESS.cancelGraceMs,
  };
  const createExecWith: HostTooling['createExecWith'] = (hooks) =>
    createExec({
      ...launcher,
      onStarted(started) {
        processes.onStarted(started);
        hooks.onStarted(started);
      },
      onEnded(started) {
        processes.onEnded(started);
        hooks.onEnded(started);
      },
    });
  const exec = createExecWith({ onStarted: () => undefined, onEnded: () => undefined });
  const look = () => takeInventory({ exec, path: config.toolPath, workDir: workDirs.root });
  let inventory = given.found?.inventory ?? (await look());
  const keys = createKeyRing(clock);

  return {
    clock,
    crypto,
    identity,
    credentials,
    exec,
    workDirs,
    sweepScratch() {
      const left = readdirSync(tmpDir);
      for (const name of left) rmSync(join(tmpDir, name), { recursive: true, force: true });
      return left.length;
    },
    spoolDir: config.spoolDir ?? join(config.stateDir, 'spool'),
    dumpDirs: config.dumpDirs,
    restores: config.restores,
    log,
    launching,
    hooks: createHooks({ directory: config.hooksDir, workDirs }),
    drillGround: openDrillGround({ ...config, isRoot: process.geteuid?.() === 0 }),
    createExecWith,
    forgetMachineKeys: keys.forgetAll,
    rememberProcess: processes.remember,
    inventory: () => inventory,
    async refreshInventory() {
      const before = JSON.stringify(inventory.reports);
      inventory = await look();
      return JSON.stringify(inventory.reports) !== before;
    },
    toolbox: () => inventory,
    engine(through, onLockCleared) {
      const restic = inventory.find('restic');
      if (!restic)
        throw createReasonError(
          'tool_missing',
          `restic is not installed on this host. ${inventory.findAdvice('restic') ?? ''}`.trim(),
        );
      return createResticEngine({
        exec: through,
        binary: restic.path,
        version: restic.version,
        // A cache that cannot be written makes restic fail where it only reads; without one it is slower.
        cacheDir: isRoomy(cacheDir) ? cacheDir : undefined,
        clock,
        hostname: hostname(),
        processes,
        keys,
        sftp: findBeside(inventory.find('ssh')?.path),
        onLockCleared,
      });
    },
    hostId: () => credentials.find()?.hostId,
    serverKey: () => credentials.find()?.serverKey,
  };
}
