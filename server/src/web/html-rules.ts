/** Which attributes may carry a value from outside, and which addresses those that lead somewhere may name. */

/** `link`: our own paths, and http(s) or mailto elsewhere. `own`: only our own paths, because the browser acts on them. */
export type UrlRule = 'link' | 'own';

const URL_RULES: ReadonlyMap<string, UrlRule> = new Map<string, UrlRule>([
  ['href', 'link'],
  ['cite', 'link'],
  ['src', 'own'],
  ['action', 'own'],
  ['formaction', 'own'],
  ['poster', 'own'],
  ['data', 'own'],
  ['background', 'own'],
  ['manifest', 'own'],
  ['ping', 'own'],
  ['xlink:href', 'own'],
  ['data-live-get', 'own'],
  ['data-live-worker', 'own'],
  ['data-href', 'own'],
  ['hx-get', 'own'],
  ['hx-post', 'own'],
  ['hx-put', 'own'],
  ['hx-patch', 'own'],
  ['hx-delete', 'own'],
  ['hx-query', 'own'],
  ['hx-action', 'own'],
  ['hx-push-url', 'own'],
  ['hx-replace-url', 'own'],
  ['hx-sse:connect', 'own'],
  ['hx-sse-connect', 'own'],
  ['sse-connect', 'own'],
]);

/** htmx attributes that hold a selector, not an expression: a value in them can aim, but not run. */
const HTMX_SELECTORS = new Set(['hx-target', 'hx-select', 'hx-include', 'hx-indicator', 'hx-disable']);
const REFUSED = new Set(['style', 'srcdoc', 'srcset', 'imagesrcset', 'http-equiv', 'nonce', 'is']);

const NAME = /^[a-z][a-z0-9_.:-]*$/i;

function canonicalNameOf(name: string): string {
  const lower = name.toLowerCase();
  return lower.startsWith('data-hx-') ? lower.slice('data-'.length) : lower;
}

/** The rule for an attribute that holds an address; undefined for all others. */
export function urlRuleOf(name: string): UrlRule | undefined {
  return URL_RULES.get(canonicalNameOf(name));
}

/** Why a value from outside must never stand in this attribute; undefined when it may. */
export function findRefusal(name: string): string | undefined {
  const canonical = canonicalNameOf(name);
  if (canonical.startsWith('on')) return `the event attribute "${name}"`;
  if (REFUSED.has(canonical)) return `the attribute "${name}"`;
  if (canonical.startsWith('hx-') && !URL_RULES.has(canonical) && !HTMX_SELECTORS.has(canonical)) {
    return `the htmx attribute "${name}", which can hold an expression`;
  }
  return undefined;
}

/** @throws TypeError when the name is not a name, or must not carry a value. */
export function checkAttributeName(name: string): void {
  if (!NAME.test(name)) throw new TypeError(`html: ${JSON.stringify(name)} is not an attribute name`);
  const refusal = findRefusal(name);
  if (refusal !== undefined) throw new TypeError(`html: no value may stand in ${refusal}`);
}

// Browsers strip tab, newline and leading space from addresses and read `\` as `/`: none of them may take part.
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Whether an assembled address is safe. Safe are `""`, `#…`, `?…` and `/…` (never `//host` or `/\host`), and under the
 * `link` rule also `http://…`, `https://…` and `mailto:…`.
 */
export function isSafeUrl(address: string, rule: UrlRule): boolean {
  if (CONTROL.test(address)) return false;
  const first = address[0];
  if (first === undefined || first === '#' || first === '?') return true;
  if (first === '/') return address[1] !== '/' && address[1] !== '\\';
  return rule === 'link' && /^(?:https?:\/\/[^/\\]|mailto:)/i.test(address);
}
