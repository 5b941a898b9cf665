/** What is known of the machine behind a host: its facts, how it is doing right now, and the tools on it. */
import type { SecretsMode } from '@holdfast/shared/domain/plan.ts';
import type { RestorePolicy } from '@holdfast/shared/domain/restore-policy.ts';
import { type Html, type HtmlValue, html } from '../../html.ts';
import { fingerprintLine } from '../../ui/fingerprint.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatPercent } from '../../ui/quantity.ts';
import { type HostState, status } from '../../ui/status.ts';
import { type Clockface, relativeTime, stampTime } from '../../ui/time.ts';
import { SECRETS_WORDS } from './secrets-mode.view.ts';

export interface HostToolRow {
  tool: string;
  found: boolean;
  path: string | undefined;
  version: string | undefined;
  advice: string | undefined;
}

export interface HeartbeatView {
  at: number;
  loopLagMs: number;
  outboxEvents: number;
  outboxBytes: number;
  activeRuns: number;
  queuedRuns: number;
  cpuRatio: number;
  memoryUsedBytes: number;
  memoryTotalBytes: number;
  stateDiskFreeBytes: number;
  journalBytes?: number | undefined;
  journalTakesWrites?: boolean | undefined;
}

export interface HostFactsView {
  hostname: string;
  os: string;
  arch: string;
  kernel: string;
  cpus: number;
  memoryBytes: number;
  agentVersion: string;
  zone: string;
  bootedAt: number;
  pdeathsig: boolean;
  /** Directories whose dump files may be restored. */
  dumpDirs?: readonly string[] | undefined;
  /** Which restores of this server it carries out; older agents do not say. */
  restores?: RestorePolicy | undefined;
  /** Scripts that its plans may name. */
  hooks?: { usable: readonly string[]; unusable: readonly { name: string }[] } | undefined;
}

export interface MachineView {
  face: Clockface;
  standing: HostState;
  words: readonly string[];
  joinedAt: number;
  /** The one given last; undefined where it has none any more. */
  token: { givenAt: number; isUsed: boolean } | undefined;
  concurrency: number;
  /** What each run may take, in words. */
  limits: readonly { label: string; value: string }[];
  secretsMode: SecretsMode;
  /** Whether its agent can be handed secrets apart from its settings. */
  takesSecrets: boolean;
  /** Versions of the host's settings: what it works by, and what it should. */
  spec: { has: number; wanted: number; tooBig?: boolean };
  facts: HostFactsView | undefined;
  heartbeat: HeartbeatView | undefined;
  tools: readonly HostToolRow[];
}

/** What the host's administrator lets this server restore. */
const RESTORES_WORDS: Readonly<Record<RestorePolicy, string>> = {
  any: 'in every way',
  beside: 'only beside what is there',
  none: 'none: its administrator refuses them',
};

export function factsPanel(view: MachineView): Html {
  const { face } = view;
  const known = view.facts;
  const machine: readonly { label: string; value: HtmlValue }[] =
    known === undefined
      ? []
      : [
          { label: 'Own name', value: html`<code>${known.hostname}</code>` },
          { label: 'System', value: `${known.os} · ${known.arch}` },
          { label: 'Kernel', value: known.kernel },
          { label: 'Processors', value: formatCount(known.cpus) },
          { label: 'Memory', value: formatBytes(known.memoryBytes) },
          { label: 'Zone', value: known.zone },
          { label: 'Started', value: relativeTime(known.bootedAt, face) },
          { label: 'Agent', value: known.agentVersion },
          ...(known.restores === undefined ? [] : [{ label: 'Restores from here', value: RESTORES_WORDS[known.restores] }]),
          ...(known.dumpDirs ?? []).map((path) => ({ label: 'Offers dump files in', value: html`<code>${path}</code>` })),
        ];
  return panel({
    title: 'Facts',
    content: facts([
      { label: 'Fingerprint', value: fingerprintLine(view.words) },
      ...machine,
      { label: 'Runs at once', value: formatCount(view.concurrency) },
      ...(view.limits.length === 0
        ? []
        : [{ label: 'Limits of each run', value: view.limits.map(({ label, value }) => `${label} ${value}`).join(', ') }]),
      { label: 'Secrets', value: SECRETS_WORDS[view.secretsMode] },
      { label: 'Joined', value: stampTime(view.joinedAt, face) },
      ...(view.token === undefined
        ? []
        : [
            {
              label: 'Token',
              value: html`given ${relativeTime(view.token.givenAt, face)}${!view.token.isUsed && html` <span class="quiet">not used yet</span>`}`,
            },
          ]),
    ]),
  });
}

export function heartbeatPanel({ heartbeat, face, standing }: MachineView): Html | false {
  if (heartbeat === undefined || standing !== 'online') return false;
  const { memoryUsedBytes, memoryTotalBytes } = heartbeat;
  return panel({
    title: 'Right now',
    aside: relativeTime(heartbeat.at, face),
    content: facts([
      { label: 'Runs', value: `${heartbeat.activeRuns} running · ${heartbeat.queuedRuns} waiting` },
      { label: 'Processor', value: formatPercent(heartbeat.cpuRatio) },
      { label: 'Memory used', value: `${formatBytes(memoryUsedBytes)} of ${formatBytes(memoryTotalBytes)}` },
    ]),
  });
}

export function toolsPanel({ tools }: MachineView): Html {
  const missing = tools.filter((tool) => !tool.found);
  const found = tools.filter((tool) => tool.found);
  return panel({
    id: 'tools',
    title: 'Tools',
    aside: missing.length > 0 ? `${formatCount(missing.length)} missing` : undefined,
    content:
      tools.length === 0
        ? html`<p class="quiet">The agent says what it found when it connects.</p>`
        : html`<div class="stack">${
            missing.length > 0 &&
            rows(
              missing.map((tool) => ({
                status: status({ word: 'missing', tone: 'at-risk', icon: 'warning' }),
                title: html`<code>${tool.tool}</code>`,
                detail: tool.advice,
              })),
            )
          }${facts(
            found.map((tool) => ({
              label: html`<code title="${tool.path}">${tool.tool}</code>`,
              value: html`<span class="num">${tool.version}</span>`,
            })),
          )}</div>`,
  });
}
