/** How a restore ended, for the channels that hear of restores: who asked for it, where it went, and what came of it. */
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { ChannelMessage, RestoreEnd } from '../core/alerts/message.ts';
import { redactLine, shortenText } from '../core/alerts/text.ts';
import type { CoreContext } from '../core/ports.ts';
import type { Run } from '../store/runs.ts';

/** Its name among the acts. */
const RESTORE_ENDED = 'restore.ended';

const STATE_VERBS: Readonly<Record<RestoreEnd['state'], string>> = {
  succeeded: 'succeeded',
  partial: 'is only partial',
  failed: 'failed',
  cancelled: 'was cancelled',
  skipped: 'was skipped',
};

type EndedRun = Run & { state: RestoreEnd['state'] };

/** A restore that is over; a drill tells of itself. */
export function isEndedRestore(run: Run): run is EndedRun {
  return run.kind === 'restore' && isTerminal(run.state);
}

/** An end that was only presumed may be told anew by the host, as another one. */
export function topicOfEnd({ id, state }: EndedRun): string {
  return `${id} ${RESTORE_ENDED} ${state}`;
}

/** Where it went, as it follows the name of what was restored. */
function describeTarget(target: RestoreTarget | undefined): string {
  switch (target?.kind) {
    case undefined:
      return 'to its host';
    case 'database':
      return `into the database ${target.database}`;
    case 'in_place':
      return 'in place';
    case 'directory':
      return `into ${target.path}`;
    case 'archive':
    case 'file':
      return `as ${target.path}`;
  }
}

/** What it is told as; the link is the address of the run's page. */
export async function composeRestoreMessage({ store, clock }: CoreContext, run: EndedRun, link: string): Promise<ChannelMessage> {
  const { tenant, id, state, target, bytes, durationMs, requestedBy } = run;
  const [host, parts] = await Promise.all([store.hosts.findHost(tenant, run.host), store.runs.listParts(tenant, id)]);
  const ids = parts.slice(0, OUTGOING.namedMembers).map(({ source }) => source);
  const names = (await store.sources.findSources(tenant, ids)).map(({ name }) => name);
  const failure = run.failure ?? parts.find((part) => part.failure !== undefined)?.failure;
  const hostName = shortenText(host?.name ?? 'a deleted host', 200);
  const what = shortenText(names.length === 0 ? 'a deleted source' : names.join(', '), 200);
  const into = shortenText(describeTarget(target), 300);
  const at = run.finishedAt ?? clock.now();
  const restore: RestoreEnd = {
    run: id,
    state,
    host: hostName,
    into,
    bytes: Math.max(0, Math.round(bytes)),
    ...(durationMs === undefined ? {} : { durationMs: Math.max(0, Math.round(durationMs)) }),
    ...(failure === undefined || state === 'succeeded' ? {} : { failure: redactLine(failure.message, 1000) }),
  };
  const actor = shortenText(requestedBy ?? hostName, 200);
  return {
    type: 'act.done',
    at,
    text: `Restore of ${what} ${into} on ${hostName} ${STATE_VERBS[state]}`,
    link,
    act: { action: RESTORE_ENDED, at, actor, target: what, restore },
  };
}
