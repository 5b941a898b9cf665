/** Settings of the whole installation: typed, described, changed one by one and audited. What is not set has its default. */
import { zoneSchema } from '@holdfast/shared/domain/schedule.ts';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import * as z from 'zod';
import { assertProven } from './accounts/proof-age.ts';
import { createFieldsError } from './adapters/adapter-input.ts';
import { TOPICS } from './bus.ts';
import { type Caller, demand } from './caller.ts';
import type { CoreContext } from './ports.ts';
import { demandVersion, findSettingVersion, readSetting, writeSetting } from './stored-setting.ts';

/** What settings may hold: texts by characters, lists by entries. */
const SETTINGS = { labelChars: 60, hrefChars: 500, links: 10, nightHostsMin: 4, nightHostsMax: 60, confirmMinMost: 720 } as const;

const label = z.string().trim().min(1, 'is needed').max(SETTINGS.labelChars);
const linkSchema = z.strictObject({
  label,
  /** Of another site: a runbook, a wiki. */
  href: z
    .url({ protocol: /^https?$/u, error: 'must be an address that begins with https:// or http://' })
    .max(SETTINGS.hrefChars),
});

export const installationSchema = z.strictObject({
  name: z.string().trim().max(SETTINGS.labelChars, `may have ${SETTINGS.labelChars} characters`).default(''),
  zone: zoneSchema.default('UTC'),
  nightHosts: z.int().min(SETTINGS.nightHostsMin).max(SETTINGS.nightHostsMax).default(12),
  firstSteps: z.boolean().default(true),
  confirmAfterMin: z.int().min(1).max(SETTINGS.confirmMinMost).default(10),
  links: z.array(linkSchema).max(SETTINGS.links, `there may be ${SETTINGS.links} links`).default([]),
});
export type Installation = z.infer<typeof installationSchema>;
export type InstallationKey = keyof Installation;

const SETTING = {
  key: 'installation',
  schema: installationSchema,
  name: 'the installation',
  action: 'settings.updated',
} as const;

export type SettingType = 'string' | 'number' | 'boolean' | 'json';

export interface SettingDescription {
  key: InstallationKey;
  type: SettingType;
  label: string;
  description: string;
}

/** In the order of the page. */
export const INSTALLATION_SETTINGS: readonly SettingDescription[] = [
  {
    key: 'name',
    type: 'string',
    label: 'Name of this installation',
    description: 'Stands under the product’s name on every page, so that several servers are told apart.',
  },
  {
    key: 'zone',
    type: 'string',
    label: 'Time zone',
    description: 'In which times are shown to everybody who chose none. Schedules have zones of their own.',
  },
  {
    key: 'nightHosts',
    type: 'number',
    label: 'Hosts in the drawing of the last 24 hours',
    description: `From ${SETTINGS.nightHostsMin} to ${SETTINGS.nightHostsMax}. Hosts with trouble come first.`,
  },
  {
    key: 'firstSteps',
    type: 'boolean',
    label: 'Show the first steps on the overview',
    description: 'Until the first backup is there.',
  },
  {
    key: 'confirmAfterMin',
    type: 'number',
    label: 'Minutes until a session has to confirm who it is',
    description: `From 1 to ${SETTINGS.confirmMinMost}. Whoever signed in, or typed their password, longer ago is asked for it before hosts are let in or thrown out, before credentials, keys and people are changed, and before a restore that overwrites something.`,
  },
  {
    key: 'links',
    type: 'json',
    label: 'Links of your own',
    description: `In the side bar of everybody, such as to a runbook: a JSON list like [{"label": "Runbook", "href": "https://wiki.example.com/backups"}], at most ${SETTINGS.links}.`,
  },
];

export function readInstallation(context: Pick<CoreContext, 'store'>): Promise<Installation> {
  return readSetting(context, SETTING);
}

export async function getInstallation(context: CoreContext, caller: Caller): Promise<Installation> {
  demand(caller, 'view');
  return readInstallation(context);
}

/** What the settings come to: to be given back with a change that is made for them. */
export function findInstallationVersion(settings: Installation): number {
  return findSettingVersion(SETTING, settings);
}

/** Takes what is given and leaves the rest. `invalid` names each setting at fault, `conflict` where they have another version. */
export async function updateInstallation(
  context: CoreContext,
  caller: Caller,
  change: Readonly<Record<string, unknown>>,
  version?: number,
): Promise<Installation> {
  demand(caller, 'settings.manage');
  const before = await readInstallation(context);
  demandVersion(SETTING, before, version);
  const parsed = installationSchema.safeParse({ ...before, ...change });
  if (!parsed.success) {
    const fields: Record<string, string> = {};
    for (const { path, message } of parsed.error.issues) {
      const place = path.slice(1).join('.');
      fields[String(path[0] ?? 'settings')] ??= place === '' ? message : `${place}: ${message}`;
    }
    throw createFieldsError(fields);
  }
  const after = parsed.data;
  const changed = INSTALLATION_SETTINGS.map(({ key }) => key).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
  if (changed.length === 0) return after;
  if (changed.includes('confirmAfterMin'))
    assertProven(context.clock.now(), caller, 'change when sessions confirm', before.confirmAfterMin * MINUTE_MS);
  const pick = (from: Installation) => Object.fromEntries(changed.map((key) => [key, from[key]]));
  await writeSetting(context, caller, SETTING, { before, after }, { before: pick(before), after: pick(after) });
  for (const topic of [TOPICS.navigation, TOPICS.overview]) context.bus.publish(caller.tenant, { kind: 'refresh', topic });
  return after;
}
