/**
 * Notices that the host stood still while restic worked: asleep, frozen, or paused with its virtual machine. restic renews its lock every five
 * minutes, and others hold a lock of thirty minutes to be abandoned: they may remove it and prune what is stored but not yet part of a
 * snapshot. A restic that does not watch its own lock goes on after such a pause as if nothing had happened.
 */
import type { Capabilities } from './capabilities.ts';
import type { EngineFailure } from './classify.ts';

/** Together with the five minutes since the lock was last renewed this stays well below thirty. */
const LONGEST_PAUSE_MS = 10 * 60_000;
const LOOK_MS = 1000;

export interface SleepWatch {
  /** Looks a last time and stops looking; the failure when the host stood still for too long since the start, however well restic ended. */
  end(): EngineFailure | undefined;
}

/**
 * `uptimeMs` counts the time since boot, sleep included; `onSleep` is called once, at the first look after a pause that was too long. Watches nothing
 * where restic looks after its lock itself.
 */
export function watchSleep(
  { watchesOwnLock }: Pick<Capabilities, 'watchesOwnLock'>,
  uptimeMs: () => number,
  onSleep: () => void,
): SleepWatch {
  if (watchesOwnLock) return { end: () => undefined };
  let lookedAt = uptimeMs();
  let pauseMs: number | undefined;
  const look = () => {
    const now = uptimeMs();
    const isFirst = pauseMs === undefined && now - lookedAt > LONGEST_PAUSE_MS;
    if (isFirst) pauseMs = now - lookedAt;
    lookedAt = now;
    if (isFirst) onSleep();
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    end() {
      clearInterval(timer);
      look();
      return pauseMs === undefined ? undefined : describePause(pauseMs);
    },
  };
}

function describePause(pauseMs: number): EngineFailure {
  return {
    reason: 'stalled',
    message: `The host stood still for ${Math.round(pauseMs / 60_000)} minutes while restic held its lock, which others may have taken for abandoned meanwhile; what was stored is not relied on. restic 0.15 or newer notices this itself.`,
  };
}
