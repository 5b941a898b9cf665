/** The bar below a list: what a visitor may do with many of its rows. */
import { BULK_ACTS, type BulkAct, type BulkNoun } from '../../../core/bulk.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { Visit } from '../../http/route.ts';
import type { Urls } from '../../urls.ts';
import type { BulkBarView } from './bulk.view.ts';
import { BULK_WORDS } from './bulk-words.ts';

export const BULK_FORMS: Readonly<Record<BulkNoun, (urls: Urls) => string>> = {
  hosts: (urls) => urls.hostActs(),
  sources: (urls) => urls.sourceActs(),
  plans: (urls) => urls.planActs(),
  runs: (urls) => urls.runActs(),
  alerts: (urls) => urls.alertActs(),
  findings: (urls) => urls.findingActs(),
};

export const findBulkAct = (noun: BulkNoun, name: string): BulkAct | undefined => {
  const acts: Readonly<Record<string, BulkAct>> = BULK_ACTS[noun];
  return Object.hasOwn(acts, name) ? acts[name] : undefined;
};

/** The bar of a list, with what this visitor may do; `here` is the list as it is shown. */
export function readBulkBar({ caller, urls }: Pick<Visit, 'caller' | 'urls'>, noun: BulkNoun, here: string): BulkBarView {
  const words = BULK_WORDS[noun];
  const allowed = Object.entries(words.acts).filter(([name]) => {
    const act = findBulkAct(noun, name);
    return act !== undefined && isAllowed(caller, act.permission);
  });
  return {
    form: `${noun}-acts`,
    action: BULK_FORMS[noun](urls),
    many: noun,
    acts: allowed.map(([value, { label, isDangerous }]) => ({ value, label, isDangerous })),
    here,
  };
}
