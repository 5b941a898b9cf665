/** `holdfast-agent status`: what this host knows, whether or not an agent or a server is running. */
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { describePolicy } from '@holdfast/shared/domain/restore-policy.ts';
import type { AgentConfig } from '../config.ts';
import { readSpec } from '../handlers/spec-put.ts';
import { findCredentials } from '../identity/host-credentials.ts';
import { findIdentity } from '../identity/identity.ts';
import { computeNextFire } from '../scheduler/next-fire.ts';
import { AGENT_VERSION } from '../version.ts';
import { readAgentState } from './agent-state.ts';
import { findDrainState } from './drain-state.ts';
import { printJson, printLine, printTable } from './output.ts';
import { readSecretsState } from './secrets-state.ts';
import { findJournalGlance } from './stored-spec.ts';

/** Without an agent nothing fires. */
function describeNextFire({ enabled, nextFireAt }: { enabled: boolean; nextFireAt: number | null }, isRunning: boolean): string {
  if (nextFireAt === null) return enabled ? 'never' : 'paused';
  return isRunning ? new Date(nextFireAt).toISOString() : 'when the agent runs';
}

export async function runStatus(config: AgentConfig, json: boolean): Promise<void> {
  const crypto = createCrypto(systemRandomBytes);
  const identity = await findIdentity(config.stateDir, crypto);
  const credentials = await findCredentials(config.stateDir);
  const glance = findJournalGlance(config.stateDir);
  const trusted = { crypto, serverKey: () => credentials?.serverKey, hostId: () => credentials?.hostId };
  const spec = glance?.spec && credentials ? readSpec(trusted, glance.spec) : undefined;
  const now = systemClock.now();
  const plans = (spec?.plans ?? []).map((plan) => ({
    id: plan.id,
    name: plan.name,
    enabled: plan.enabled,
    sources: plan.sourceIds.length,
    schedule: plan.schedule ? `${plan.schedule.cron} ${plan.schedule.zone}` : null,
    nextFireAt: plan.enabled && plan.schedule ? (computeNextFire(plan.schedule, now) ?? null) : null,
  }));
  const agent = readAgentState(glance?.life);
  const secrets = readSecretsState(spec, glance);
  const drain = findDrainState(spec, glance, now);
  const status = {
    version: AGENT_VERSION,
    stateDir: config.stateDir,
    fingerprint: identity?.fingerprint.text ?? null,
    enrolled: credentials !== undefined,
    hostId: credentials?.hostId ?? null,
    // What the agent is told at its start goes before the address it was enrolled at.
    server: credentials === undefined ? null : (config.serverUrl ?? credentials.serverUrl),
    agent: { running: agent.running, pid: agent.pid, connectedAt: agent.connectedAt },
    specVersion: spec?.version ?? null,
    drain: drain === undefined ? null : { since: drain.since, until: drain.until, active: drain.active, waiting: drain.waiting },
    secrets,
    dumpDirs: config.dumpDirs ?? [],
    restores: config.restores ?? 'any',
    unreportedEvents: glance?.waitingEvents ?? 0,
    openRuns: glance?.openRuns ?? [],
    plans,
  };
  if (json) {
    printJson(status);
    return;
  }
  printLine(`fingerprint  ${status.fingerprint ?? 'none yet; start the agent once'}`);
  printLine(`server       ${status.server ?? 'not enrolled'}`);
  printLine(`spec         ${status.specVersion === null ? 'none yet' : `version ${status.specVersion}`}`);
  printLine(`agent        ${agent.text}`);
  if (secrets.mode === 'just_in_time') printLine(`secrets      ${secrets.text}`);
  if (status.dumpDirs.length > 0) printLine(`dump files   ${status.dumpDirs.join(', ')}`);
  if (status.restores !== 'any') printLine(`restores     ${status.restores}: ${describePolicy(status.restores)}`);
  if (drain !== undefined) printLine(`drained      ${drain.text}`);
  printLine(`unreported   ${status.unreportedEvents} events, ${status.openRuns.length} runs under way`);
  if (plans.length === 0) return;
  printLine('');
  printTable(
    ['PLAN', 'SOURCES', 'SCHEDULE', 'NEXT FIRE'],
    plans.map((plan) => [plan.name, String(plan.sources), plan.schedule ?? 'by hand', describeNextFire(plan, agent.running)]),
  );
}
