/** Removes secrets from text before it is journaled: what is not written down cannot leak. Pure. */

export type Redact = (text: string) => string;

const MASK = '•••';
/** Shorter values would turn ordinary words into masks and tell more than they hide. */
const SHORTEST = 4;

/**
 * Patterns that look like secrets whoever they belong to. Tools hand in lines of a megabyte: no pattern may begin with something it
 * looks for again at every place of a long word.
 */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/(:\/\/[^\s/:@]*):[^\s/@]+@/gu, `$1:${MASK}@`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/gu, MASK],
  [/\b(AKIA|ASIA)[A-Z0-9]{16}\b/gu, MASK],
  [/\bhf[akesbp]_[A-Za-z0-9_-]{20,}/gu, MASK],
];

/** The forms in which a secret may show up in a tool's output. */
function listForms(secret: string): string[] {
  const lines = secret.split('\n').map((line) => line.trim());
  return [secret, ...lines].flatMap((form) => [
    form,
    encodeURIComponent(form),
    Buffer.from(form).toString('base64'),
    JSON.stringify(form).slice(1, -1),
  ]);
}

/** A redactor for these secrets, their URL, base64 and JSON forms, and what looks like one. */
export function createRedactor(secrets: readonly string[]): Redact {
  const forms = [...new Set(secrets.flatMap(listForms))].filter((form) => form.length >= SHORTEST);
  // Longest first, so that a secret that contains another goes as a whole.
  forms.sort((a, b) => b.length - a.length);
  return (text) => {
    let out = text;
    for (const form of forms) if (out.includes(form)) out = out.replaceAll(form, MASK);
    for (const [pattern, replacement] of PATTERNS) out = out.replace(pattern, replacement);
    return out;
  };
}
