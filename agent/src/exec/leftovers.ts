/**
 * What a killed agent leaves: its children die with it, but what they had started does not. A process group whose leader is gone may
 * still be at work, and its number alone proves nothing.
 */
import { findEnvironmentValue, findStartTime, listGroup, type ProcessIdentity } from './proc.ts';

/** The variable that every child of the exec room has, and that its own children inherit; see `environment.ts`. */
const MARK = 'TMPDIR';
/** A group is looked at again as long as something new is found in it, but not for ever. */
const LOOKS = 50;
/** A process that is becoming another program shows no environment for a moment. */
const LOOKS_WITHOUT_FIND = 3;

export interface LeftGroup {
  /** Got SIGKILL; each is proven to be ours. */
  ended: readonly ProcessIdentity[];
  /** In the group, but not proven to be ours: they live on. */
  unproven: readonly ProcessIdentity[];
}

/** False for one that is gone meanwhile, or that belongs to somebody else. */
function killOne(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

/**
 * Ends what is left of the group that `leader` led, on the boot on which it was started. While the leader lives, the whole group is
 * its own: only what it started can be in there. When it is gone, a member is ours when it began no earlier than the leader and has a scratch
 * directory of ours in its environment; `owns` judges that. When the number belongs to another leader, nothing is touched.
 */
export function endGroup(leader: ProcessIdentity, owns: (path: string) => boolean): LeftGroup {
  const leaderNow = findStartTime(leader.pid);
  if (leaderNow !== undefined && leaderNow !== leader.startTime) return { ended: [], unproven: [] };
  const isProven = (member: ProcessIdentity): boolean => {
    if (leaderNow !== undefined) return true;
    if (member.startTime < leader.startTime) return false;
    const mark = findEnvironmentValue(member.pid, MARK);
    return mark !== undefined && owns(mark);
  };
  const ended = new Map<number, ProcessIdentity>();
  let unproven: ProcessIdentity[] = [];
  let idle = 0;
  for (let look = 0; look < LOOKS && idle < LOOKS_WITHOUT_FIND; look += 1) {
    const members = listGroup(leader.pid).filter((member) => !ended.has(member.pid));
    const proven = members.filter(isProven);
    unproven = members.filter((member) => !proven.includes(member));
    if (members.length === 0) break;
    idle = proven.length === 0 ? idle + 1 : 0;
    for (const member of proven) {
      // The environment was read a moment ago: it must still be the same process.
      if (findStartTime(member.pid) === member.startTime && killOne(member.pid)) ended.set(member.pid, member);
    }
  }
  return { ended: [...ended.values()], unproven };
}
