/** What runs and handlers work with: the rooms of the agent behind narrow doors, put together by the composition root. */
import type { FoundTool, ToolName } from '@holdfast/shared/adapters/command.ts';
import type { Clock } from '@holdfast/shared/clock.ts';
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import type { HostId, Id, IdKind, RunId } from '@holdfast/shared/domain/ids.ts';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { RestorePolicy } from '@holdfast/shared/domain/restore-policy.ts';
import type { Progress } from '@holdfast/shared/protocol/messages.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import type { OnLockCleared } from '../engines/restic/restic-tool.ts';
import type { Exec } from '../exec/contract.ts';
import type { WorkDirs } from '../exec/work-dir.ts';
import type { Hooks } from '../hooks/hooks.ts';
import type { Identity } from '../identity/identity.ts';
import type { Journal } from '../journal/journal.ts';
import type { DrillGround } from './drill/ground.ts';
import type { SecretHolder, SecretsApart } from './secrets/secret-holder.ts';

export interface AgentLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The tools this host has. */
export interface Toolbox {
  /** For PostgreSQL's clients, `serverVersion` picks the newest major that is not older than the server. */
  find(tool: ToolName, options?: { serverVersion?: string | undefined }): FoundTool | undefined;
  findAdvice(tool: ToolName): string | undefined;
}

/** What it takes to start the tools and open the secrets of this host; all that a restore by hand needs. */
export interface Tooling {
  clock: Clock;
  crypto: Crypto;
  identity: Identity;
  exec: Exec;
  workDirs: WorkDirs;
  /** Where dumps wait that are restored from a file; may be missing. */
  spoolDir: string;
  /** Directories whose dump files may be restored in the name of the server; undefined: none. */
  dumpDirs?: readonly string[] | undefined;
  /** Which restores are carried out in the name of the server; undefined: all. A restore by hand is its own. */
  restores?: RestorePolicy | undefined;
  log: AgentLog;
  toolbox(): Toolbox;
  /** The engine over this host's restic, starting its processes through `exec`; throws with reason `tool_missing` or `unsupported`. */
  engine(exec: Exec, onLockCleared?: OnLockCleared): ResticEngine;
  /** Undefined until this host is enrolled. */
  hostId(): HostId | undefined;
  serverKey(): string | undefined;
  /** Secrets that the spec of a host does not carry, because it keeps none. Undefined: nobody brings any. */
  secrets?: SecretsApart | undefined;
}

/** What runs work with besides: memory, and the way to the server. */
export interface Workbench extends Tooling {
  journal: Journal;
  /** In memory only. */
  secrets: SecretHolder;
  /** The scripts that this host's administrator installed. */
  hooks: Hooks;
  /** Where restores are tried out. */
  drillGround: DrillGround;
  createId<K extends IdKind>(kind: K): Id<K>;
  sendProgress(progress: Progress): void;
  setTimer(ms: number, callback: () => void): () => void;
  /** Tells the engine of a process of an earlier life, so that a lock it left can be proven ours. Instants in epoch milliseconds. */
  rememberProcess(process: { pid: number; startedAt: number; endedAt: number }): void;
  /** What each run may take of this host, beside the limits of its own. */
  hostLimits(): RunLimits;
  /** Remembers which processes belong to a run, so that leftovers of a crash can be proven ours. */
  execFor(run: RunId): Exec;
}

/** The binary for a planned command. Throws with the advice how to get it when it is missing. */
export function getBinary(tooling: Tooling, tool: ToolName, serverVersion?: string): string {
  const toolbox = tooling.toolbox();
  const found = toolbox.find(tool, { serverVersion });
  if (found) return found.path;
  const anyVersion = toolbox.find(tool);
  if (anyVersion) {
    throw createReasonError(
      'tool_outdated',
      `${tool} ${anyVersion.version} is older than the server ${serverVersion ?? ''}`.trim(),
    );
  }
  throw createReasonError('tool_missing', `${tool} is not installed on this host. ${toolbox.findAdvice(tool) ?? ''}`.trim());
}
