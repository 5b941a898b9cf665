/**
 * Stable words for causes of failure, each with its error code and the advice a person gets.
 * Engines and adapters classify a tool's exit and text into one of these; pages and alerts group by them.
 */
import { AppError, type ErrorCode } from '../errors.ts';

interface ReasonRule {
  code: ErrorCode;
  advice: string;
}

const REASONS = {
  tool_missing: { code: 'unsupported', advice: 'Install the tool on the host; see the host page for the package.' },
  tool_outdated: { code: 'unsupported', advice: 'Install a newer version of the tool on the host.' },
  dump_failed: { code: 'tool_failed', advice: 'Read the tool’s own words in the log; the backup was not stored.' },
  database_unreachable: { code: 'unavailable', advice: 'Check that the database server is up and reachable from the host.' },
  database_authentication: { code: 'tool_failed', advice: 'Check user name and password of the source.' },
  database_missing: { code: 'tool_failed', advice: 'Check the database name, or discover the databases again.' },
  database_permission: { code: 'tool_failed', advice: 'Grant the backup user the right to read this database.' },
  repository_unreachable: { code: 'unavailable', advice: 'Check that the repository is up and reachable from the host.' },
  repository_missing: {
    code: 'precondition',
    advice:
      'There is no repository at this address. Correct the address, or create the repository on its page. It is never made silently.',
  },
  repository_replaced: {
    code: 'integrity',
    advice:
      'Find out who put another repository at this address, and put the first one back, before anything is stored or removed.',
  },
  repository_exists: { code: 'conflict', advice: 'A repository is already there; use it with its own password.' },
  repository_password: { code: 'tool_failed', advice: 'Correct the repository’s password.' },
  repository_credentials: {
    code: 'tool_failed',
    advice: 'Correct the user, key or token with which the host reaches the repository.',
  },
  repository_locked: {
    code: 'conflict',
    advice: 'Wait for the other operation, or see who holds the lock. Clear it only when that process is gone.',
  },
  repository_full: { code: 'unavailable', advice: 'Make room where the repository lives, then run again.' },
  repository_damaged: {
    code: 'integrity',
    advice: 'Do not prune. Check the repository and restore from another copy if needed.',
  },
  repository_rewritten: {
    code: 'conflict',
    advice:
      'Start it again. Somebody pruned or repaired the repository, and parts that were still being read are gone; what the snapshot needs lies in new ones.',
  },
  files_unreadable: { code: 'tool_failed', advice: 'Give the agent the right to read these paths, or exclude them.' },
  source_missing: { code: 'precondition', advice: 'The path does not exist on the host. Correct it, or mount what is missing.' },
  source_link: {
    code: 'precondition',
    advice: 'Of a link only the link is stored. Name in the source what it points to, in its place.',
  },
  volume_missing: {
    code: 'precondition',
    advice: 'Mount it and back up again. Where it is meant to be away, name it in the source under “Mounts that may be away”.',
  },
  size_below_floor: {
    code: 'integrity',
    advice: 'The backup is smaller than the source allows. Check that the source is complete.',
  },
  evidence_failed: { code: 'integrity', advice: 'The stored snapshot does not show what was sent. Do not rely on it.' },
  target_not_empty: { code: 'conflict', advice: 'Choose a new name or directory, or empty the target first.' },
  target_refused: { code: 'precondition', advice: 'Choose another target.' },
  restore_refused: {
    code: 'precondition',
    advice:
      'Nothing was touched. Choose a way that the host allows, restore by hand on the host itself, or have its administrator change HOLDFAST_RESTORES there.',
  },
  restore_failed: { code: 'tool_failed', advice: 'Read the tool’s own words in the log; what was created has been removed.' },
  restore_differs: {
    code: 'integrity',
    advice:
      'Less came back than was recorded as the backup was made: the log names the tables. Restore an older snapshot, or this one into a new database to see what there is, and have a drill look at it.',
  },
  snapshot_damaged: {
    code: 'integrity',
    advice: 'The snapshot cannot be read to its end, so nothing was changed. Check the repository, and restore another snapshot.',
  },
  dump_refused: {
    code: 'precondition',
    advice: 'Nothing was changed. Choose another file or another way, or restore this one by hand.',
  },
  dump_damaged: {
    code: 'integrity',
    advice: 'Nothing was changed. Copy the file again from where it came from, and compare its size there.',
  },
  dump_changed: {
    code: 'conflict',
    advice: 'Nothing was changed. See whether it is still being written, look at it again and choose it anew.',
  },
  sessions_open: {
    code: 'conflict',
    advice: 'End the sessions in the target first, or allow the restore to end them.',
  },
  server_older: {
    code: 'precondition',
    advice: 'Restore to a newer server, or accept that the older one may not understand everything.',
  },
  safety_failed: {
    code: 'precondition',
    advice:
      'Nothing was changed, because what stands at the target could not be backed up first. Mend that, or restore without it.',
  },
  roles_refused: {
    code: 'precondition',
    advice:
      'Nothing was changed. Use a connection whose user has CREATEROLE, or is a superuser for roles that are superusers, replicate or pass over row security; make these roles by hand; or restore without roles.',
  },
  credential_refused: {
    code: 'tool_failed',
    advice: 'Start the restore again with the right user and password: what was given for this one is kept nowhere.',
  },
  credential_gone: {
    code: 'unavailable',
    advice:
      'Start it again: the user and password of a restore travel with the order alone, and the host never writes them down.',
  },
  restore_permission: {
    code: 'tool_failed',
    advice:
      'Restore as a user who may do this: give one with its password for this restore alone (“Connect as another user”), or use the connection of such a user.',
  },
  snapshot_missing: { code: 'not_found', advice: 'The snapshot is no longer in the repository.' },
  retention_frozen: {
    code: 'precondition',
    advice:
      'Nothing is removed while the newest backup is not clean, is far too old, or has a suspicious size. Put that right first.',
  },
  retention_asks: {
    code: 'precondition',
    advice: 'More than half of the backups would go in one step. Look at the preview on the page of the plan, and agree there.',
  },
  retention_changed: {
    code: 'conflict',
    advice:
      'The repository holds something else than the server knew as it planned this, so nothing was removed. The hosts of the plan tell what they find after their next run; then it is planned anew.',
  },
  removal_refused: {
    code: 'precondition',
    advice:
      'Removing takes an admin credential: give the repository one on its page, and let a person start what removes from there.',
  },
  admin_secrets_gone: {
    code: 'unavailable',
    advice: 'Start it again: the admin credential travels with the order alone, and the host never writes it down.',
  },
  drill_failed: {
    code: 'integrity',
    advice:
      'Do not rely on this backup. Read the evidence of the run: it says what came back and what was expected. Then back up again and repeat the drill.',
  },
  disk_full: { code: 'unavailable', advice: 'Make room on the host, then run again.' },
  stalled: { code: 'unavailable', advice: 'Nothing moved for too long. Check the source and the repository.' },
  timed_out: {
    code: 'unavailable',
    advice: 'The run took longer than its plan allows. Give it more time, or find out what became slow.',
  },
  hook_failed: {
    code: 'tool_failed',
    advice: 'Read the script’s own words in the log. Nothing was backed up, because the script before the backup failed.',
  },
  memory_limit: {
    code: 'precondition',
    advice:
      'Give the plan, or the host where it has one, a higher memory limit or none; the same run needs the same memory again.',
  },
  overlap: { code: 'conflict', advice: 'The earlier run of this source was still going; this one was skipped.' },
  interrupted: {
    code: 'unavailable',
    advice: 'Run it again. If it happens often, see whether the host ran out of memory or was restarted.',
  },
  expired: { code: 'cancelled', advice: 'The order reached the host too late and was not carried out. Start it again.' },
  cancelled: { code: 'cancelled', advice: 'A person cancelled this run.' },
  secrets_unreadable: { code: 'precondition', advice: 'The host cannot open its secrets. Save the source or repository again.' },
  secrets_missing: {
    code: 'unavailable',
    advice:
      'This host keeps no secrets, the server brings them. See that the server is up and the host connected; then start it again, or wait for the plan’s next run.',
  },
  unknown_failure: { code: 'tool_failed', advice: 'Read the tool’s own words in the log.' },
} as const satisfies Record<string, ReasonRule>;

export type Reason = keyof typeof REASONS;

export const REASON_NAMES = Object.keys(REASONS) as Reason[];

export function getAdvice(reason: Reason): string {
  return REASONS[reason].advice;
}

/** An error for a classified cause: `what` says what happened (the tool's own words where there are any). */
export function createReasonError(reason: Reason, what: string, cause?: unknown): AppError {
  const rule: ReasonRule = REASONS[reason];
  const text = what.endsWith('.') || what.endsWith('!') || what.endsWith('?') ? what : `${what}.`;
  return new AppError(rule.code, `${text} ${rule.advice}`, { details: { reason }, cause });
}

/** The reason an error carries, if it was made by `createReasonError`. */
export function findReason(error: AppError): Reason | undefined {
  const reason = error.details['reason'];
  return typeof reason === 'string' && Object.hasOwn(REASONS, reason) ? (reason as Reason) : undefined;
}
