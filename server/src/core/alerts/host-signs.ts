/** What is wrong with hosts, looked at many at a time. Pure. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import type { AlertSign, HostGlance, Thing } from '../../store/alerts.ts';
import type { AlertCondition } from './conditions.ts';
import type { HostLimits } from './rules.ts';

export const GIB = 1024 ** 3;
/** A disk that is low is so until there is half as much again. */
export const ENOUGH_RATIO = 1.5;

/** What many hosts have at once for one cause. */
export const FLEET_CONDITIONS: readonly AlertCondition[] = ['host.silent', 'host.outdated'];

export const FLEET: Thing = { kind: 'fleet', id: '' };

export interface HostLook {
  now: number;
  hosts: readonly HostGlance[];
  /** Whether hosts have had the time to come back since this server began; until then nobody new is silent. */
  isSettled: boolean;
  isOnline(host: HostId): boolean;
  findFreeBytes(host: HostId): number | undefined;
  /** Signs of these hosts before. */
  before: readonly AlertSign[];
  /** Conditions that are the fleet's already: who gets the same trouble next is counted there. */
  fleetConditions: ReadonlySet<AlertCondition>;
  serverVersion: string;
  limitsOf(host: HostGlance): HostLimits;
}

export const formatGib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** Whether version `a` is older than `b`; what is no version is not. */
export function isOlderVersion(a: string, b: string): boolean {
  const parse = (text: string) => /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})/u.exec(text)?.slice(1).map(Number);
  const [left, right] = [parse(a), parse(b)];
  if (left === undefined || right === undefined) return false;
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && (left[at] ?? 0) < (right[at] ?? 0);
}

function judgeSilence(look: HostLook, host: HostGlance, before: AlertSign | undefined): string | undefined {
  const seen = host.lastSeenAt ?? host.createdAt;
  if (look.now - seen <= look.limitsOf(host).silentMinutes * MINUTE_MS || look.isOnline(host.id)) return undefined;
  if (!look.isSettled) return before?.text;
  return host.lastSeenAt === undefined
    ? 'it was approved and has not connected yet'
    : 'it gives no sign of life; what it does is unknown';
}

function judgeDisk(look: HostLook, host: HostGlance, before: AlertSign | undefined): string | undefined {
  const free = look.findFreeBytes(host.id);
  if (free === undefined) return before?.text;
  const enough = look.limitsOf(host).diskGib * GIB * (before === undefined ? 1 : ENOUGH_RATIO);
  return free < enough ? `${formatGib(free)} are left where its agent keeps its state` : undefined;
}

/** The same trouble of many hosts at once is the fleet's. What is known of a host alone stays with it. */
function placeSigns(signs: readonly AlertSign[], { before, fleetConditions }: HostLook): readonly AlertSign[] {
  const known = new Map(before.map((sign) => [`${sign.condition} ${sign.scopeId}`, sign.thing]));
  const fresh = new Map<AlertCondition, number>();
  for (const { condition, scopeId } of signs)
    if (!known.has(`${condition} ${scopeId}`)) fresh.set(condition, (fresh.get(condition) ?? 0) + 1);
  return signs.map((sign) => {
    const thing = known.get(`${sign.condition} ${sign.scopeId}`);
    if (thing !== undefined) return { ...sign, thing };
    const isMany = fleetConditions.has(sign.condition) || (fresh.get(sign.condition) ?? 0) >= ALERTS.fleetFrom;
    return isMany && FLEET_CONDITIONS.includes(sign.condition) ? { ...sign, thing: FLEET } : sign;
  });
}

export function judgeHosts(look: HostLook): readonly AlertSign[] {
  const known = new Map(look.before.map((sign) => [`${sign.condition} ${sign.scopeId}`, sign]));
  const signs = look.hosts.flatMap((host): AlertSign[] => {
    const make = (condition: AlertCondition, text: string | undefined, since: number): AlertSign[] => {
      if (text === undefined) return [];
      const before = known.get(`${condition} ${host.id}`);
      const thing = { kind: 'host' as const, id: host.id };
      return [
        {
          scope: 'host',
          scopeId: host.id,
          subject: host.id,
          condition,
          thing,
          name: host.name,
          text,
          since: before?.since ?? since,
        },
      ];
    };
    if (host.state === 'quarantined')
      return make('host.quarantined', 'two agents used its identity; say on its page which one goes on', look.now);
    const silent = judgeSilence(look, host, known.get(`host.silent ${host.id}`));
    const { agentVersion } = host;
    const isOutdated = agentVersion !== undefined && isOlderVersion(agentVersion, look.serverVersion);
    return [
      ...make('host.silent', silent, host.lastSeenAt ?? host.createdAt),
      ...make('host.disk_low', judgeDisk(look, host, known.get(`host.disk_low ${host.id}`)), look.now),
      ...make('host.outdated', isOutdated ? `it is ${agentVersion}, the server ${look.serverVersion}` : undefined, look.now),
    ];
  });
  return placeSigns(signs, look);
}
