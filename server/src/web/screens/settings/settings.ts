/** `/settings`: what holds for the whole installation; and `/settings/design`, every component in every state. */
import { demand } from '../../../core/caller.ts';
import {
  getInstallation,
  INSTALLATION_SETTINGS,
  type Installation,
  type SettingDescription,
  updateInstallation,
} from '../../../core/installation-settings.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import type { Field } from '../../ui/form.ts';
import { type GalleryTheme, galleryPage } from '../../ui/gallery.view.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { listZones } from '../plans/plan-schedule.ts';
import { buildShell } from '../shell.ts';
import { sharedParts } from './design.view.ts';
import { type SettingsView, settingsPage } from './settings.view.ts';

/** JSON as people read and change it. */
function toText(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}

function toField({ key, type, label, description }: SettingDescription, value: unknown, error: string | undefined): Field {
  const base = { name: key, label, help: description, error };
  if (key === 'zone') {
    const options = listZones().map((zone) => ({ value: zone, label: zone }));
    return { ...base, kind: 'select', required: true, value: String(value), options };
  }
  switch (type) {
    case 'boolean':
      return { ...base, kind: 'checkbox', value: value === true || value === 'true' };
    case 'number':
      return { ...base, kind: 'number', required: true, value: String(value) };
    case 'json':
      return { ...base, kind: 'textarea', mono: true, value: typeof value === 'string' ? value : toText(value) };
    case 'string':
      return { ...base, kind: 'text', value: String(value) };
  }
}

/** A form holds texts: each becomes what its type says, and stays a text where it cannot, which the schema refuses. */
function readSettings(visit: Visit): { change: Readonly<Record<string, unknown>>; fields: Readonly<Record<string, string>> } {
  const change: Record<string, unknown> = {};
  const fields: Record<string, string> = {};
  for (const { key, type } of INSTALLATION_SETTINGS) {
    const text = readText(visit.form, key);
    if (type === 'string') change[key] = text;
    if (type === 'boolean') change[key] = text === 'true';
    if (type === 'number') change[key] = text.trim() === '' ? text : Number(text);
    if (type !== 'json') continue;
    try {
      change[key] = text.trim() === '' ? [] : JSON.parse(text);
    } catch {
      fields[key] = 'is not JSON: look for a missing quote, bracket or comma';
    }
  }
  return { change, fields };
}

async function show(context: CoreContext, visit: Visit, problem: FormProblem): Promise<PageReply> {
  demand(visit.caller, 'settings.manage');
  const { urls, form } = visit;
  const stored: Installation = await getInstallation(context, visit.caller);
  const isRefused = hasProblem(problem);
  const view: SettingsView = {
    action: urls.settings(),
    fields: INSTALLATION_SETTINGS.map((setting) =>
      toField(setting, isRefused ? readText(form, setting.key) : stored[setting.key], problem.fields[setting.key]),
    ),
    problem: problem.text,
    others: [
      { title: 'Your account', text: 'Password, your own time zone and theme', href: urls.account() },
      { title: 'People', text: 'Who may sign in, and what they may do', href: urls.people() },
      { title: 'API keys', text: 'Which programs may ask, and for what', href: urls.apiKeys() },
      { title: 'Channels', text: 'Who is told of alerts, and how', href: urls.channels() },
      { title: 'Rules of alerts', text: 'Thresholds, windows, escalation', href: urls.alertRules() },
      { title: 'Objectives', text: 'How old backups and proofs may be', href: urls.objectives() },
      { title: 'Retention', text: 'What is kept, and for how long', href: urls.retention() },
      { title: 'Design', text: 'Every component in every state, for those who build pages', href: urls.design() },
    ],
  };
  return { kind: 'page', status: isRefused ? 422 : 200, html: settingsPage(await buildShell(context, visit, 'settings'), view) };
}

async function save(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'settings.manage');
  const { change, fields } = readSettings(visit);
  if (Object.keys(fields).length > 0) return show(context, visit, { fields });
  try {
    await updateInstallation(context, visit.caller, change);
  } catch (thrown) {
    return show(context, visit, toFormProblem(thrown));
  }
  return { kind: 'redirect', to: visit.urls.settings(), flash: { tone: 'good', text: 'The settings are saved.' } };
}

const THEMES: readonly GalleryTheme[] = ['light', 'dark'];

async function showDesign(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'settings.manage');
  const { urls } = visit;
  const theme = THEMES.find((one) => one === findText(visit.query, 'theme'));
  const ways = {
    settings: urls.settings(),
    action: urls.design(),
    themes: [undefined, ...THEMES].map((one) => ({
      label: one === undefined ? 'As you see it' : one === 'light' ? 'Light' : 'Dark',
      href: urls.design({ theme: one }),
      isChosen: one === theme,
    })),
    shared: sharedParts(urls.design()),
  };
  const shell = await buildShell(context, visit, 'settings');
  return { kind: 'page', html: galleryPage(shell, readClockface(context, visit), ways, theme) };
}

export const SETTINGS_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.settings, handle: (context, visit) => show(context, visit, NO_PROBLEM) },
  { method: 'post', path: PAGES.settings, handle: save },
  { method: 'get', path: PAGES.design, handle: showDesign },
  // What is shown there does nothing: a button of it leads back.
  { method: 'post', path: PAGES.design, handle: async (_context, visit) => ({ kind: 'redirect', to: visit.urls.design() }) },
];
