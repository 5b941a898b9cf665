/** Agents that were seen to use the identity of a quarantined host, and which of them a person chose. In memory, bounded. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { Claimant, Directory } from '../ports.ts';

export type Claimants = Pick<
  Directory,
  'recordClaimant' | 'listClaimants' | 'chooseClaimant' | 'findChosenBoot' | 'forgetClaimants'
>;

export interface ClaimantLimits {
  claimantsPerHost: number;
  /** In all hosts together; the host heard of longest ago is forgotten first. */
  claimants: number;
}

export function createClaimants(limits: ClaimantLimits): Claimants {
  /** The host heard of last is the last of the map. */
  const hosts = new Map<HostId, { seen: Map<string, Claimant>; chosen: string | undefined }>();

  const list = (host: HostId): readonly Claimant[] =>
    [...(hosts.get(host)?.seen.values() ?? [])].sort((a, b) => b.lastSeenAt - a.lastSeenAt);

  /** The chosen one stays until it came or was given up. */
  const trimHost = (host: HostId) => {
    const entry = hosts.get(host);
    if (!entry) return;
    const surplus = list(host)
      .filter((claimant) => claimant.boot !== entry.chosen)
      .slice(limits.claimantsPerHost - (entry.chosen === undefined ? 0 : 1));
    for (const { boot } of surplus) entry.seen.delete(boot);
  };
  const trimAll = () => {
    let total = [...hosts.values()].reduce((sum, { seen }) => sum + seen.size, 0);
    for (const [host, { seen }] of hosts) {
      if (total <= limits.claimants) return;
      total -= seen.size;
      hosts.delete(host);
    }
  };

  return {
    recordClaimant(host, claimant) {
      const entry = hosts.get(host) ?? { seen: new Map<string, Claimant>(), chosen: undefined };
      const known = entry.seen.get(claimant.boot);
      const address = claimant.address ?? known?.address;
      entry.seen.set(claimant.boot, { ...claimant, address, firstSeenAt: known?.firstSeenAt ?? claimant.lastSeenAt });
      hosts.delete(host);
      hosts.set(host, entry);
      trimHost(host);
      trimAll();
    },
    listClaimants: list,
    chooseClaimant(host, boot) {
      const entry = hosts.get(host);
      if (entry) entry.chosen = boot;
    },
    findChosenBoot: (host) => hosts.get(host)?.chosen,
    forgetClaimants: (host) => void hosts.delete(host),
  };
}
