/** Draining a host from its page, and ending that. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { DRAIN } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../core/caller.ts';
import { countUnfinishedRuns, drainHost, resumeHost } from '../../core/host-drain.ts';
import type { HostView } from '../../core/hosts.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { PAGES } from '../urls.ts';
import { isShown } from './form-problem.ts';
import { readText } from './form-values.ts';
import type { DrainView } from './host-drain.view.ts';
import { getParam } from './params.ts';

/** Undefined for a host that is not drained. */
export async function readDrain(context: CoreContext, caller: Caller, host: HostView): Promise<DrainView | undefined> {
  if (host.drain === undefined || host.state !== 'active') return undefined;
  return {
    ...host.drain,
    isTakenOver: !host.drift,
    isOnline: host.standing === 'online',
    unfinished: await countUnfinishedRuns(context, caller, host.id),
  };
}

/** Does it and leads back to the host; what a person can put right is said there. */
async function act(visit: Visit, work: () => Promise<HostView>, tell: (host: HostView) => string): Promise<PageReply> {
  const to = visit.urls.host({ host: getParam(visit, 'host', idSchema('host')) });
  try {
    return { kind: 'redirect', to, flash: { tone: 'good', text: tell(await work()) } };
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { kind: 'redirect', to, flash: { tone: 'bad', text: thrown.message } };
  }
}

function postDrain(context: CoreContext, visit: Visit): Promise<PageReply> {
  const id = getParam(visit, 'host', idSchema('host'));
  const typed = readText(visit.form, 'minutes');
  const minutes = typed === '' ? DRAIN.minutes : Number(typed);
  return act(
    visit,
    () => drainHost(context, visit.caller, id, minutes),
    ({ name }) => `${name} is drained. It takes no new runs until the time below, or until you resume it.`,
  );
}

function postResume(context: CoreContext, visit: Visit): Promise<PageReply> {
  const id = getParam(visit, 'host', idSchema('host'));
  return act(
    visit,
    () => resumeHost(context, visit.caller, id),
    ({ name }) => `${name} takes runs again; what waited begins.`,
  );
}

export const HOST_DRAIN_SCREENS: readonly ScreenRoute[] = [
  { method: 'post', path: PAGES.drainHost, handle: postDrain },
  { method: 'post', path: PAGES.resumeHost, handle: postResume },
];
