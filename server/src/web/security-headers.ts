/** What a browser must not do with our pages, as plain header values. */

const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const YEAR_S = 31_536_000;

/**
 * Headers for every answer. `https` is whether browsers reach us by https; only then are they told to insist on it.
 * No inline script, style or handler runs under this policy, so views have none.
 */
export function securityHeaders(options: { readonly https: boolean }): Readonly<Record<string, string>> {
  return {
    'Content-Security-Policy': CONTENT_POLICY,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    // Browsers ignore both on an origin that is not trustworthy, and one of them says so on every page.
    ...(options.https ? { 'Strict-Transport-Security': `max-age=${YEAR_S}`, 'Cross-Origin-Opener-Policy': 'same-origin' } : {}),
  };
}

/** Pages show what only this person may see: no shared or disk cache keeps them. */
export const PAGE_CACHE_CONTROL = 'no-store';
