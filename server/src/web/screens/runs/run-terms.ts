/** How a restore went about it, as its page tells: only what somebody wished. */
import type { RestoreOptions, RoleChoice } from '@holdfast/shared/domain/restore.ts';
import { formatNoun } from '../../ui/quantity.ts';
import type { RunFact } from './run.view.ts';

const ROLES: Readonly<Record<RoleChoice, string>> = {
  needed: 'those that owners and grants name are made',
  all: 'all that were stored are made',
};

export function listTerms(options: RestoreOptions = {}): readonly RunFact[] {
  const {
    endSessions,
    safetyBackup,
    readFirst,
    acceptOlderServer,
    acceptLittleRoom,
    keepPrivileges,
    owners,
    jobs,
    roles,
    downloadKiBps,
    connectAs,
  } = options;
  const wished: readonly (readonly [string, string | false])[] = [
    ['connected as', connectAs !== undefined && `${connectAs}, whose password is kept nowhere`],
    ['safety backup', safetyBackup === false && 'waived'],
    ['sessions of others', endSessions === true && 'ended where the way needs it'],
    ['first read', readFirst === true && 'the whole backup, before anything was made'],
    ['older server', acceptOlderServer === true && 'accepted'],
    ['small disk', acceptLittleRoom === true && 'accepted'],
    ['setuid bits and devices', keepPrivileges === true && 'kept'],
    ['owners and grants', owners === false && 'left out'],
    ['roles', roles !== undefined && ROLES[roles]],
    ['connections', jobs !== undefined && `${formatNoun(jobs, 'connection')}, by way of the host’s disk`],
    ['speed limit', downloadKiBps !== undefined && `${downloadKiBps} KiB/s`],
  ];
  return wished.flatMap(([label, value]) => (value === false ? [] : [{ label, value }]));
}
