/** What is broken on a host and would cost or endanger its backups. A connected host that has any is degraded. */
import * as z from 'zod';

/** In the order in which they are told, with the name that the self-checks on a host's page have. */
export const AILMENT_NAMES = {
  tools: 'Tools',
  hooks: 'Hooks',
  children: 'Tools end with the agent',
  settings: 'Settings',
  secrets: 'Secrets',
  clock: 'Clock',
  room: 'Room for its journal',
  journal: 'Journal',
} as const;
export type AilmentKind = keyof typeof AILMENT_NAMES;
export const AILMENT_KINDS = Object.keys(AILMENT_NAMES) as AilmentKind[];

/** Characters of one text. */
export const AILMENT_TEXT_MAX = 1000;

/** `text` says what was seen and what to do. */
export const ailmentSchema = z.object({ about: z.enum(AILMENT_KINDS), text: z.string().max(AILMENT_TEXT_MAX) });
export type Ailment = z.infer<typeof ailmentSchema>;

/** Whether a host is fit for its backups; `unknown` while it is not connected or was not judged yet. */
export const HOST_CONDITIONS = ['good', 'degraded', 'unknown'] as const;
export type HostCondition = (typeof HOST_CONDITIONS)[number];
