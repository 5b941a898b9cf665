/**
 * Facets: the filterable columns of a run digested into one integer of 50 bits, stored at the end of every list index.
 * A filter is a mask and a value over the same bits; what passes is compared with the real columns, so a collision costs
 * one row read and never shows a wrong row.
 */
import { isTerminal, type RunState } from '@holdfast/shared/domain/run.ts';

interface Faceted {
  state: RunState;
  kind: string;
  host: string;
  plan?: string | undefined;
  repository: string;
}

const WIDTHS = { active: 1, state: 8, kind: 8, host: 11, plan: 11, repository: 11 } as const;
type Facet = keyof typeof WIDTHS;

/** FNV-1a over UTF-16 units, folded to a number of bits. Stored in rows: it must never change. */
function digest(text: string, bits: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return ((hash >>> 16) ^ hash) & (2 ** bits - 1);
}

function compose(values: Readonly<Partial<Record<Facet, number>>>): { mask: number; value: number } {
  let mask = 0;
  let value = 0;
  let unit = 1;
  for (const [facet, bits] of Object.entries(WIDTHS) as [Facet, number][]) {
    const part = values[facet];
    if (part !== undefined) {
      mask += unit * (2 ** bits - 1);
      value += unit * part;
    }
    unit *= 2 ** bits;
  }
  return { mask, value };
}

/** The bits of kind and state, as SQL of an index that ends with the facets. */
export const KIND_AND_STATE = `((facets >> ${WIDTHS.active}) & ${2 ** (WIDTHS.state + WIDTHS.kind) - 1})`;

/** What those bits stand for; undefined for a kind or state of another build. */
export function readKindAndState<K extends string, S extends string>(
  bits: number,
  kinds: readonly K[],
  states: readonly S[],
): { kind: K; state: S } | undefined {
  const state = states.find((one) => digest(one, WIDTHS.state) === bits % 2 ** WIDTHS.state);
  const kind = kinds.find((one) => digest(one, WIDTHS.kind) === Math.floor(bits / 2 ** WIDTHS.state));
  return kind === undefined || state === undefined ? undefined : { kind, state };
}

export function computeFacets(run: Faceted): number {
  return compose({
    active: isTerminal(run.state) ? 0 : 1,
    state: digest(run.state, WIDTHS.state),
    kind: digest(run.kind, WIDTHS.kind),
    host: digest(run.host, WIDTHS.host),
    plan: digest(run.plan ?? '', WIDTHS.plan),
    repository: digest(run.repository, WIDTHS.repository),
  }).value;
}

/** Mask and value for a filter; columns that are not filtered stay out of the mask. */
export function computeFacetMask(
  filter: { active?: boolean | undefined } & Partial<{ [K in keyof Faceted]: Faceted[K] | undefined }>,
): {
  mask: number;
  value: number;
} {
  const of = (facet: Exclude<Facet, 'active'>) => {
    const wanted = filter[facet];
    return wanted === undefined ? {} : { [facet]: digest(wanted, WIDTHS[facet]) };
  };
  return compose({
    ...(filter.active === undefined ? {} : { active: filter.active ? 1 : 0 }),
    ...of('state'),
    ...of('kind'),
    ...of('host'),
    ...of('plan'),
    ...of('repository'),
  });
}
