/** `holdfast-agent doctor`: everything that has to hold on this host, each with what to do when it does not. */
import { statSync } from 'node:fs';
import { systemClock } from '@holdfast/shared/clock.ts';
import type { AilmentKind } from '@holdfast/shared/domain/ailments.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { describePolicy } from '@holdfast/shared/domain/restore-policy.ts';
import type { ToolReport } from '@holdfast/shared/protocol/messages.ts';
import type { AgentConfig } from '../config.ts';
import { readSpec } from '../handlers/spec-put.ts';
import type { Hooks } from '../hooks/hooks.ts';
import { type JournalGlance, measureJournal } from '../journal/peek.ts';
import { createAgentLog } from '../log.ts';
import { openTooling } from '../tooling.ts';
import { findDrainState } from './drain-state.ts';
import { checkFit } from './fit-checks.ts';
import { checkHooks } from './hook-checks.ts';
import { checkAgent, checkClock, checkRoom, checkSettings, checkSize, checkTelling, checkWriting } from './journal-checks.ts';
import { printJson, printLine } from './output.ts';
import { readSecretsState } from './secrets-state.ts';
import { findJournalGlance } from './stored-spec.ts';
import { type Check, checkTools } from './tool-checks.ts';

/** What doctor looks at. */
export interface Sight {
  config: Pick<AgentConfig, 'stateDir'>;
  reports: readonly ToolReport[];
  /** Whether children die with the agent. */
  pdeathsig: boolean;
  hooks: Pick<Hooks, 'list' | 'findProblem'>;
  /** Undefined on a host that has none yet. */
  spec: Spec | undefined;
  glance: JournalGlance | undefined;
}

function checkChildren({ pdeathsig }: Sight): Check {
  const text = pdeathsig ? 'yes' : 'no: install util-linux; give capabilities as ambient ones, not on the file';
  return { name: 'children die with the agent', verdict: pdeathsig ? 'ok' : 'bad', text };
}

/** What makes a host degraded for its server is bad here too: what is looked at for each kind of ailment. */
export const AILMENT_CHECKS: Readonly<Record<AilmentKind, (sight: Sight) => readonly Check[]>> = {
  children: (sight) => [checkChildren(sight)],
  tools: ({ reports, spec }) => checkTools(reports, spec),
  room: ({ config }) => [checkRoom(config.stateDir)],
  journal: ({ config, glance }) => [
    ...checkWriting(config.stateDir),
    ...(glance ? [checkSize(measureJournal(config.stateDir))] : []),
  ],
  clock: ({ glance }) => (glance ? [checkClock(glance)] : []),
  settings: ({ glance }) => (glance ? checkSettings(glance) : []),
  secrets: ({ spec, glance }) => checkSecrets(spec, glance),
  hooks: ({ hooks, spec }) => checkHooks(hooks, spec),
};

/** A host that keeps no secrets backs nothing up while nobody brings them. */
function checkSecrets(spec: Spec | undefined, glance: JournalGlance | undefined): Check[] {
  const state = readSecretsState(spec, glance);
  if (state.mode === 'kept') return [];
  return [{ name: 'secrets', verdict: state.place === 'absent' && state.waitingPlans > 0 ? 'bad' : 'ok', text: state.text }];
}

/** A drained host is as somebody wants it, but a forgotten drain keeps backups waiting. */
function checkDrain(spec: Spec | undefined, glance: JournalGlance | undefined): Check[] {
  const drain = findDrainState(spec, glance, systemClock.now());
  return drain === undefined ? [] : [{ name: 'drain', verdict: 'note', text: drain.text }];
}

/** Directories of dump files that the server may ask for; one that is not there may still be mounted. */
function checkDumpDirs(dumpDirs: readonly string[]): Check[] {
  return dumpDirs.map((path): Check => {
    const isThere = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const text = isThere ? `${path}: its files may be restored` : `${path}: there is no such directory`;
    return { name: 'dump files', verdict: isThere ? 'ok' : 'note', text };
  });
}

/** A limit on what the server may restore is as somebody wants it; who restores should know of it before. */
function checkRestores({ restores = 'any' }: AgentConfig): Check[] {
  return restores === 'any' ? [] : [{ name: 'restores', verdict: 'note', text: `${restores}: ${describePolicy(restores)}` }];
}

/** Returns whether nothing is bad. */
export async function runDoctor(config: AgentConfig, json: boolean): Promise<boolean> {
  const log = createAgentLog({ level: 'error', forPeople: true, now: systemClock.now });
  const tooling = await openTooling({ config, log });
  const glance = findJournalGlance(config.stateDir);
  const spec = glance?.spec && tooling.hostId() ? readSpec(tooling, glance.spec) : undefined;
  const { reports } = tooling.inventory();
  const sight: Sight = { config, reports, pdeathsig: tooling.launching.pdeathsig, hooks: tooling.hooks, spec, glance };
  const checks: Check[] = [
    {
      name: 'private directory',
      verdict: tooling.workDirs.onTmpfs ? 'ok' : 'note',
      text: tooling.workDirs.onTmpfs
        ? `${tooling.workDirs.root} on tmpfs`
        : `${tooling.workDirs.root} is on disk: secrets of a run touch the disk for its duration`,
    },
    {
      name: 'enrolment',
      verdict: tooling.hostId() ? 'ok' : 'note',
      text: tooling.hostId()
        ? `host ${tooling.hostId()} of ${config.serverUrl ?? tooling.credentials.get().serverUrl}`
        : 'not enrolled yet; run "holdfast-agent run --server URL"',
    },
    ...(glance ? [checkAgent(spec, glance), checkTelling(glance)] : []),
    ...Object.values(AILMENT_CHECKS).flatMap((look) => look(sight)),
    ...(spec ? checkFit(spec) : []),
    ...checkDrain(spec, glance),
    ...checkDumpDirs(config.dumpDirs ?? []),
    ...checkRestores(config),
  ];
  const healthy = checks.every((check) => check.verdict !== 'bad');
  if (json) printJson({ healthy, checks });
  else for (const { name, verdict, text } of checks) printLine(`${verdict.padEnd(4)}  ${name}: ${text}`);
  tooling.workDirs.close();
  return healthy;
}
