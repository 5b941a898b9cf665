/** Draining a host from its page, and ending that. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { DRAIN } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../../core/caller.ts';
import { countUnfinishedRuns, drainHost, resumeHost } from '../../../core/hosts/host-drain.ts';
import { getHost, type HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { FlashMessage, PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import type { DrainView } from './host-drain.view.ts';

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

/** Leads back to how the host was: drained for as long as was left of it, or not drained. */
function findUndo({ urls }: Visit, { id, drain }: HostView, now: number): FlashMessage['undo'] {
  if (drain === undefined) return { action: urls.resumeHost({ host: id }), hidden: {} };
  const minutes = Math.max(1, Math.ceil((drain.until - now) / 60_000));
  return { action: urls.drainHost({ host: id }), hidden: { minutes: String(minutes) } };
}

/** Does it and leads back to the host; what a person can put right is said there. */
async function act(
  context: CoreContext,
  visit: Visit,
  work: () => Promise<HostView>,
  tell: (host: HostView) => string,
): Promise<PageReply> {
  const id = getParam(visit, 'host', idSchema('host'));
  const to = visit.urls.host({ host: id });
  try {
    const before = await getHost(context, visit.caller, id);
    const after = await work();
    const isChanged = before.drain?.until !== after.drain?.until;
    const undo = isChanged ? findUndo(visit, before, context.clock.now()) : undefined;
    return { kind: 'redirect', to, flash: { tone: 'good', text: tell(after), undo } };
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
    context,
    visit,
    () => drainHost(context, visit.caller, id, minutes),
    ({ name }) => `${name} is drained. It takes no new runs until the time below, or until you resume it.`,
  );
}

function postResume(context: CoreContext, visit: Visit): Promise<PageReply> {
  const id = getParam(visit, 'host', idSchema('host'));
  return act(
    context,
    visit,
    () => resumeHost(context, visit.caller, id),
    ({ name }) => `${name} takes runs again; what waited begins.`,
  );
}

export const HOST_DRAIN_SCREENS: readonly ScreenRoute[] = [
  { method: 'post', path: PAGES.drainHost, handle: postDrain },
  { method: 'post', path: PAGES.resumeHost, handle: postResume },
];
