/**
 * Reads the static strings of an `html` template once and says what each hole is. A small HTML tokenizer: it knows just
 * enough states to tell in which context a hole stands, and refuses the contexts that no escaping makes safe.
 */
import { findRefusal, type UrlRule, urlRuleOf } from './html-rules.ts';

/** One hole (or one URL attribute with all its holes) and the static text behind it. */
export type TemplatePart =
  | { readonly kind: 'text' | 'plain' | 'attributes'; readonly hole: number; tail: string }
  | {
      readonly kind: 'url';
      readonly rule: UrlRule;
      before: string;
      readonly pieces: { hole: number; after: string }[];
      tail: string;
    };

export type CompiledTemplate = { readonly head: string; readonly parts: readonly TemplatePart[] };

type State =
  | 'text'
  | 'tag-open'
  | 'tag-name'
  | 'end-tag'
  | 'before-attribute'
  | 'attribute-name'
  | 'before-value'
  | 'double-quoted'
  | 'single-quoted'
  | 'unquoted'
  | 'comment'
  | 'declaration'
  | 'raw-text'
  | 'title-text';

const IN_VALUE = new Set<State>(['before-value', 'double-quoted', 'single-quoted', 'unquoted']);
const IN_TAG = new Set<State>(['tag-name', 'before-attribute', 'attribute-name', ...IN_VALUE]);
const RAW_TEXT = new Set(['script', 'style']);
const TITLE_TEXT = new Set(['title', 'textarea']);
const FORBIDDEN_TAGS = new Set([
  'base',
  'iframe',
  'frame',
  'object',
  'embed',
  'applet',
  'xmp',
  'plaintext',
  'noembed',
  'noframes',
  'animate',
  'set',
]);

const compiled = new WeakMap<TemplateStringsArray, CompiledTemplate>();

/** @throws TypeError naming the position when a hole stands where no value is safe, or the template ends inside a tag. */
export function compileTemplate(strings: TemplateStringsArray): CompiledTemplate {
  const known = compiled.get(strings);
  if (known !== undefined) return known;
  const reader = createReader(strings);
  const template = reader.read();
  compiled.set(strings, template);
  return template;
}

function createReader(strings: TemplateStringsArray): { read(): CompiledTemplate } {
  let state: State = 'text';
  let tagName = '';
  let tagText = '';
  let attributeName = '';
  let valueStart = '';
  let closing = '';

  const refuse = (where: string, hole: number): never => {
    throw new TypeError(`html: hole ${hole + 1} after ${JSON.stringify((strings[hole] ?? '').slice(-60))} stands in ${where}`);
  };

  function endTag(): void {
    const name = tagName.toLowerCase();
    if (FORBIDDEN_TAGS.has(name)) throw new TypeError(`html: the element <${name}> is not used here`);
    closing = `</${name}`;
    if (RAW_TEXT.has(name)) state = 'raw-text';
    else if (TITLE_TEXT.has(name)) state = 'title-text';
    else state = 'text';
  }

  /** Moves the state over one static string, character by character. */
  function walk(text: string): void {
    for (let at = 0; at < text.length; at += 1) {
      const character = text.charAt(at);
      if (IN_TAG.has(state)) {
        tagText += character;
        if (IN_VALUE.has(state)) stepValue(character);
        else stepTag(character, text, at);
      } else stepText(character, text, at);
    }
  }

  function stepText(character: string, text: string, at: number): void {
    if (state === 'text') {
      if (character === '<') state = 'tag-open';
    } else if (state === 'tag-open') {
      openTag(character, text, at);
    } else if (state === 'comment') {
      if (character === '>' && text.slice(at - 2, at) === '--') state = 'text';
    } else if (state === 'raw-text' || state === 'title-text') {
      if (character === '<' && closesElement(text.slice(at), closing)) state = 'end-tag';
    } else if (character === '>') {
      state = 'text';
    }
  }

  function openTag(character: string, text: string, at: number): void {
    if (character === '!') state = text.startsWith('--', at + 1) ? 'comment' : 'declaration';
    else if (character === '/') state = 'end-tag';
    else if (character === '?') state = 'declaration';
    else if (/[a-z]/i.test(character)) {
      state = 'tag-name';
      tagName = character;
      tagText = '';
    } else state = character === '<' ? 'tag-open' : 'text';
  }

  function stepTag(character: string, text: string, at: number): void {
    if (character === '>') endTag();
    else if (state === 'tag-name') {
      if (isSpace(character) || character === '/') state = 'before-attribute';
      else tagName += character;
    } else if (state === 'before-attribute') {
      if (isSpace(character) || character === '/') return;
      state = 'attribute-name';
      attributeName = character;
    } else if (character === '=') {
      state = 'before-value';
    } else if (isSpace(character)) {
      state = nextSignificant(text, at) === '=' ? 'attribute-name' : 'before-attribute';
    } else if (character === '/') state = 'before-attribute';
    else attributeName += character;
  }

  function stepValue(character: string): void {
    if (state === 'double-quoted' || state === 'single-quoted') {
      if (character === (state === 'double-quoted' ? '"' : "'")) state = 'before-attribute';
      else valueStart += character;
      return;
    }
    if (character === '>') endTag();
    else if (state === 'unquoted') {
      if (isSpace(character)) state = 'before-attribute';
    } else {
      valueStart = '';
      if (character === '"') state = 'double-quoted';
      else if (character === "'") state = 'single-quoted';
      else if (!isSpace(character)) state = 'unquoted';
    }
  }

  /** What the hole after the text walked so far is; throws when it may not be. */
  function classify(hole: number): 'text' | 'plain' | 'attributes' | UrlRule {
    switch (state) {
      case 'text':
        return 'text';
      case 'title-text':
        return 'plain';
      case 'before-attribute':
        return 'attributes';
      case 'double-quoted':
      case 'single-quoted': {
        const refusal = findRefusal(attributeName);
        if (refusal !== undefined) return refuse(refusal, hole);
        if (tagName.toLowerCase() === 'meta' && !/(?:^|\s)name=/i.test(tagText)) return refuse('a <meta> without a name', hole);
        if (RAW_TEXT.has(tagName.toLowerCase()) && !['src', 'type'].includes(attributeName.toLowerCase())) {
          return refuse(`an attribute of <${tagName}>`, hole);
        }
        return urlRuleOf(attributeName) ?? 'plain';
      }
      case 'raw-text':
        return refuse(`<${tagName}>`, hole);
      case 'comment':
      case 'declaration':
        return refuse('a comment or declaration', hole);
      case 'tag-open':
      case 'tag-name':
      case 'end-tag':
        return refuse('a tag name', hole);
      case 'attribute-name':
        return refuse('an attribute name', hole);
      case 'before-value':
      case 'unquoted':
        return refuse('an unquoted attribute value', hole);
    }
  }

  function read(): CompiledTemplate {
    const head = strings[0] ?? '';
    const parts: TemplatePart[] = [];
    let template = head;
    walk(head);
    for (let hole = 0; hole < strings.length - 1; hole += 1) {
      const kind = classify(hole);
      const text = strings[hole + 1] ?? '';
      if (kind === 'link' || kind === 'own') {
        const quote = state === 'double-quoted' ? '"' : "'";
        const end = text.indexOf(quote);
        const after = end < 0 ? text : text.slice(0, end);
        const tail = end < 0 ? '' : text.slice(end);
        const last = parts.at(-1);
        if (last?.kind === 'url' && last.tail === '') {
          last.pieces.push({ hole, after: decode(after) });
          last.tail = tail;
        } else {
          // The static start of the value moves into the part, so that the address is checked as the browser will see it.
          const start = valueStart;
          if (last === undefined) template = template.slice(0, template.length - start.length);
          else last.tail = last.tail.slice(0, last.tail.length - start.length);
          parts.push({ kind: 'url', rule: kind, before: decode(start), pieces: [{ hole, after: decode(after) }], tail });
        }
      } else {
        parts.push({ kind, hole, tail: text });
      }
      walk(text);
    }
    if (state !== 'text')
      throw new TypeError(`html: the template ends inside <${tagName}…: ${JSON.stringify(strings.join('…').slice(-80))}`);
    return { head: template, parts };
  }

  return { read };
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r' || character === '\f';
}

function closesElement(text: string, closing: string): boolean {
  if (text.slice(0, closing.length).toLowerCase() !== closing) return false;
  const next = text.charAt(closing.length);
  return next === '>' || next === '/' || isSpace(next);
}

function nextSignificant(text: string, from: number): string {
  let at = from;
  while (at < text.length && isSpace(text.charAt(at))) at += 1;
  return text.charAt(at);
}

/** Undoes the one entity that addresses in templates use; the assembled address is escaped again as a whole. */
function decode(text: string): string {
  return text.replaceAll('&amp;', '&');
}
