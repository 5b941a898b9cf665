/** `/settings/channels/:channel/messages/:delivery`: what one message says, and each attempt at it. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { getChannel, getDelivery } from '../../../core/alerts/channels.ts';
import { messageSchema } from '../../../core/alerts/message.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { ChannelDoor } from '../../../notify/channel.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { DELIVERY_PART, type DeliveryView, deliveryPage, deliveryPart } from './delivery-page.view.ts';

async function showDelivery(context: CoreContext, visit: Visit, { kinds }: ChannelDoor): Promise<PageReply> {
  const { caller, urls } = visit;
  const channel = await getChannel(context, caller, getParam(visit, 'channel', idSchema('channel')));
  const id = getParam(visit, 'delivery', idSchema('delivery'));
  const { delivery, attempts } = await getDelivery(context, caller, id);
  if (delivery.channel !== channel.id) throw new AppError('not_found', 'there is no such message to this channel');
  const message = messageSchema.safeParse(JSON.parse(delivery.body)).data;
  const { alert, run } = message ?? {};
  const href = urls.channel({ channel: channel.id });
  const view: DeliveryView = {
    face: readClockface(context, visit),
    here: urls.delivery({ channel: channel.id, delivery: id }),
    crumbs: [{ label: 'Channels', href: urls.channels() }, { label: channel.name, href }, { label: 'Message' }],
    id,
    state: delivery.state,
    text: message?.text ?? delivery.kind,
    kind: delivery.kind,
    channelKind: kinds.find(({ kind }) => kind === channel.kind)?.label ?? channel.kind,
    createdAt: delivery.createdAt,
    dueAt: delivery.dueAt,
    about:
      delivery.alert !== undefined && alert !== undefined
        ? { label: alert.title, href: urls.alert({ alert: delivery.alert }) }
        : run !== undefined
          ? { label: `Backup ${run.plan.name} on ${run.host}`, href: urls.run({ run: run.id }) }
          : undefined,
    log: alert?.log ?? run?.log ?? [],
    attempts,
  };
  if (wantsPart(visit, DELIVERY_PART)) return { kind: 'page', html: deliveryPart(view) };
  return { kind: 'page', html: deliveryPage(await buildShell(context, visit, 'channels'), view) };
}

export function createDeliveryScreens(door: ChannelDoor): readonly ScreenRoute[] {
  return [{ method: 'get', path: PAGES.delivery, handle: (context, visit) => showDelivery(context, visit, door) }];
}
