/**
 * A run: one execution (backup, restore, …). States only move forward; terminal states are immutable.
 *
 *   queued ─▶ running ─▶ finalizing ─▶ succeeded | partial | failed | cancelled
 *     └────────────────────────────▶ skipped | cancelled | failed
 */
import * as z from 'zod';
import { ERROR_CODES } from '../errors.ts';
import { TEXT } from '../limits.ts';

export const RUN_STATES = ['queued', 'running', 'finalizing', 'succeeded', 'partial', 'failed', 'cancelled', 'skipped'] as const;
export type RunState = (typeof RUN_STATES)[number];

export const TERMINAL_STATES = ['succeeded', 'partial', 'failed', 'cancelled', 'skipped'] as const;
export type TerminalState = (typeof TERMINAL_STATES)[number];

/**
 * `forget` removes the snapshots that a plan's retention does not keep, `prune` the data that no snapshot needs any more; `check` looks for
 * damage in a repository; `drill` restores a snapshot into something that is thrown away, to prove that it works; `verify` reads snapshots to
 * their end, `delete_snapshot` removes those that a person named, `copy` stores them in a second repository; `unlock` takes locks of a repository
 * away that nobody needs any more.
 */
export const RUN_KINDS = [
  'backup',
  'restore',
  'forget',
  'check',
  'prune',
  'drill',
  'verify',
  'delete_snapshot',
  'copy',
  'unlock',
] as const;
export type RunKind = (typeof RUN_KINDS)[number];

/** What made the run start: the plan's schedule, a schedule caught up late, a person, a program with a key, or a run that ended before it. */
export const TRIGGERS = ['schedule', 'catch_up', 'manual', 'api', 'local', 'follow_up'] as const;
export type Trigger = (typeof TRIGGERS)[number];

const RANK: Record<RunState, number> = {
  queued: 0,
  running: 1,
  finalizing: 2,
  succeeded: 3,
  partial: 3,
  failed: 3,
  cancelled: 3,
  skipped: 3,
};

export function isTerminal(state: RunState): state is TerminalState {
  return RANK[state] === 3;
}

/** Whether a run in `from` may become `to`. Equal states are no transition. */
export function canMove(from: RunState, to: RunState): boolean {
  if (isTerminal(from)) return false;
  if (to === 'skipped') return from === 'queued';
  if (to === 'succeeded' || to === 'partial') return from !== 'queued';
  return RANK[to] > RANK[from];
}

/** The stages a person sees, in order. A stage that a run does not need is left out. */
export const STAGES = [
  'before',
  'preflight',
  'dump',
  'store',
  'read',
  'restore',
  'evidence',
  'safety',
  'swap',
  'forget',
  'check',
  'prune',
  'copy',
  'unlock',
  'measure',
  'after',
] as const;
export type Stage = (typeof STAGES)[number];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One line of a run's log. `n` counts from 1 without a gap within a run; `at` is epoch milliseconds on the host. */
export const logLineSchema = z.object({
  n: z.int().min(1),
  at: z.int().min(0),
  level: z.enum(LOG_LEVELS),
  text: z.string().max(TEXT.logLineBytes),
});
export type LogLine = z.infer<typeof logLineSchema>;

/** Why a run or part did not end clean: one of the closed codes, what to do included in the message. */
export const failureSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string().max(TEXT.errorChars),
  /** A stable word for the cause, such as `repository_locked`; see `domain/reason.ts`. */
  reason: z.string().max(64).optional(),
});
export type Failure = z.infer<typeof failureSchema>;

/** One check of the evidence: what was looked at, whether it held, and what was seen. */
export const evidenceSchema = z.object({
  check: z.enum([
    'exit_codes',
    'size_floor',
    'snapshot_named',
    'read_back',
    'format',
    'target_verified',
    'fully_read',
    'safety_backup',
    'repository_checked',
    'same_content',
    'assertion',
    'undamaged',
  ]),
  ok: z.boolean(),
  seen: z.string().max(500),
});
export type Evidence = z.infer<typeof evidenceSchema>;

/**
 * The state of a run from the states of its parts: all clean is clean, all skipped is skipped, a mixture is partial,
 * and nothing usable is failed. A cancelled part makes the run cancelled unless others already have a snapshot.
 */
export function combineParts(parts: readonly TerminalState[]): TerminalState {
  if (parts.length === 0) return 'failed';
  const has = (state: TerminalState) => parts.includes(state);
  const usable = has('succeeded') || has('partial');
  if (!usable && has('cancelled')) return 'cancelled';
  if (parts.every((state) => state === 'skipped')) return 'skipped';
  if (!usable) return 'failed';
  return parts.every((state) => state === 'succeeded') ? 'succeeded' : 'partial';
}
