/** The conditions that raise an alert, one row each: how grave it is, what it is called, and what to do about it. */
import type { Reason } from '@holdfast/shared/domain/reason.ts';

/** `notice` is worth knowing, `warning` needs somebody soon, `critical` now. */
export const SEVERITIES = ['notice', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What an alert can be about. `fleet` stands for many hosts that have the same trouble at once. */
export const THING_KINDS = ['server', 'channel', 'repository', 'plan', 'source', 'host', 'fleet'] as const;
export type ThingKind = (typeof THING_KINDS)[number];

interface ConditionRule {
  severity: Severity;
  /** In filters and histories. */
  label: string;
  /** The sentence of one alert: `what` names the thing, `count` what it holds for. */
  title(what: string, count: number): string;
}

const RULES = {
  'backup.failed': {
    severity: 'critical',
    label: 'backup failed',
    title: (what, count) => (count > 1 ? `${count} backups fail because of ${what}` : `The backup of ${what} failed`),
  },
  'backup.partial': { severity: 'warning', label: 'backup partial', title: (what) => `The backup of ${what} is only partial` },
  'backup.suspicious': {
    severity: 'warning',
    label: 'suspicious size',
    title: (what) => `The newest backup of ${what} has a suspicious size`,
  },
  'backup.overdue': {
    severity: 'critical',
    label: 'no clean backup in time',
    title: (what, count) =>
      count > 1 ? `${count} sources have no clean backup in time, because of ${what}` : `${what} has no clean backup in time`,
  },
  'source.offline': {
    severity: 'warning',
    label: 'source offline',
    title: (what) => `${what} does not answer its host`,
  },
  'fire.missed': { severity: 'warning', label: 'missed fire', title: (what) => `${what} did not run when it was due` },
  'host.silent': {
    severity: 'critical',
    label: 'host silent',
    title: (what, count) => (count > 1 ? `${count} hosts are silent` : `${what} is silent`),
  },
  'host.quarantined': { severity: 'critical', label: 'host quarantined', title: (what) => `${what} is quarantined` },
  'host.disk_low': { severity: 'warning', label: 'disk low on host', title: (what) => `${what} has little disk left` },
  'host.outdated': {
    severity: 'notice',
    label: 'agent outdated',
    title: (what, count) =>
      count > 1 ? `${count} agents are older than the server` : `The agent on ${what} is older than the server`,
  },
  'repository.unreachable': repositoryRule('repository unreachable', 'cannot be reached'),
  'repository.missing': repositoryRule('repository missing', 'is not where it should be'),
  'repository.replaced': repositoryRule('repository replaced', 'was replaced by another one'),
  'repository.password': repositoryRule('repository password', 'does not open with its password'),
  'repository.credentials': repositoryRule('repository credentials', 'refuses its user, key or token'),
  'repository.locked': repositoryRule('repository locked', 'stays locked'),
  'repository.full': repositoryRule('repository full', 'is full'),
  'repository.damaged': repositoryRule('repository damaged', 'is damaged'),
  'repository.lock_stuck': {
    severity: 'warning',
    label: 'lock stuck',
    title: (what) => `A lock stays in the repository ${what}`,
  },
  'repository.disk_low': {
    severity: 'warning',
    label: 'disk low at repository',
    title: (what) => `There is little room left for the repository ${what}`,
  },
  'repository.size': {
    severity: 'warning',
    label: 'repository above its limit',
    title: (what) => `The repository ${what} stores more than was set for it`,
  },
  'repository.certificate': {
    severity: 'warning',
    label: 'repository certificate near its end',
    title: (what) => `The certificate of the repository ${what} is near its end`,
  },
  'repository.unproven': {
    severity: 'notice',
    label: 'password not proven',
    title: (what) => `Nobody has proven lately that the password of ${what} is kept elsewhere`,
  },
  'check.failed': { severity: 'critical', label: 'check failed', title: (what) => `The check of ${what} failed` },
  'prune.failed': { severity: 'warning', label: 'prune failed', title: (what) => `The prune of ${what} failed` },
  'upkeep.overdue': {
    severity: 'warning',
    label: 'maintenance overdue',
    title: (what) => `The maintenance of ${what} is overdue`,
  },
  'snapshot.unreadable': {
    severity: 'critical',
    label: 'snapshot unreadable',
    title: (what, count) =>
      count > 1 ? `${count} snapshots in ${what} cannot be read whole` : `A snapshot in ${what} cannot be read whole`,
  },
  'copy.failed': { severity: 'warning', label: 'copy failed', title: (what) => `The copy to ${what} failed` },
  'drill.failed': {
    severity: 'critical',
    label: 'drill failed',
    title: (what) => `The backup of ${what} did not come back in a drill`,
  },
  'drill.unfinished': {
    severity: 'warning',
    label: 'drill not carried out',
    title: (what) => `The last drill of ${what} could not be carried out`,
  },
  'drill.overdue': { severity: 'warning', label: 'drill overdue', title: (what) => `A drill of ${what} is overdue` },
  'proof.overdue': {
    severity: 'warning',
    label: 'proof overdue',
    title: (what) => `The recovery of ${what} is not proven in time`,
  },
  'retention.frozen': { severity: 'warning', label: 'retention frozen', title: (what) => `Retention of ${what} is frozen` },
  'retention.waiting': {
    severity: 'notice',
    label: 'retention waits',
    title: (what) => `Retention of ${what} waits for a person`,
  },
  'retention.refused': {
    severity: 'notice',
    label: 'retention refused',
    title: (what) => `Nothing can be removed from ${what}: its credential may only add`,
  },
  'forget.failed': { severity: 'warning', label: 'retention failed', title: (what) => `Retention of ${what} failed` },
  'server.disk_low': { severity: 'critical', label: 'disk low on server', title: () => 'This server has little disk left' },
  'server.database': {
    severity: 'critical',
    label: 'server database',
    title: () => 'The database of this server does not work as it should',
  },
  'audit.broken': {
    severity: 'critical',
    label: 'audit broken',
    title: () => 'The audit of this server is not what was written',
  },
  'server.copy_old': {
    severity: 'warning',
    label: 'server not copied',
    title: () => 'The database of this server has no recent copy',
  },
  'server.certificate': {
    severity: 'warning',
    label: 'certificate near its end',
    title: () => 'The certificate of this server is near its end',
  },
  'channel.failing': { severity: 'warning', label: 'channel failing', title: (what) => `The channel ${what} does not deliver` },
} as const satisfies Record<string, ConditionRule>;

export type AlertCondition = keyof typeof RULES;
export const ALERT_CONDITIONS = Object.keys(RULES) as AlertCondition[];

function repositoryRule(label: string, trouble: string): ConditionRule {
  return {
    severity: 'critical',
    label,
    title: (what, count) => `The repository ${what} ${trouble}${count > 1 ? `: ${count} backups fail` : ''}`,
  };
}

export function getConditionRule(condition: AlertCondition): ConditionRule {
  return RULES[condition];
}

/** Causes of which every backup of a repository fails, with the condition they are of that repository. */
const REPOSITORY_CONDITIONS: Partial<Record<Reason, AlertCondition>> = {
  repository_unreachable: 'repository.unreachable',
  repository_missing: 'repository.missing',
  repository_replaced: 'repository.replaced',
  repository_password: 'repository.password',
  repository_credentials: 'repository.credentials',
  repository_locked: 'repository.locked',
  repository_full: 'repository.full',
  repository_damaged: 'repository.damaged',
};
/** Causes of which every backup of a host fails. */
const HOST_REASONS: ReadonlySet<string> = new Set<Reason>([
  'disk_full',
  'tool_missing',
  'tool_outdated',
  'secrets_unreadable',
  'secrets_missing',
]);

export interface FailureCause {
  condition: AlertCondition;
  /** What all that fail of it have in common. */
  at: 'repository' | 'host' | 'source';
}

/** What a failed backup says of: the repository or host, where its cause is theirs, else the source alone. */
export function judgeFailureCause(reason: string | undefined): FailureCause {
  const condition = Object.hasOwn(REPOSITORY_CONDITIONS, reason ?? '') ? REPOSITORY_CONDITIONS[reason as Reason] : undefined;
  if (condition !== undefined) return { condition, at: 'repository' };
  return { condition: 'backup.failed', at: HOST_REASONS.has(reason ?? '') ? 'host' : 'source' };
}

/** Whether `severity` is at least as grave as `least`. */
export function isAsGrave(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}
