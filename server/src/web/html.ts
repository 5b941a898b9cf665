/**
 * The `html` tagged template: the only way this server writes markup.
 *
 * Everything in a hole is hostile text until proven otherwise. Text is escaped; a nested `Html` passes through; a hole in
 * a place where escaping cannot make it safe (script, style, comment, tag or attribute name, unquoted value, `on*`,
 * `style`, htmx's own expression attributes) is refused when the template first renders. URL attributes are checked
 * after assembly. A template must begin and end in text, so any two results can stand side by side.
 */

import { checkAttributeName, isSafeUrl, urlRuleOf } from './html-rules.ts';
import { compileTemplate } from './html-template.ts';

const BLOCKED_URL = '#blocked-address';

/** Markup that is already safe. Opaque: only `html`, `join` and `raw` make one. */
class SafeHtml {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  toString(): string {
    return this.#markup;
  }
  static is(value: unknown): value is SafeHtml {
    return typeof value === 'object' && value !== null && #markup in value;
  }
}

/** A checked set of attributes, made by `attrs`; the only thing allowed where an attribute name would stand. */
class SafeAttributes {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  static markupOf(value: unknown): string | undefined {
    return typeof value === 'object' && value !== null && #markup in value ? value.#markup : undefined;
  }
}

export type Html = SafeHtml;
export type Attributes = SafeAttributes;
/** What a hole takes. `null`, `undefined` and booleans render nothing, so `${open && html`…`}` reads as it looks. */
export type HtmlValue = string | number | bigint | boolean | null | undefined | Html | Attributes | readonly HtmlValue[];
export type AttributeValue = string | number | bigint | boolean | null | undefined;

/**
 * Renders a template. Pure; the static parse is kept per template.
 * @throws TypeError naming the hole when it stands where no value is safe, or when its value has no safe rendering there.
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const template = compileTemplate(strings);
  let out = template.head;
  for (const part of template.parts) {
    switch (part.kind) {
      case 'text':
        out += renderText(values[part.hole], part.hole, strings);
        break;
      case 'plain':
        out += renderPlain(values[part.hole], part.hole, strings);
        break;
      case 'attributes':
        out += renderAttributes(values[part.hole], part.hole, strings);
        break;
      case 'url': {
        let address = part.before;
        for (const piece of part.pieces) address += plainTextOf(values[piece.hole], piece.hole, strings) + piece.after;
        out += escapeText(isSafeUrl(address, part.rule) ? address : BLOCKED_URL);
        break;
      }
    }
    out += part.tail;
  }
  return new SafeHtml(out);
}

/**
 * Attributes as an object, for `<input ${attrs({ checked: on, value })}>`. `true` writes the bare name (the word for
 * `aria-*`), `false`, `null` and `undefined` write nothing.
 * @throws TypeError for a name that could run code (`on*`, `style`, `srcdoc`, most `hx-*`).
 */
export function attrs(attributes: Readonly<Record<string, AttributeValue>>): Attributes {
  let out = '';
  for (const [name, value] of Object.entries(attributes)) {
    checkAttributeName(name);
    if (value === null || value === undefined) continue;
    if (typeof value === 'boolean') {
      if (name.startsWith('aria-')) out += ` ${name}="${value}"`;
      else if (value) out += ` ${name}`;
      continue;
    }
    const text = String(value);
    const rule = urlRuleOf(name);
    out += ` ${name}="${escapeText(rule !== undefined && !isSafeUrl(text, rule) ? BLOCKED_URL : text)}"`;
  }
  return new SafeAttributes(out);
}

/** Joins pieces with a separator, leaving out the empty ones. */
export function join(pieces: readonly HtmlValue[], separator: Html | string = ''): Html {
  const between = typeof separator === 'string' ? escapeText(separator) : separator.toString();
  let out = '';
  for (const piece of pieces) {
    const markup = html`${piece}`.toString();
    if (markup !== '') out += (out === '' ? '' : between) + markup;
  }
  return new SafeHtml(out);
}

/** Vouches for markup of our own. Only `ui/icons.ts` and `assets.ts` may import this: never for anything a request carries. */
export function raw(markup: string): Html {
  return new SafeHtml(markup);
}

// `\n` and `\t` stay; other C0/C1 controls and the bidirectional overrides would hide or reorder what the reader sees.
const NEEDS_CARE = /[&<>"'`\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/;
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const MARKUP = /[&<>"'`]/g;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Escapes for text and quoted attributes; control, override and broken characters become U+FFFD. */
export function escapeText(text: string): string {
  if (!NEEDS_CARE.test(text)) return text;
  return text
    .toWellFormed()
    .replaceAll('\r\n', '\n')
    .replace(HIDDEN, '\ufffd')
    .replace(MARKUP, (character) => ENTITIES[character] ?? '');
}

function renderText(value: HtmlValue, hole: number, strings: TemplateStringsArray): string {
  if (typeof value === 'string') return escapeText(value);
  if (value === null || value === undefined || typeof value === 'boolean') return '';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (SafeHtml.is(value)) return value.toString();
  if (Array.isArray(value)) {
    let out = '';
    for (const item of value) out += renderText(item, hole, strings);
    return out;
  }
  throw refuseValue(hole, strings, 'a value that is neither text nor html');
}

function plainTextOf(value: HtmlValue, hole: number, strings: TemplateStringsArray): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined || typeof value === 'boolean') return '';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw refuseValue(hole, strings, 'anything but plain text (inside an attribute, title or textarea)');
}

function renderPlain(value: HtmlValue, hole: number, strings: TemplateStringsArray): string {
  return escapeText(plainTextOf(value, hole, strings));
}

function renderAttributes(value: HtmlValue, hole: number, strings: TemplateStringsArray): string {
  if (value === null || value === undefined || value === false) return '';
  const markup = SafeAttributes.markupOf(value);
  if (markup === undefined) throw refuseValue(hole, strings, 'anything but attrs({…}) where an attribute name would stand');
  return markup;
}

function refuseValue(hole: number, strings: TemplateStringsArray, what: string): TypeError {
  const before = (strings[hole] ?? '').slice(-60);
  return new TypeError(`html: hole ${hole + 1} after ${JSON.stringify(before)} does not take ${what}`);
}
