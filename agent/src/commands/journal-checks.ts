/** What `doctor` says of the state directory: its room, its journal, and what the server was told and has to tell. */
import { closeSync, fsyncSync, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { HOST_HEALTH } from '@holdfast/shared/domain/host-health.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { JournalGlance } from '../journal/peek.ts';
import { readAgentState } from './agent-state.ts';
import type { Check } from './tool-checks.ts';

const MEBIBYTE = 1024 ** 2;

function sayBytes(bytes: number): string {
  if (bytes < MEBIBYTE) return `${Math.ceil(bytes / 1024)} KiB`;
  return bytes < 10_240 * MEBIBYTE ? `${Math.round(bytes / MEBIBYTE)} MiB` : `${Math.round(bytes / 1024 / MEBIBYTE)} GiB`;
}

const saySpan = (ms: number) => (ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`);

export function judgeRoom(stateDir: string, freeBytes: number): Check {
  const text = `${stateDir}, ${sayBytes(freeBytes)} free`;
  const name = 'state directory';
  if (freeBytes >= HOST_HEALTH.roomLookBytes) return { name, verdict: 'ok', text };
  const isBad = freeBytes < HOST_HEALTH.roomBadBytes;
  return {
    name,
    verdict: isBad ? 'bad' : 'note',
    text: `${text}: make room; without any, logs are cut and new settings are refused`,
  };
}

/** A directory that does not exist yet is made at the first start. */
export function checkRoom(stateDir: string): Check {
  try {
    const { bavail, bsize } = statfsSync(stateDir);
    return judgeRoom(stateDir, bavail * bsize);
  } catch {
    return {
      name: 'state directory',
      verdict: 'note',
      text: `${stateDir} is not there yet; the agent makes it at its first start`,
    };
  }
}

/** Without an agent nothing that is due runs. */
export function checkAgent(spec: Pick<Spec, 'plans'> | undefined, glance: JournalGlance | undefined): Check {
  const { running, text } = readAgentState(glance?.life);
  const isMissed = !running && spec?.plans.some((plan) => plan.enabled && plan.schedule !== undefined) === true;
  return { name: 'agent', verdict: running ? 'ok' : isMissed ? 'bad' : 'note', text };
}

export function checkTelling({ waitingEvents, waitingBytes }: Pick<JournalGlance, 'waitingEvents' | 'waitingBytes'>): Check {
  const name = 'not told to the server yet';
  if (waitingEvents === 0) return { name, verdict: 'ok', text: 'nothing' };
  const text = `${waitingEvents} events, ${sayBytes(waitingBytes)}`;
  return { name, verdict: waitingEvents < HOST_HEALTH.backlogEvents ? 'ok' : 'note', text };
}

/** Beyond that it grows without an end: its server calls the host degraded. */
export function checkSize(bytes: number): Check {
  const isGood = bytes < HOST_HEALTH.journalLookBytes;
  const text = `${sayBytes(bytes)}: far more than its keeping times let it; see the agent's log for what keeps it from shrinking`;
  return { name: 'journal', verdict: isGood ? 'ok' : 'bad', text: isGood ? sayBytes(bytes) : text };
}

/** Tried, since a disk that was mounted anew without the right to write shows it in nothing else. Nothing of a directory that is not there yet. */
export function checkWriting(stateDir: string): Check[] {
  const path = join(stateDir, `doctor-${process.pid}.tmp`);
  try {
    const file = openSync(path, 'wx', 0o600);
    try {
      writeSync(file, 'can this be written?');
      fsyncSync(file);
    } finally {
      closeSync(file);
      unlinkSync(path);
    }
    return [];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'ENOENT') return [];
    const text = `${stateDir} cannot be written (${code}): make room, or make its disk writable; what happens is kept in memory only`;
    return [{ name: 'state directory', verdict: 'bad', text }];
  }
}

/** As the server said at the last connection. Schedules follow the host's clock, so one that is far off runs plans at other times. */
export function checkClock({ welcome }: Pick<JournalGlance, 'welcome'>): Check {
  if (welcome === undefined) return { name: 'clock', verdict: 'note', text: 'not compared with the server yet' };
  const { at, skewMs } = welcome;
  const apart = Math.abs(skewMs);
  const when = `compared at ${new Date(at).toISOString()}`;
  if (apart <= WIRE.skewWarnMs) return { name: 'clock', verdict: 'ok', text: `agrees with the server's, ${when}` };
  return {
    name: 'clock',
    verdict: apart > WIRE.skewAlertMs ? 'bad' : 'note',
    text: `${saySpan(apart)} ${skewMs > 0 ? 'ahead of' : 'behind'} the server's, ${when}; schedules follow this clock, so let it keep time`,
  };
}

/** Nothing where the server has not said which version is the newest. */
export function checkSettings({ welcome, spec }: Pick<JournalGlance, 'welcome' | 'spec'>): Check[] {
  const wanted = welcome?.specVersion;
  if (wanted === undefined) return [];
  const has = spec?.version ?? 0;
  if (has >= wanted) return [{ name: 'settings', verdict: 'ok', text: `version ${has}, the newest at the last connection` }];
  const text = `version ${has}, although the server has ${wanted} since the last connection; see the agent's log for why they were not taken`;
  return [{ name: 'settings', verdict: 'bad', text }];
}
