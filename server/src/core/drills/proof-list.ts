/** How all sources stand with their proofs of recovery: counted, narrowed and ordered by what is kept of the fleet. */
import { PROOF_STATES, type ProofState } from '@holdfast/shared/domain/drill.ts';
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { ProofOrder } from '@holdfast/shared/domain/list-orders.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { SourceProof } from '../../store/drills.ts';
import type { Page, SortedPage } from '../../store/page.ts';
import { type Caller, demand } from '../caller.ts';
import type { LookedSource } from '../fleet/look.ts';
import { foldSearch, pageLooked, sortNumber } from '../fleet/look-pages.ts';
import type { CoreContext } from '../ports.ts';
import { judgeProof } from './proof-state.ts';

export interface ProofFilter {
  state?: ProofState | undefined;
  /** Part of the name of the source or of its host. */
  search?: string | undefined;
  host?: HostId | undefined;
}

export interface ProofStanding extends SourceProof {
  name: string;
  kind: string;
  host: HostId;
  state: ProofState;
  /** A proof older than this is too old; undefined: none is. */
  withinDays: number | undefined;
}

export type ProofCounts = Readonly<Record<ProofState, number>>;

interface JudgedProof {
  one: LookedSource;
  state: ProofState;
  withinDays: number | undefined;
}

function judge(one: LookedSource, now: number): JudgedProof {
  const { kind, proof, objectives } = one.source;
  const withinDays = objectives.proof && objectives.proof.ms / DAY_MS;
  return { one, withinDays, state: judgeProof(kind, proof, withinDays, now) };
}

/** The page asked for, and how all sources stand, whatever the list is narrowed to. `invalid` for a mark of another order. */
export async function listProofStandings(
  context: CoreContext,
  caller: Caller,
  filter: ProofFilter,
  { sort = { by: 'name', direction: 'asc' }, ...page }: SortedPage<ProofOrder>,
): Promise<Page<ProofStanding> & { counts: ProofCounts }> {
  demand(caller, 'view');
  const look = await context.fleet.look(caller.tenant);
  const judged = new Map<SourceId, JudgedProof>(look.sources.map((one) => [one.source.id, judge(one, look.at)]));
  const counts: Record<ProofState, number> = { disproven: 0, too_old: 0, never: 0, proven: 0, impossible: 0 };
  for (const { state } of judged.values()) counts[state] += 1;
  const search = filter.search === undefined ? undefined : foldSearch(filter.search);
  const fitting = look.sources.filter(
    ({ source, host }) =>
      (filter.state === undefined || judged.get(source.id)?.state === filter.state) &&
      (filter.host === undefined || source.host === filter.host) &&
      (search === undefined || source.nameKey.includes(search) || foldSearch(host.name).includes(search)),
  );
  const values: Readonly<Record<ProofOrder, ((one: LookedSource) => string) | undefined>> = {
    name: undefined,
    host: ({ host }) => foldSearch(host.name),
    state: ({ source }) => String(PROOF_STATES.indexOf(judged.get(source.id)?.state ?? 'impossible')),
    proven: ({ source }) => sortNumber(source.proof?.proven?.endedAt ?? 0),
  };
  const order = { name: sort.by, direction: sort.direction, sayValue: values[sort.by] };
  const { ids, next } = pageLooked(fitting, order, page);
  const rows = ids.flatMap((id): ProofStanding[] => {
    const found = judged.get(id);
    if (found === undefined) return [];
    const { name, kind, host, proof } = found.one.source;
    const { state, withinDays } = found;
    return [{ source: id, name, kind, host, state, withinDays, proven: proof?.proven, newest: proof?.newest }];
  });
  return { rows, next, counts };
}
