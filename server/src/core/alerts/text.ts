/** Text of hosts and tools on its way into alerts and messages: one short line, without what looks like a secret. */

const TEXT_CHARS = 300;

/** One line, cut with an ellipsis. */
export function shortenText(text: string, chars: number = TEXT_CHARS): string {
  const line = text
    .replace(/\p{C}+/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();
  return line.length <= chars ? line : `${line.slice(0, chars - 1)}…`;
}

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // User and password of an address.
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@]{1,500}@/giu, '$1***@'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/giu, '$1 ***'],
  [
    /\b([\w-]*(?:password|passwd|passphrase|secret|token|api[_-]?key)[\w-]*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&]+)/giu,
    '$1***',
  ],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/gu, '***'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*$/gu, '***'],
];

/**
 * A line of a log as it may leave the server. Hosts take out the secrets they know before they report; this takes out what still looks
 * like one, because a message may go further than its sender meant.
 */
export function redactLine(text: string, chars: number): string {
  return SECRETS.reduce((line, [pattern, stead]) => line.replace(pattern, stead), shortenText(text, chars * 2)).slice(0, chars);
}
