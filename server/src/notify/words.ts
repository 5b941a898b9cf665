/** A message in words, before any medium gives it a form. Nothing here is escaped; each kind of channel does that for its own medium. */
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import type { ActNews, ChannelMessage, DigestNews, RestoreEnd, RunNews } from '../core/alerts/message.ts';
import { shortenText } from '../core/alerts/text.ts';

/** `good`: nothing is to be done. The others as alerts have them. */
export type Tone = 'good' | 'notice' | 'warning' | 'critical';

export interface Fact {
  label: string;
  value: string;
}

export interface Words {
  title: string;
  tone: Tone;
  facts: readonly Fact[];
  /** Single lines, such as names. */
  lines: readonly string[];
  /** Last lines of a run's log. */
  log: readonly string[];
  link?: string | undefined;
}

const SIGNS: Readonly<Record<Tone, string>> = { good: '✅', notice: 'ℹ️', warning: '⚠️', critical: '🔴' };

/** The tone as one character that people see from afar. */
export function signOf({ tone }: Pick<Words, 'tone'>): string {
  return SIGNS[tone];
}

/** `2026-11-20 08:58 UTC`: readers are anywhere. */
function formatInstant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

function formatSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(ms / MINUTE_MS);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function describeAlert({ type, text }: ChannelMessage, alert: NonNullable<ChannelMessage['alert']>): Omit<Words, 'link'> {
  const { title, severity, detail, since, resolvedAt, lastGoodAt, count, names, log, acknowledgedBy } = alert;
  const isRaised = type === 'alert.raised';
  // What was escalated says before its title for how long nobody took it.
  const before = isRaised ? text.slice(0, Math.max(0, text.indexOf(title))) : '';
  const lead = type === 'alert.resolved' ? 'Resolved: ' : isRaised ? before : 'Acknowledged: ';
  const facts = [
    ...(isRaised ? [{ label: 'What', value: detail }] : []),
    { label: 'Since', value: formatInstant(since) },
    ...(resolvedAt === undefined ? [] : [{ label: 'Resolved', value: formatInstant(resolvedAt) }]),
    ...(type === 'alert.acknowledged' && acknowledgedBy !== undefined ? [{ label: 'By', value: acknowledgedBy }] : []),
    ...(lastGoodAt === undefined ? [] : [{ label: 'Last good backup', value: formatInstant(lastGoodAt) }]),
  ];
  const lines = isRaised && count > 1 ? [...names, ...(count > names.length ? [`and ${count - names.length} more`] : [])] : [];
  return {
    title: `${lead}${title}`,
    tone: isRaised ? severity : type === 'alert.resolved' ? 'good' : 'notice',
    facts,
    lines,
    log,
  };
}

const RUN_WORDS = {
  'run.started': ['began', 'notice'],
  'run.succeeded': ['succeeded', 'good'],
  'run.partial': ['is only partial', 'warning'],
  'run.failed': ['failed', 'critical'],
} as const;

function describeRun(type: keyof typeof RUN_WORDS, run: RunNews): Omit<Words, 'link'> {
  const [verb, tone] = RUN_WORDS[type];
  const { plan, host, repository, sources, count, bytes, durationMs, failure, finishedAt, startedAt, log } = run;
  const named = sources.map(({ name, kind }) => `${name} (${kind})`).join(', ');
  const isOver = type !== 'run.started';
  const at = isOver ? finishedAt : startedAt;
  const facts = [
    { label: 'What', value: count > sources.length ? `${named} and ${count - sources.length} more` : named },
    ...(failure === undefined ? [] : [{ label: 'Why', value: failure }]),
    { label: 'Repository', value: repository },
    ...(isOver ? [{ label: 'Size', value: formatBytes(bytes) }] : []),
    ...(isOver && durationMs !== undefined ? [{ label: 'Took', value: formatSpan(durationMs) }] : []),
    ...(at === undefined ? [] : [{ label: isOver ? 'Ended' : 'Began', value: formatInstant(at) }]),
  ];
  return { title: `Backup ${plan.name} on ${host} ${verb}`, tone, facts, lines: [], log };
}

function describeDigest(period: 'Daily' | 'Weekly', digest: DigestNews): Omit<Words, 'link'> {
  const { sources, uncovered, worst, runs, growth, anomalies, openAlerts, from, to } = digest;
  const bad = sources.unprotected + sources.atRisk + sources.unknown;
  const all = bad + sources.protected;
  const title =
    all === 0
      ? `${period} digest: nothing is to be protected yet`
      : bad === 0
        ? `${period} digest: all ${all} sources are protected`
        : `${period} digest: ${bad} of ${all} sources are not protected`;
  const added = growth.reduce((sum, { addedBytes }) => sum + addedBytes, 0);
  const facts = [
    { label: 'From', value: formatInstant(from) },
    { label: 'To', value: formatInstant(to) },
    {
      label: 'Sources',
      value: `${sources.protected} protected, ${sources.atRisk} at risk, ${sources.unprotected} unprotected, ${sources.unknown} unknown, ${sources.paused} paused`,
    },
    { label: 'In no plan', value: String(sources.withoutPlan) },
    { label: 'Found, and no source', value: String(uncovered) },
    { label: 'Backups', value: `${runs.succeeded} succeeded, ${runs.partial} partial, ${runs.failed} failed` },
    { label: 'Open alerts', value: String(openAlerts) },
    { label: 'Growth', value: formatBytes(added) },
  ];
  const lines = [
    ...worst.map(({ name, text }) => `Not protected: ${name}: ${text}`),
    ...anomalies.map(({ name, text }) => `Suspicious: ${name}: ${text}`),
    ...growth.map(
      ({ name, addedBytes, snapshots }) =>
        `Grown: ${name}: ${formatBytes(addedBytes)} in ${snapshots} ${snapshots === 1 ? 'snapshot' : 'snapshots'}`,
    ),
  ];
  const tone = sources.unprotected > 0 ? 'critical' : bad > 0 || anomalies.length > 0 ? 'warning' : 'good';
  return { title, tone, facts, lines, log: [] };
}

const RESTORE_TONES: Readonly<Record<RestoreEnd['state'], Tone>> = {
  succeeded: 'good',
  partial: 'warning',
  failed: 'critical',
  cancelled: 'notice',
  skipped: 'notice',
};

/** `text` is the message's own sentence. */
function describeRestoreEnd(text: string, { at, actor }: ActNews, restore: RestoreEnd): Omit<Words, 'link'> {
  const { state, host, bytes, durationMs, failure } = restore;
  const facts = [
    ...(failure === undefined ? [] : [{ label: 'Why', value: failure }]),
    { label: 'Host', value: host },
    { label: 'Size', value: formatBytes(bytes) },
    ...(durationMs === undefined ? [] : [{ label: 'Took', value: formatSpan(durationMs) }]),
    { label: 'Asked for by', value: actor },
    { label: 'Ended', value: formatInstant(at) },
  ];
  return { title: text, tone: RESTORE_TONES[state], facts, lines: [], log: [] };
}

function describeAct(text: string, act: ActNews): Omit<Words, 'link'> {
  const { action, at, actor, target, address, restore } = act;
  if (restore !== undefined) return describeRestoreEnd(text, act, restore);
  const facts = [
    { label: 'By', value: actor },
    { label: 'At', value: formatInstant(at) },
    ...(address === undefined ? [] : [{ label: 'From', value: address }]),
  ];
  const title = `${action.replace(/[._]/gu, ' ')}: ${target}`;
  const tone = action === 'login.failed' ? ('warning' as const) : ('notice' as const);
  return { title: title.charAt(0).toUpperCase() + title.slice(1), tone, facts, lines: [], log: [] };
}

function findWords(message: ChannelMessage): Omit<Words, 'link'> {
  const { type, alert, run, digest, act, text } = message;
  const plain = { title: text, tone: 'notice' as const, facts: [], lines: [], log: [] };
  switch (type) {
    case 'alert.raised':
    case 'alert.acknowledged':
    case 'alert.resolved':
      return alert === undefined ? plain : describeAlert(message, alert);
    case 'run.started':
    case 'run.succeeded':
    case 'run.partial':
    case 'run.failed':
      return run === undefined ? plain : describeRun(type, run);
    case 'digest.daily':
    case 'digest.weekly':
      return digest === undefined ? plain : describeDigest(type === 'digest.daily' ? 'Daily' : 'Weekly', digest);
    case 'act.done':
      return act === undefined ? plain : describeAct(text, act);
    case 'channel.test':
    case 'server.alive':
      return plain;
  }
}

/** A message in words. Whatever hosts and people wrote into it is one line each, without control or direction characters. */
export function describeMessage(message: ChannelMessage): Words {
  const words = findWords(message);
  return {
    title: shortenText(words.title, 1000),
    tone: words.tone,
    facts: words.facts.map(({ label, value }) => ({ label, value: shortenText(value, 1000) })),
    lines: words.lines.map((line) => shortenText(line, 800)),
    log: words.log.map((line) => shortenText(line, 600)),
    link: message.link,
  };
}

/** At most so many UTF-16 units, with an ellipsis, never half a character. */
export function cutText(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const cut = text.slice(0, Math.max(0, chars - 1));
  return `${/[\ud800-\udbff]$/u.test(cut) ? cut.slice(0, -1) : cut}…`;
}

const halve = (text: string): string => cutText(text, Math.max(20, Math.floor(text.length / 2)));

/** One step less of what matters least: old lines of the log, then names, then long facts, then the title, then the link. */
function shrink(words: Words): Words | undefined {
  if (words.log.length > 0) return { ...words, log: words.log.slice(1) };
  if (words.lines.length > 0) return { ...words, lines: words.lines.slice(0, -1) };
  const longest = Math.max(0, ...words.facts.map(({ value }) => value.length));
  if (longest > 40)
    return {
      ...words,
      facts: words.facts.map((fact) => (fact.value.length === longest ? { ...fact, value: halve(fact.value) } : fact)),
    };
  if (words.title.length > 40) return { ...words, title: halve(words.title) };
  if (words.facts.length > 0) return { ...words, facts: words.facts.slice(0, -1) };
  return words.link === undefined ? undefined : { ...words, link: undefined };
}

/** Renders as much as fits. `measure` counts what the medium counts: characters, or bytes of what is sent. */
export function fitWords<T>(words: Words, render: (words: Words) => T, fits: (rendered: T) => boolean): T {
  for (let left = words; ; ) {
    const rendered = render(left);
    const less = fits(rendered) ? undefined : shrink(left);
    if (less === undefined) return rendered;
    left = less;
  }
}

/** As much text as so many bytes hold. */
export function fitBytes(words: Words, render: (words: Words) => string, most: number): string {
  return fitWords(words, render, (rendered) => Buffer.byteLength(rendered) <= most);
}

/** Title apart, everything as plain lines; for media without markup. */
export function renderPlain(words: Words, { withLink = true }: { withLink?: boolean } = {}): string {
  const { facts, lines, log, link } = words;
  return [
    ...facts.map(({ label, value }) => `${label}: ${value}`),
    ...lines.map((line) => `- ${line}`),
    ...(log.length === 0 ? [] : ['', ...log]),
    ...(withLink && link !== undefined ? ['', link] : []),
  ].join('\n');
}
