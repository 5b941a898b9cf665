/** What a person reads about the roles that a restore would make. */
import type { RestoreRolesAnswer } from '@holdfast/shared/protocol/restore-roles.ts';
import type { Flash } from '../../ui/flash.ts';
import { formatNoun } from '../../ui/quantity.ts';

/** Names in one sentence. */
const NAMED = 20;

/** Names may hold anything; on a page they are one line. */
const nameRole = ({ name, isPowerful }: RestoreRolesAnswer['missing'][number]) =>
  `“${name.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd')}”${isPowerful ? ' (superuser, replication or past row security)' : ''}`;

export function describeRoles(answer: RestoreRolesAnswer): readonly Flash[] {
  const { user, mayCreate, missing, missingCount, forbiddenCount, standingCount, unknown } = answer;
  const named = missing.slice(0, NAMED).map(nameRole).join(', ');
  const more = missingCount - Math.min(missing.length, NAMED);
  const stay = standingCount === 0 ? '' : ` Already there, and left as they are: ${formatNoun(standingCount, 'role')}.`;
  const said: Flash[] = [
    missingCount === 0
      ? { tone: 'notice', text: `No role is made.${stay}` }
      : {
          tone: 'warning',
          text: `${formatNoun(missingCount, 'role')} would be made: ${named}${more > 0 ? ` and ${more} more` : ''}.${stay}`,
        },
  ];
  if (forbiddenCount > 0)
    said.push({
      tone: 'problem',
      text: mayCreate
        ? `The user ${user} of this connection may not make ${forbiddenCount} of them: that takes a superuser. The restore is refused.`
        : `The user ${user} of this connection may make no roles: that takes CREATEROLE. The restore is refused.`,
    });
  if (unknown > 0)
    said.push({
      tone: 'notice',
      text: `Left out, because nobody understands it: ${formatNoun(unknown, 'stored statement')} about roles.`,
    });
  return said;
}
