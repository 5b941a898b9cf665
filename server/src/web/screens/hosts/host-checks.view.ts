/** Whether a host is fit to keep its plans: each check with a word for how it stands, what was seen, and what to do. */
import type { HostHealth } from '@holdfast/shared/domain/host-health.ts';
import { type Html, html } from '../../html.ts';
import { icon } from '../../ui/icons.ts';
import { facts, panel, type RowView, rows } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatDuration, formatNoun } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { relativeTime } from '../../ui/time.ts';
import type { MachineView } from './host-machine.view.ts';

export interface ChecksView extends MachineView {
  /** From where on figures are worth a look. */
  health: HostHealth;
  lastSeenAt: number | undefined;
  /** Host clock minus server clock, milliseconds; and how much that matters. */
  skewMs: number | undefined;
  skewLevel: 'good' | 'warn' | 'alert' | undefined;
  /** What makes it degraded. */
  ailments: readonly { name: string; text: string }[];
}

/** Scripts that a line names. */
const HOOKS_NAMED = 8;

type Standing = 'good' | 'look' | 'bad' | 'unknown';

const WORDS: Readonly<Record<Exclude<Standing, 'good'>, StatusView>> = {
  look: { word: 'look', tone: 'at-risk', icon: 'warning' },
  bad: { word: 'bad', tone: 'unprotected', icon: 'cross' },
  unknown: { word: 'unknown', tone: 'unknown', icon: 'question' },
};

interface Check {
  name: string;
  standing: Standing;
  seen: Html | string;
}

export function checksPanel(view: ChecksView): Html | false {
  if (view.facts === undefined && view.lastSeenAt === undefined) return false;
  const checks = [
    settingsCheck(view),
    secretsCheck(view),
    clockCheck(view),
    outboxCheck(view),
    childrenCheck(view),
    toolsCheck(view),
    hooksCheck(view),
    roomCheck(view),
    journalCheck(view),
    lagCheck(view),
  ];
  const known = checks.filter((check) => check !== undefined);
  const good = known.filter(({ standing }) => standing === 'good');
  const others = known.flatMap(({ standing, ...check }) => (standing === 'good' ? [] : [{ ...check, standing }]));
  const open = others.filter(({ standing }) => standing !== 'unknown').length;
  return panel({
    title: 'Self-checks',
    aside: open > 0 ? `${formatCount(open)} to look at` : undefined,
    content: html`<div class="stack">${
      others.length > 0 &&
      rows(others.map(({ name, standing, seen }): RowView => ({ status: status(WORDS[standing]), title: name, detail: seen })))
    }${good.length > 0 && facts(good.map(({ name, seen }) => ({ label: goodLabel(name), value: seen })))}</div>`,
  });
}

/** What is in order takes one line: the sign, and the word for those who do not see it. */
function goodLabel(name: string): Html {
  return html`<span class="status tone-protected">${icon('check')}<span><span class="visually-hidden">good: </span>${name}</span></span>`;
}

/** What was found broken about this on a host that is connected: nothing is called good beside it. */
function findBroken({ ailments, standing }: ChecksView, name: string): string | undefined {
  return standing === 'online' ? ailments.find((ailment) => ailment.name === name)?.text : undefined;
}

function settingsCheck(view: ChecksView): Check {
  const { spec, standing } = view;
  const name = 'Settings';
  if (spec.has >= spec.wanted) return { name, standing: 'good', seen: `works by version ${spec.has}, the newest` };
  const behind = `works by version ${spec.has}, should work by ${spec.wanted}`;
  if (spec.tooBig === true) return { name, standing: 'bad', seen: `${behind}; the newer ones are too big to be sent` };
  const broken = findBroken(view, name);
  if (broken !== undefined) return { name, standing: 'bad', seen: `${behind}; ${broken}` };
  return {
    name,
    standing: 'look',
    seen:
      standing === 'online'
        ? `${behind}; on their way. If this stays, the reason is under Events`
        : `${behind}; sent when it is back`,
  };
}

/** A host that keeps its secrets has nothing to look at here. */
function secretsCheck(view: ChecksView): Check | undefined {
  const { secretsMode, takesSecrets, standing } = view;
  if (secretsMode === 'kept') return undefined;
  const name = 'Secrets';
  if (!takesSecrets)
    return { name, standing: 'bad', seen: 'it is to keep none, and its agent cannot be handed them; install a newer agent' };
  const broken = findBroken(view, name);
  if (broken !== undefined) return { name, standing: 'bad', seen: broken };
  if (standing === 'online') return { name, standing: 'good', seen: 'brought, in memory only' };
  return { name, standing: 'look', seen: 'it keeps none: nothing is backed up until it is connected again' };
}

function clockCheck({ skewMs, skewLevel }: ChecksView): Check {
  const name = 'Clock';
  if (skewMs === undefined) return { name, standing: 'unknown', seen: 'not compared yet' };
  const apart = Math.abs(skewMs);
  if (skewLevel === 'good' || skewLevel === undefined)
    return {
      name,
      standing: 'good',
      seen: apart < 1000 ? 'agrees with this server’s' : `${formatDuration(apart)} from this server’s`,
    };
  const side = skewMs > 0 ? 'ahead of' : 'behind';
  const standing = skewLevel === 'alert' ? 'bad' : 'look';
  return {
    name,
    standing,
    seen: `${formatDuration(apart)} ${side} this server’s; schedules follow the host’s clock, so let it keep time`,
  };
}

function outboxCheck({ health, heartbeat, standing, lastSeenAt, face }: ChecksView): Check {
  const name = 'Reports';
  if (standing !== 'online')
    return {
      name,
      standing: 'unknown',
      seen: html`nothing since ${relativeTime(lastSeenAt, face, 'it was approved')}; what it did meanwhile comes with its next connection`,
    };
  if (heartbeat === undefined) return { name, standing: 'unknown', seen: 'waits for the first sign of life' };
  const { outboxEvents, outboxBytes } = heartbeat;
  if (outboxEvents === 0) return { name, standing: 'good', seen: 'all are in' };
  const waiting = `${formatNoun(outboxEvents, 'event')} to report, ${formatBytes(outboxBytes)}`;
  if (outboxEvents < health.backlogEvents) return { name, standing: 'good', seen: waiting };
  return { name, standing: 'look', seen: `${waiting}; pages about it are behind until they are in` };
}

function childrenCheck({ facts }: ChecksView): Check | undefined {
  if (facts === undefined) return undefined;
  const name = 'Tools end with the agent';
  if (facts.pdeathsig) return { name, standing: 'good', seen: 'tried at its start' };
  return {
    name,
    standing: 'bad',
    seen: 'a killed agent could leave a truncated dump that looks good; install util-linux with setpriv',
  };
}

function toolsCheck(view: ChecksView): Check | undefined {
  const { tools } = view;
  if (tools.length === 0) return undefined;
  const missing = tools.filter((tool) => !tool.found).map((tool) => tool.tool);
  const name = 'Tools';
  const broken = findBroken(view, name);
  if (missing.length === 0 && broken !== undefined)
    return { name, standing: 'bad', seen: html`${broken} · <a href="#tools">all tools</a>` };
  if (missing.length === 0) return { name, standing: 'good', seen: `all ${formatCount(tools.length)} found` };
  return {
    name,
    standing: missing.includes('restic') ? 'bad' : 'look',
    seen: html`missing: ${missing.join(', ')} · <a href="#tools">what they cost</a>`,
  };
}

/** Nothing of a host without scripts that no plan asks for one. */
function hooksCheck({ facts, ailments }: ChecksView): Check | undefined {
  const name = 'Hooks';
  const ailment = ailments.find((one) => one.name === name);
  if (ailment !== undefined) return { name, standing: 'bad', seen: ailment.text };
  const told = facts?.hooks;
  if (told === undefined || told.usable.length + told.unusable.length === 0) return undefined;
  const unusable = told.unusable.map((hook) => hook.name);
  const seen = told.usable.length === 0 ? 'none can be used' : `can be used: ${told.usable.slice(0, HOOKS_NAMED).join(', ')}`;
  const more = told.usable.length > HOOKS_NAMED ? ` and ${formatCount(told.usable.length - HOOKS_NAMED)} more` : '';
  if (unusable.length === 0) return { name, standing: 'good', seen: `${seen}${more}` };
  return { name, standing: 'look', seen: `${seen}${more}; not: ${unusable.slice(0, HOOKS_NAMED).join(', ')}` };
}

function roomCheck({ health, heartbeat, standing }: ChecksView): Check | undefined {
  if (heartbeat === undefined || standing !== 'online') return undefined;
  const free = heartbeat.stateDiskFreeBytes;
  const name = 'Room for its journal';
  if (free >= health.roomLookBytes) return { name, standing: 'good', seen: `${formatBytes(free)} free` };
  return {
    name,
    standing: free < health.roomBadBytes ? 'bad' : 'look',
    seen: `${formatBytes(free)} free; without room it goes on backing up, but its logs are cut`,
  };
}

/** Agents of earlier versions do not tell it. */
function journalCheck({ health, heartbeat, standing }: ChecksView): Check | undefined {
  if (heartbeat?.journalBytes === undefined || standing !== 'online') return undefined;
  const name = 'Journal';
  const seen = formatBytes(heartbeat.journalBytes);
  if (heartbeat.journalTakesWrites === false)
    return { name, standing: 'bad', seen: `${seen}; its disk refuses writes, so what happens is kept in memory only` };
  if (heartbeat.journalBytes < health.journalLookBytes) return { name, standing: 'good', seen };
  return { name, standing: 'bad', seen: `${seen}; see the agent’s log for what keeps it from shrinking` };
}

function lagCheck({ health, heartbeat, standing }: ChecksView): Check | undefined {
  if (heartbeat === undefined || standing !== 'online') return undefined;
  const name = 'Agent’s delay';
  const seen = `${Math.round(heartbeat.loopLagMs)}\u00a0ms`;
  if (heartbeat.loopLagMs < health.lagLookMs) return { name, standing: 'good', seen };
  return { name, standing: 'look', seen: `${seen}; the host is short of processor or memory` };
}
