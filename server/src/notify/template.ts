/** A small language for bodies: text with named places, each filled with one fact. Nothing in it is computed, repeated or looked up. */
import type { ChannelMessage } from '../core/alerts/message.ts';
import { shortenText } from '../core/alerts/text.ts';
import { createFieldError } from './address.ts';
import { describeMessage, renderPlain, signOf, type Words } from './words.ts';

/** How a fact is written so that it cannot leave its place. */
export type TemplateMedium = 'json' | 'form' | 'text';

export const TEMPLATE_CHARS = 20_000;
const PLACES_MOST = 200;
const PLACE = /\{\{\s*([A-Za-z]{1,40})\s*\}\}/gu;

const toTime = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString());

/** Every place there is, with what stands there. */
const PLACES: Readonly<Record<string, (message: ChannelMessage, words: Words) => string>> = {
  type: ({ type }) => type,
  time: ({ at }) => toTime(at),
  sign: (_message, words) => signOf(words),
  title: (_message, { title }) => title,
  text: (_message, words) => renderPlain(words, { withLink: false }),
  tone: (_message, { tone }) => tone,
  link: ({ link }) => link ?? '',
  log: (_message, { log }) => log.join('\n'),
  alert: ({ alert }) => alert?.id ?? '',
  condition: ({ alert }) => alert?.condition ?? '',
  severity: ({ alert }) => alert?.severity ?? '',
  thing: ({ alert }) => shortenText(alert?.thing.name ?? ''),
  count: ({ alert, run }) => String(alert?.count ?? run?.count ?? 0),
  since: ({ alert, run }) => toTime(alert?.since ?? run?.startedAt),
  lastGood: ({ alert }) => toTime(alert?.lastGoodAt),
  run: ({ run }) => run?.id ?? '',
  plan: ({ run }) => shortenText(run?.plan.name ?? ''),
  host: ({ run }) => shortenText(run?.host ?? ''),
};
export const PLACE_NAMES: readonly string[] = Object.keys(PLACES);

const ESCAPES: Readonly<Record<TemplateMedium, (value: string) => string>> = {
  json: (value) =>
    JSON.stringify(value)
      .slice(1, -1)
      .replace(/[\u2028\u2029]/gu, ''),
  form: (value) => encodeURIComponent(value.toWellFormed()),
  text: (value) => value,
};

/** A template with these facts in its places. */
export function fillTemplate(template: string, medium: TemplateMedium, message: ChannelMessage, words: Words): string {
  return template.replace(PLACE, (_place, name: string) => ESCAPES[medium](PLACES[name]?.(message, words) ?? ''));
}

/** Throws `invalid` at the field for a place that does not exist, and for a body that would be no JSON. */
export function checkTemplate(template: string, medium: TemplateMedium, field: { name: string; label: string }): void {
  const refuse = (problem: string) => createFieldError(field.name, field.label, problem);
  if (template.length > TEMPLATE_CHARS) throw refuse(`is longer than ${TEMPLATE_CHARS.toLocaleString('en')} characters`);
  const names = [...template.matchAll(PLACE)].map(([, name = '']) => name);
  if (names.length > PLACES_MOST) throw refuse(`has more than ${PLACES_MOST} places`);
  const unknown = names.find((name) => !Object.hasOwn(PLACES, name));
  if (unknown !== undefined) throw refuse(`knows no {{${unknown}}}; there are ${PLACE_NAMES.join(', ')}`);
  if (template.replace(PLACE, '').includes('{{')) throw refuse('has a {{ that is no place, such as {{title}}');
  if (medium !== 'json') return;
  const sample: ChannelMessage = { type: 'channel.test', at: 0, text: '"\\\n' };
  const isJson = [describeMessage(sample), { ...describeMessage(sample), title: '' }].every((words) => {
    try {
      JSON.parse(fillTemplate(template, 'json', sample, words));
      return true;
    } catch {
      return false;
    }
  });
  if (!isJson) throw refuse('is no JSON; places stand within quotation marks, as in {"text": "{{title}}"}');
}
