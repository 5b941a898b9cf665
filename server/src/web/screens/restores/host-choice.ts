/** A host among those that a restore may go to. */
import type { HostView } from '../../../core/hosts/hosts.ts';
import { takesRestores } from '../../../core/restores/host-policy.ts';
import type { PlaceChoice } from './restore.view.ts';

type Choosable = Pick<HostView, 'facts' | 'standing'>;

/** Whether it can be chosen now. */
export function isOpenHost(host: Choosable): boolean {
  return host.standing === 'online' && takesRestores(host);
}

/** Why it cannot; undefined where it can. */
export function sayWhyClosed(host: Choosable): string | undefined {
  if (!takesRestores(host)) return 'takes no restores';
  return host.standing === 'online' ? undefined : host.standing;
}

export function toHostChoice(host: Choosable & Pick<HostView, 'id' | 'name'>): PlaceChoice {
  const why = sayWhyClosed(host);
  return { value: host.id, label: why === undefined ? host.name : `${host.name} (${why})`, disabled: why !== undefined };
}
