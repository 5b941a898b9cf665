/** `holdfast-agent doctor`: everything that has to hold on this host, each with what to do when it does not. */
import { statSync } from 'node:fs';
import { systemClock } from '@holdfast/shared/clock.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { AgentConfig } from '../config.ts';
import { readSpec } from '../handlers/spec-put.ts';
import type { HookListing } from '../hooks/hooks.ts';
import type { JournalGlance } from '../journal/peek.ts';
import { createAgentLog } from '../log.ts';
import { openTooling } from '../tooling.ts';
import { findDrainState } from './drain-state.ts';
import { checkState } from './journal-checks.ts';
import { printJson, printLine } from './output.ts';
import { readSecretsState } from './secrets-state.ts';
import { findJournalGlance } from './stored-spec.ts';
import { type Check, checkTools } from './tool-checks.ts';

/** Installed hooks; one that cannot be used costs the runs that name it. */
function describeHooks({ directory, exists, problem, hooks, omitted }: HookListing): Check[] {
  if (!exists) return [];
  if (problem !== undefined) return [{ name: 'hooks', verdict: 'bad', text: `${directory}: ${problem}` }];
  const checks = hooks.map(
    (hook): Check => ({ name: `hook ${hook.name}`, verdict: hook.problem ? 'bad' : 'ok', text: hook.problem ?? 'can be used' }),
  );
  if (omitted > 0) checks.push({ name: 'hooks', verdict: 'note', text: `${omitted} more in ${directory} were not looked at` });
  return checks;
}

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

/** Returns whether nothing is bad. */
export async function runDoctor(config: AgentConfig, json: boolean): Promise<boolean> {
  const log = createAgentLog({ level: 'error', forPeople: true, now: systemClock.now });
  const tooling = await openTooling({ config, log });
  const checks: Check[] = [
    {
      name: 'private directory',
      verdict: tooling.workDirs.onTmpfs ? 'ok' : 'note',
      text: tooling.workDirs.onTmpfs
        ? `${tooling.workDirs.root} on tmpfs`
        : `${tooling.workDirs.root} is on disk: secrets of a run touch the disk for its duration`,
    },
    {
      name: 'children die with the agent',
      verdict: tooling.pdeathsig ? 'ok' : 'bad',
      text: tooling.pdeathsig ? 'yes' : 'no: install util-linux; give capabilities as ambient ones, not on the file',
    },
    {
      name: 'enrolment',
      verdict: tooling.hostId() ? 'ok' : 'note',
      text: tooling.hostId()
        ? `host ${tooling.hostId()} of ${config.serverUrl ?? tooling.credentials.get().serverUrl}`
        : 'not enrolled yet; run "holdfast-agent run --server URL"',
    },
  ];
  const glance = findJournalGlance(config.stateDir);
  const spec = glance?.spec && tooling.hostId() ? readSpec(tooling, glance.spec) : undefined;
  checks.push(...checkTools(tooling.inventory().reports, spec));
  checks.push(...checkState(config.stateDir, spec, glance));
  checks.push(...checkSecrets(spec, glance));
  checks.push(...checkDrain(spec, glance));
  checks.push(...checkDumpDirs(config.dumpDirs ?? []));
  checks.push(...describeHooks(tooling.hooks.list()));
  const healthy = checks.every((check) => check.verdict !== 'bad');
  if (json) printJson({ healthy, checks });
  else for (const { name, verdict, text } of checks) printLine(`${verdict.padEnd(4)}  ${name}: ${text}`);
  tooling.workDirs.close();
  return healthy;
}
