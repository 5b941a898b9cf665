/** Our own drawings on a 16-point grid, served as one inline sprite per page and referred to by name. */
import { type Html, html, raw } from '../html.ts';

// Strokes follow the text colour; the sprite sets them once.
const DRAWINGS = {
  check: '<circle cx="8" cy="8" r="6"/><path d="m5.4 8.2 1.8 1.8 3.4-3.7"/>',
  warning: '<path d="M8 2.4 14.2 13H1.8z"/><path d="M8 6.3v3.2M8 11.2v.2"/>',
  cross: '<circle cx="8" cy="8" r="6"/><path d="m5.9 5.9 4.2 4.2m0-4.2-4.2 4.2"/>',
  question:
    '<circle cx="8" cy="8" r="6" stroke-dasharray="2.4 1.6"/><path d="M6.5 6.6c0-.9.7-1.4 1.5-1.4s1.5.5 1.5 1.4c0 1-1.5 1.1-1.5 2.2M8 10.8v.1"/>',
  pause: '<circle cx="8" cy="8" r="6"/><path d="M6.6 6v4m2.8-4v4"/>',
  play: '<path d="M5 3.2v9.6l7.4-4.8z"/>',
  running: '<path d="M13.6 8A5.6 5.6 0 1 1 8 2.4"/><path d="M8 5v3.2l2.1 1.2"/>',
  queued: '<circle cx="8" cy="8" r="6"/><path d="M8 4.8V8l2.2 1.4"/>',
  finalizing:
    '<path d="M2.4 8a5.6 5.6 0 0 1 9.7-3.8M13.6 8a5.6 5.6 0 0 1-9.7 3.8"/><path d="M12.3 1.8v2.6H9.7M3.7 14.2v-2.6h2.6"/>',
  partial: '<circle cx="8" cy="8" r="6"/><path d="M8 2v12" /><path d="M8 4.5h3.6M8 7h4.6M8 9.5h4.4M8 12h2.8"/>',
  cancelled: '<circle cx="8" cy="8" r="6"/><path d="m3.9 12.1 8.2-8.2"/>',
  skipped: '<path d="m3.2 4 4.4 4-4.4 4zM8.4 4l4.4 4-4.4 4z"/>',
  online: '<circle cx="8" cy="8" r="2.6" fill="currentColor"/><circle cx="8" cy="8" r="6"/>',
  offline: '<path d="M3.4 3.4l9.2 9.2"/><path d="M10.9 10.9A6 6 0 0 1 3 5m2.6-2.4A6 6 0 0 1 13.4 10.4"/>',
  info: '<circle cx="8" cy="8" r="6"/><path d="M8 7.4v3.4M8 5.1v.2"/>',
  lock: '<rect x="3.4" y="7" width="9.2" height="6.4" rx="1.2"/><path d="M5.4 7V5.2a2.6 2.6 0 0 1 5.2 0V7"/>',
  shield: '<path d="M8 1.9 13 3.8v3.8c0 3-2 5.4-5 6.5-3-1.1-5-3.5-5-6.5V3.8z"/>',
  copy: '<rect x="5.6" y="5.6" width="8" height="8" rx="1.4"/><path d="M3.6 10.4H3a.9.9 0 0 1-.9-.9V3a.9.9 0 0 1 .9-.9h6.5a.9.9 0 0 1 .9.9v.6"/>',
  menu: '<path d="M2.4 4.4h11.2M2.4 8h11.2M2.4 11.6h11.2"/>',
  theme: '<circle cx="8" cy="8" r="5.6"/><path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" fill="currentColor"/>',
  search: '<circle cx="7" cy="7" r="4.6"/><path d="m10.4 10.4 3.4 3.4"/>',
  down: '<path d="m3.8 6 4.2 4.4L12.2 6"/>',
  up: '<path d="m3.8 10 4.2-4.4 4.2 4.4"/>',
  right: '<path d="m6 3.8 4.4 4.2L6 12.2"/>',
  left: '<path d="M10 3.8 5.6 8l4.4 4.2"/>',
  sort: '<path d="m5 6 3-3.2L11 6M5 10l3 3.2L11 10"/>',
  plus: '<path d="M8 3v10M3 8h10"/>',
  close: '<path d="m4 4 8 8m0-8-8 8"/>',
  download: '<path d="M8 2.4v7.4m-3-2.9 3 3 3-3M2.8 13.2h10.4"/>',
  folder: '<path d="M1.9 4.2c0-.6.4-1 1-1h3l1.4 1.6h5.8c.6 0 1 .4 1 1v6c0 .6-.4 1-1 1H2.9c-.6 0-1-.4-1-1z"/>',
  file: '<path d="M4 1.9h5.2L12.4 5v9.1H4z"/><path d="M9 2v3.2h3.2"/>',
  database:
    '<ellipse cx="8" cy="3.9" rx="5" ry="1.9"/><path d="M3 3.9v8.2c0 1 2.2 1.9 5 1.9s5-.9 5-1.9V3.9M3 8c0 1 2.2 1.9 5 1.9S13 9 13 8"/>',
  host: '<rect x="2.2" y="2.8" width="11.6" height="4.4" rx="1"/><rect x="2.2" y="8.8" width="11.6" height="4.4" rx="1"/><path d="M4.6 5h.1M4.6 11h.1M8 5h3.4M8 11h3.4"/>',
  pin: '<path d="M5.6 2.2h4.8l-.7 4.2 2.1 2.4H4.2l2.1-2.4zM8 8.8v5"/>',
  trash: '<path d="M2.8 4.2h10.4M6 4V2.6h4V4M4.2 4.4l.6 9h6.4l.6-9"/>',
  person: '<circle cx="8" cy="5.2" r="2.8"/><path d="M2.8 13.8c.5-2.8 2.6-4.2 5.2-4.2s4.7 1.4 5.2 4.2"/>',
} as const;

export type IconName = keyof typeof DRAWINGS;

/** Every icon there is, for the gallery and the tests. */
export const ICON_NAMES = Object.keys(DRAWINGS) as readonly IconName[];

const SPRITE = raw(
  `<svg class="sprite" aria-hidden="true" width="0" height="0">${Object.entries(DRAWINGS)
    .map(([name, drawing]) => `<symbol id="i-${name}" viewBox="0 0 16 16">${drawing}</symbol>`)
    .join('')}</svg>`,
);

/** The sprite; stands once at the start of each page's body. */
export function iconSprite(): Html {
  return SPRITE;
}

/** A decorative icon. Words beside it carry the meaning; give `label` only when no word does. */
export function icon(name: IconName, label?: string): Html {
  if (label === undefined)
    return html`<svg class="icon" aria-hidden="true" width="16" height="16"><use href="#i-${name}"></use></svg>`;
  return html`<svg class="icon" role="img" aria-label="${label}" width="16" height="16"><use href="#i-${name}"></use></svg>`;
}

/** The mark: a rope made fast around an anchor's shank. */
export function logo(): Html {
  return raw(
    '<svg class="logo" aria-hidden="true" width="26" height="26" viewBox="0 0 26 26"><path d="M13 3v20M13 23c-4 0-6.6-2-7.6-5M13 23c4 0 6.6-2 7.6-5"/><path d="M6.4 4.2c1.2 4.6 12 4.8 13.2 8.6M19.6 4.2c-1.2 4.6-12 4.8-13.2 8.6"/></svg>',
  );
}
