/** What one call of the laboratory does, read from the words it was given. Pure. */
import type { Effort, Experiment } from './experiment.ts';
import { LEAST_SOAK_MS } from './published.ts';

export type ChaosPlan = {
  readonly effort: Effort;
  readonly experiments: readonly Experiment[];
  readonly soakMs: number | undefined;
};

export type Words = {
  readonly only?: string | undefined;
  readonly full?: string | undefined;
  readonly soak?: string | undefined;
  readonly selection?: string | undefined;
  readonly docs?: string | undefined;
};

const SPAN = /^(\d+(?:\.\d+)?)(s|m|h|d)$/;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `30m`, `8h`, `3d` as milliseconds. @throws Error for anything else. */
export function parseSpan(text: string): number {
  const [, number, unit] = SPAN.exec(text) ?? [];
  if (number === undefined || unit === undefined) throw new Error(`SOAK is a time such as 30m or 8h; it is "${text}"`);
  return Number(number) * (UNITS[unit] ?? 0);
}

/** @throws Error in words for whoever called: no such figure, a span that is none, documents that are to hold less than was promised. */
export function planChaos(catalog: readonly Experiment[], words: Words): ChaosPlan {
  const { only, full, soak, selection } = words;
  const effort: Effort = full === '1' ? 'full' : selection === '1' ? 'selection' : 'quarter';
  const soakMs = soak === undefined ? undefined : parseSpan(soak);
  if (words.docs === '1' && (soakMs === undefined ? effort !== 'full' : soakMs < LEAST_SOAK_MS))
    throw new Error('DOCS takes figures that were made with FULL=1, or with SOAK=1h and longer');
  const asked = catalog.filter((experiment) => {
    if (only !== undefined) return experiment.figures.some((name) => name.startsWith(only));
    if (soakMs !== undefined) return experiment.isSoak === true;
    return effort === 'full' || (experiment.isSoak !== true && experiment.isLong !== true);
  });
  if (asked.length > 0) return { effort, experiments: asked, soakMs };
  const names = catalog.flatMap((experiment) => experiment.figures).join(', ');
  throw new Error(`no figure is called ${only ?? 'soak'}; there are: ${names}`);
}
