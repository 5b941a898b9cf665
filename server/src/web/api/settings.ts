/** End-points of the installation's settings, and of the caller's own. */

import { zoneSchema } from '@holdfast/shared/domain/schedule.ts';
import * as z from 'zod';
import { changeZone } from '../../core/accounts/own-zone.ts';
import {
  findInstallationVersion,
  getInstallation,
  INSTALLATION_SETTINGS,
  type Installation,
  installationSchema,
  updateInstallation,
} from '../../core/installation-settings.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { listOf, nameShape } from './shapes/shapes.ts';

const fields = installationSchema.shape;
const settingsShape = nameShape(
  'Settings',
  z.strictObject({
    values: installationSchema,
    described: listOf(
      z.strictObject({
        key: z.enum(INSTALLATION_SETTINGS.map(({ key }) => key)),
        type: z.enum(['string', 'number', 'boolean', 'json']),
        label: z.string(),
        description: z.string(),
      }),
    ),
  }),
);

function toSettingsReply(values: Installation) {
  return { data: { values, described: [...INSTALLATION_SETTINGS] }, version: findInstallationVersion(values) };
}

const readEndpoint = defineEndpoint({
  method: 'get',
  path: '/settings',
  versioned: true,
  scope: 'read',
  summary: 'Settings of the whole installation, each with its type and what it does.',
  tag: 'settings',
  reply: settingsShape,
  handle: async (context, caller) => toSettingsReply(await getInstallation(context, caller)),
});

const changeEndpoint = defineEndpoint({
  method: 'patch',
  path: '/settings',
  versioned: true,
  guarded: true,
  scope: 'admin',
  summary: 'Changes the settings that are given; those left out stay.',
  tag: 'settings',
  body: z.strictObject({
    name: fields.name.unwrap().optional(),
    zone: fields.zone.unwrap().optional(),
    nightHosts: fields.nightHosts.unwrap().optional(),
    firstSteps: fields.firstSteps.unwrap().optional(),
    confirmAfterMin: fields.confirmAfterMin.unwrap().optional(),
    links: fields.links.unwrap().optional(),
  }),
  reply: settingsShape,
  async handle(context, caller, { body, facts }) {
    const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
    return toSettingsReply(await updateInstallation(context, caller, given, facts.ifMatch));
  },
});

const zoneEndpoint = defineEndpoint({
  method: 'patch',
  path: '/me',
  scope: 'read',
  summary: 'Chooses the time zone in which pages show times to the person who asks; null takes the installation’s.',
  tag: 'people',
  body: z.strictObject({ zone: zoneSchema.nullable() }),
  reply: z.strictObject({ zone: z.string().nullable() }),
  async handle(context, caller, { body }) {
    await changeZone(context, caller, body.zone ?? undefined);
    return { data: { zone: body.zone } };
  },
});

export const SETTINGS_ENDPOINTS: readonly ApiEndpoint[] = [readEndpoint, changeEndpoint, zoneEndpoint];
