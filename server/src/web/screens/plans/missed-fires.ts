/** Missed and unknown fires as the pages of plans and hosts list them. */

import type { HostView } from '../../../core/hosts/hosts.ts';
import { findUnknownFires, UNKNOWN_COUNTED } from '../../../core/plans/missed-fires.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { MissedFire } from '../../../store/fires.ts';
import type { Page } from '../../../store/page.ts';
import type { Plan } from '../../../store/plans.ts';
import type { Clockface } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import type { MissedFiresView, UnknownFiresLine } from './missed-fires.view.ts';

export const MISSED_SHOWN = 8;

/** What a line is called and where that leads. */
export interface LineName {
  name: string;
  href?: string | undefined;
}

/** A silent host of a plan, and what the line is called. */
export interface SilentPair extends LineName {
  plan: Plan;
  host: HostView;
}

export function toMissedFiresView(
  context: CoreContext,
  face: Clockface,
  urls: Urls,
  scene: { page: Page<MissedFire>; nameOf(fire: MissedFire): LineName; pairs: readonly SilentPair[] },
): MissedFiresView {
  const unknown = scene.pairs.flatMap(({ plan, host, name, href }): UnknownFiresLine[] => {
    const found = findUnknownFires(context, plan, host);
    if (found === undefined) return [];
    const id = `${plan.id}-${host.id}`;
    return [{ id, name, href, count: found.count, orMore: found.count >= UNKNOWN_COUNTED, firstDueAt: found.firstDueAt }];
  });
  return {
    face,
    hasMore: scene.page.next !== undefined,
    unknown,
    missed: scene.page.rows.map((fire) => ({
      ...scene.nameOf(fire),
      id: `${fire.plan}-${fire.host}-${fire.fireAt}`,
      state: fire.state,
      fireAt: fire.fireAt,
      deadlineAt: fire.deadlineAt,
      isPassed: fire.passedAt !== undefined,
      ...(fire.run === undefined ? {} : { runHref: urls.run({ run: fire.run }) }),
    })),
  };
}
