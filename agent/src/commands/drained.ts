/** `holdfast-agent drained`: waits until this host is drained and nothing runs any more, so that the agent can be stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { AgentConfig } from '../config.ts';
import { readSpec } from '../handlers/spec-put.ts';
import { findCredentials } from '../identity/host-credentials.ts';
import { type DrainState, findDrainState } from './drain-state.ts';
import { printJson, printLine } from './output.ts';
import { findJournalGlance } from './stored-spec.ts';

/** An order to drain that was just given may still be on its way to the agent. */
const ARRIVAL_MS = 60_000;
const LOOK_MS = 500;

async function readDrainState(stateDir: string): Promise<DrainState | undefined> {
  const credentials = await findCredentials(stateDir);
  const glance = findJournalGlance(stateDir);
  const crypto = createCrypto(systemRandomBytes);
  const trusted = { crypto, serverKey: () => credentials?.serverKey, hostId: () => credentials?.hostId };
  const spec = glance?.spec && credentials ? readSpec(trusted, glance.spec) : undefined;
  return findDrainState(spec, glance, systemClock.now());
}

/** Rejects with `precondition` when the host is not drained within a minute, or its drain ends while something runs. */
export async function runDrained(config: AgentConfig, json: boolean): Promise<void> {
  const began = systemClock.monotonicMs();
  let told = '';
  let wasDrained = false;
  for (;;) {
    const state = await readDrainState(config.stateDir);
    if (state?.active === 0) {
      if (json) printJson(state);
      else printLine(state.text);
      return;
    }
    if (state === undefined && wasDrained) throw new AppError('precondition', 'the drain ended before the last run did');
    if (state === undefined && systemClock.monotonicMs() - began >= ARRIVAL_MS)
      throw new AppError('precondition', 'this host is not drained: do that on its page first, or by the API');
    if (state !== undefined && !json && state.text !== told) printLine(state.text);
    told = state?.text ?? told;
    wasDrained = state !== undefined;
    await sleep(LOOK_MS);
  }
}
