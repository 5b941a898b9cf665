/** Where a restore is proposed to write: a directory that the agent of the host may make. */
import type { HostView } from '../../../core/hosts/hosts.ts';

const USUAL = '/restore';

/** What the host told; the usual directory for one that told nothing. */
export function getRestoreBase(host: Pick<HostView, 'facts'> | undefined): string {
  return host?.facts?.restoreDir ?? USUAL;
}

/** Why it is another directory than usual; undefined where it is not. */
export function explainRestoreBase(host: Pick<HostView, 'facts' | 'name'> | undefined): string | undefined {
  const base = getRestoreBase(host);
  if (host === undefined || base === USUAL) return undefined;
  return `The agent of ${host.name} may not write to ${USUAL}; below ${base} it may.`;
}
