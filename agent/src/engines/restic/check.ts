/** Looks for damage in a repository. A check that found some has done its work; its failure says so and names what is damaged. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { MAINTENANCE, PROCESS } from '@holdfast/shared/limits.ts';
import { findStartTime } from '../../exec/proc.ts';
import { classifyFailure, cleanText, type EngineFailure, showName } from './classify.ts';
import { findLockDoubt } from './lock-doubt.ts';
import { type LockCheck, settleLock } from './locks.ts';
import { planCheck } from './maintenance-args.ts';
import { type CheckLine, findPacks, parseCheckComplaint, parseMaintenanceLine } from './maintenance-parse.ts';
import { createProgressLog } from './progress-log.ts';
import { type OnLog, placeAt, type ResticHost, type ResticToolOutput, runRestic } from './restic-tool.ts';

export interface CheckInput {
  access: RepositoryAccess;
  workDir: string;
  scope: CheckScope;
  signal?: AbortSignal | undefined;
  onLog?: OnLog | undefined;
  /** Bytes read so far, of whatever kind; and packs, where restic tells of them. */
  onProgress?: ((progress: { bytes: number; packs?: { done: number; total: number } | undefined }) => void) | undefined;
  /** The repository this is for, once it is known. */
  pinnedId?: string | undefined;
  /** Told when restic may not have let its lock go: what a look for it came to. */
  onLockLook?: ((check: LockCheck) => void) | undefined;
}

export interface CheckOutcome {
  /** `repository_damaged` when damage was found; another reason when the check did not come to its end. */
  failure?: EngineFailure | undefined;
  /** Full ids of the packs that are damaged or missing, as far as restic named them. */
  damagedPacks: readonly string[];
  /** Packs whose content was read; undefined where none was, or restic does not tell. */
  packsRead?: number | undefined;
}

const ERROR_CHARS = 300;
const PACKS_KEPT = 100;

/**
 * restic copies indexes and trees into a cache of its own for each check, and leaves it where it is killed. Each life of the agent has a
 * directory for these, named after its process, so that what other lives left can be told and is removed.
 */
function openCheckCache(cacheDir: string | undefined): string | undefined {
  if (cacheDir === undefined) return undefined;
  const root = join(cacheDir, 'checks');
  const own = `${process.pid}-${findStartTime(process.pid) ?? 0}`;
  mkdirSync(join(root, own), { recursive: true, mode: 0o700 });
  for (const name of readdirSync(root)) if (name !== own) rmSync(join(root, name), { recursive: true, force: true });
  return join(root, own);
}

interface Findings {
  errors: string[];
  errorCount: number;
  packs: Set<string>;
  packsRead: number | undefined;
}

function collect(findings: Findings, line: CheckLine): void {
  if (line.kind === 'progress' && line.what === 'packs') findings.packsRead = line.done;
  if (line.kind !== 'error') return;
  for (const pack of findPacks(line.text)) if (findings.packs.size < PACKS_KEPT) findings.packs.add(pack);
  const last = findings.errors.length - 1;
  if (line.continues && last >= 0) {
    if (findings.errorCount === findings.errors.length) findings.errors[last] += ` ${line.text}`;
    return;
  }
  findings.errorCount += 1;
  if (findings.errors.length < MAINTENANCE.namedErrors) findings.errors.push(line.text);
}

/** Network and rights can fail in the middle, and restic calls that errors of the repository too. */
function judge(host: ResticHost, { result, failure }: ResticToolOutput, findings: Findings): EngineFailure | undefined {
  if (failure === undefined) return undefined;
  const isVerdict = /repository contains errors|LoadIndex returned errors/.test(result.stderr);
  if (result.ending !== 'exited' || result.exitCode !== 1 || !isVerdict) return failure;
  const reasons = findings.errors.map(
    (stderr) => classifyFailure({ exitCode: 1, signal: null, ending: 'exited', stderr }, host.capabilities).reason,
  );
  const passing = reasons.find((reason) => reason === 'repository_unreachable' || reason === 'repository_credentials');
  const isPassing = passing !== undefined && reasons.every((reason) => reason === passing);
  if (isPassing && findings.errorCount === findings.errors.length)
    return { reason: passing, message: findings.errors[0] ?? failure.message };
  const named = findings.errors.map((error) => showName(cleanText(error, ERROR_CHARS)));
  const more = findings.errorCount - named.length;
  const what = findings.errorCount === 1 ? 'restic found an error' : `restic found ${findings.errorCount} errors`;
  const list = `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  return { reason: 'repository_damaged', message: named.length === 0 ? `${what}.` : `${what}: ${list}` };
}

export async function check(host: ResticHost, input: CheckInput): Promise<CheckOutcome> {
  const findings: Findings = { errors: [], errorCount: 0, packs: new Set(), packsRead: undefined };
  const place = { ...placeAt(host, input.access), cacheDir: openCheckCache(host.cacheDir) };
  const log = createProgressLog(host.clock, input.onLog);
  let bytes = 0;
  const take = (line: CheckLine | undefined) => {
    if (line === undefined) return;
    collect(findings, line);
    log(line);
    if (line.kind === 'progress')
      input.onProgress?.({ bytes, ...(line.what === 'packs' ? { packs: { done: line.done, total: line.total } } : {}) });
  };
  const output = await runRestic(host, {
    command: planCheck(place, input.scope),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    stallMs: PROCESS.stallMs,
    patience: { retries: 10 },
    onPlainLine: (line) => take(parseMaintenanceLine(line)),
    onStderrLine: (line) => take(parseCheckComplaint(line)),
    onBytes({ readBytes }) {
      bytes = readBytes;
      input.onProgress?.({ bytes });
    },
  });
  const failure = judge(host, output, findings);
  const { result } = output;
  const stopped = failure?.reason === 'repository_damaged' ? undefined : failure;
  const doubt = findLockDoubt(result, stopped);
  // Whatever else stopped it may have kept it from its lock as well.
  await settleLock(host, input, doubt === 'none' && stopped !== undefined ? 'owed' : doubt, failure);
  return {
    failure,
    damagedPacks: [...findings.packs],
    ...(input.scope.kind === 'structure' ? {} : { packsRead: findings.packsRead }),
  };
}
