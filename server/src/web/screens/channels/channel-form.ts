/** `/settings/channels/new` and `/settings/channels/:channel/edit`. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { createChannel, fieldsOf, getChannel, getChannelKind, updateChannel } from '../../../core/alerts/channels.ts';
import { EVERY_ALERT, readSubscription, type Subscription } from '../../../core/alerts/subscription.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { ChannelDoor, ChannelKind } from '../../../notify/channel.ts';
import type { Channel } from '../../../store/channels.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { PAGES } from '../../urls.ts';
import { type FormValues, listDefaults, readAdapterForm, readTypedValues, toAdapterSections } from '../forms/adapter-form.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { readSought } from '../forms/offer.ts';
import { findParts, getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import { channelFormPage, chooseChannelPage } from './channel-form.view.ts';
import { buildSubscriptionSections, readPlanBoxes, readSubscriptionForm, SUBSCRIBED } from './channel-subscription.ts';

interface Draft {
  kind: ChannelKind;
  saved?: Channel | undefined;
}

interface Filling {
  name: string;
  values: FormValues;
  subscription: Subscription;
  problem: FormProblem;
  /** Secrets were typed that a new page cannot hold. */
  secretsGone?: boolean;
}

async function replyForm(context: CoreContext, visit: Visit, { kind, saved }: Draft, filling: Filling): Promise<PageReply> {
  const { urls } = visit;
  const { name, values, subscription, problem, secretsGone = false } = filling;
  const stored = Object.keys(saved?.secrets ?? {});
  const list = { label: 'Channels', href: urls.channels() };
  const href = saved === undefined ? urls.channels() : urls.channel({ channel: saved.id });
  const action = saved === undefined ? urls.addChannel({ kind: kind.kind }) : urls.editChannel({ channel: saved.id });
  const narrowing = { subscription, errors: problem.fields };
  const part = await findParts(visit, {
    async [fieldPartId(SUBSCRIBED)]() {
      const { field, search } = await readPlanBoxes(context, visit, narrowing, action);
      return foundChoices(field, search);
    },
  });
  if (part) return part;
  const view = {
    title: saved === undefined ? 'Add channel' : `Edit ${saved.name}`,
    heading: saved === undefined ? 'Add a channel' : `Edit ${saved.name}`,
    crumbs:
      saved === undefined
        ? [list, { label: 'Add channel', href: urls.addChannel() }, { label: kind.label }]
        : [list, { label: saved.name, href }, { label: 'Edit' }],
    action,
    cancelHref: href,
    kindLabel: kind.label,
    summary: kind.summary,
    name: { value: name, error: problem.fields['name'] },
    sections: [
      ...toAdapterSections(kind.fields, { values, stored, problem }),
      ...(await buildSubscriptionSections(context, visit, kind.hears, narrowing, action)),
    ],
    problem: problem.text,
    secretsGone,
    version: saved && (Number(findText(visit.form, 'version', 12) ?? saved.version) || saved.version),
  };
  const status = hasProblem(problem) ? 422 : 200;
  return { kind: 'page', status, html: channelFormPage(await buildShell(context, visit, 'channels'), view) };
}

async function showAdd(context: CoreContext, visit: Visit, { kinds }: ChannelDoor): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const chosen = kinds.find(({ kind }) => kind === findText(visit.query, 'kind'));
  if (chosen !== undefined)
    return replyForm(
      context,
      visit,
      { kind: chosen },
      { name: '', values: listDefaults(chosen.fields), subscription: EVERY_ALERT, problem: NO_PROBLEM },
    );
  const { urls } = visit;
  const choices = kinds.map(({ kind, label, summary }) => ({ label, summary, href: urls.addChannel({ kind }) }));
  const shell = await buildShell(context, visit, 'channels');
  return { kind: 'page', html: chooseChannelPage(shell, { listHref: urls.channels(), choices }) };
}

async function readSaved(context: CoreContext, visit: Visit, { kinds }: ChannelDoor): Promise<Draft & { saved: Channel }> {
  demand(visit.caller, 'channel.manage');
  const saved = await getChannel(context, visit.caller, getParam(visit, 'channel', idSchema('channel')));
  return { saved, kind: getChannelKind(kinds, saved.kind) };
}

async function answerPost(context: CoreContext, visit: Visit, draft: Draft, { kinds }: ChannelDoor): Promise<PageReply> {
  const { caller, form, urls } = visit;
  const { kind, saved } = draft;
  const name = readText(form, 'name');
  const subscription = await readSubscriptionForm(context, kind.hears, visit, saved && readSubscription(saved));
  if (readSought(visit, SUBSCRIBED).isAsked) {
    const values = readTypedValues(kind.fields, form);
    const secretsGone = Object.keys(readAdapterForm(kind.fields, form).secrets).length > 0;
    return replyForm(context, visit, draft, { name, values, subscription, problem: NO_PROBLEM, secretsGone });
  }
  const input = { name, subscription, ...readAdapterForm(kind.fields, form) };
  const version = Number(readText(form, 'version')) || undefined;
  try {
    const channel =
      saved === undefined
        ? await createChannel(context, caller, kinds, { ...input, kind: kind.kind })
        : await updateChannel(context, caller, kinds, saved.id, input, version);
    const text = `${channel.name} is saved. Next: send a test.`;
    return { kind: 'redirect', to: urls.channel({ channel: channel.id }), flash: { tone: 'good', text } };
  } catch (thrown) {
    const values = readTypedValues(kind.fields, form);
    return replyForm(context, visit, draft, { name, values, subscription, problem: toFormProblem(thrown) });
  }
}

export function createChannelFormScreens(door: ChannelDoor): readonly ScreenRoute[] {
  return [
    { method: 'get', path: PAGES.addChannel, handle: (context, visit) => showAdd(context, visit, door) },
    {
      method: 'post',
      path: PAGES.addChannel,
      async handle(context, visit) {
        demand(visit.caller, 'channel.manage');
        return answerPost(context, visit, { kind: getChannelKind(door.kinds, findText(visit.query, 'kind') ?? '') }, door);
      },
    },
    {
      method: 'get',
      path: PAGES.editChannel,
      async handle(context, visit) {
        const draft = await readSaved(context, visit, door);
        const values = { ...listDefaults(draft.kind.fields), ...fieldsOf(draft.saved) };
        const { name } = draft.saved;
        return replyForm(context, visit, draft, {
          name,
          values,
          subscription: readSubscription(draft.saved),
          problem: NO_PROBLEM,
        });
      },
    },
    {
      method: 'post',
      path: PAGES.editChannel,
      handle: async (context, visit) => answerPost(context, visit, await readSaved(context, visit, door), door),
    },
  ];
}
