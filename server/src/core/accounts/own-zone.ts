/** The time zone in which a person reads times, which is theirs alone to choose. */
import type { UserId } from '@holdfast/shared/domain/ids.ts';
import { zoneSchema } from '@holdfast/shared/domain/schedule.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { recordAct } from '../audit.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** The zone a person chose; undefined where they chose none, and for a key. */
export async function findOwnZone(context: CoreContext, caller: Caller): Promise<string | undefined> {
  if (caller.actor.kind !== 'user') return undefined;
  return (await context.store.people.findUser(caller.tenant, caller.actor.id as UserId))?.zone;
}

/**
 * A person chooses the zone in which pages show them times; undefined takes the installation's. Holds from the next page on. Throws
 * `forbidden` for a caller that is no person, and `invalid` naming `zone`.
 */
export async function changeZone(context: CoreContext, caller: Caller, zone: string | undefined): Promise<void> {
  if (caller.actor.kind !== 'user') throw new AppError('forbidden', 'only a person has a time zone of their own');
  const checked = zoneSchema.optional().safeParse(zone);
  if (!checked.success)
    throw new AppError('invalid', 'this is no time zone the server knows, such as Europe/Berlin', { details: { field: 'zone' } });
  const { id, name } = caller.actor;
  await context.store.people.updateZone(caller.tenant, id as UserId, checked.data);
  await recordAct(context, caller, {
    action: 'user.zone_changed',
    target: { kind: 'user', id, name },
    change: { zone: checked.data ?? null },
  });
}
