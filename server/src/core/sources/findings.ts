/** What was found and is not protected, as people deal with it: made a source, or left alone with a reason. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { FindingId } from '@holdfast/shared/domain/ids.ts';
import type { FindingOrder } from '@holdfast/shared/domain/list-orders.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COVERAGE, TEXT } from '@holdfast/shared/limits.ts';
import type { CoverageFilter, CoverageSummary, Finding } from '../../store/coverage.ts';
import type { Page, SortedPage } from '../../store/page.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { createTestedSource } from '../adapters/tested-saves.ts';
import { recordAct } from '../audit.ts';
import type { AuditAction } from '../audit-actions.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { adoptDiscovered } from './adoption.ts';
import { FILES } from './coverage-looks.ts';

export async function listFindings(
  context: CoreContext,
  caller: Caller,
  filter: CoverageFilter,
  page: SortedPage<FindingOrder>,
): Promise<Page<Finding>> {
  demand(caller, 'view');
  return context.store.coverage.listFindings(caller.tenant, filter, page);
}

export async function countFindings(context: CoreContext, caller: Caller): Promise<{ open: number; fresh: number }> {
  demand(caller, 'view');
  return context.store.coverage.countFindings(caller.tenant);
}

/** How the looks of the fleet went, with so many of those that failed. */
export async function summarizeLooks(context: CoreContext, caller: Caller, named: number): Promise<CoverageSummary> {
  demand(caller, 'view');
  return context.store.coverage.summarizeLooks(caller.tenant, named);
}

/** Has all connected hosts asked again, now rather than within a day; what they say is there soon after. Returns how many hosts. */
export async function hurryCoverage(context: CoreContext, caller: Caller): Promise<number> {
  demand(caller, 'source.manage');
  const { store, clock } = context;
  const hosts = await store.coverage.hurryTurns(caller.tenant, undefined, clock.now());
  await recordAct(context, caller, { action: 'coverage.asked', target: { kind: 'settings', id: 'coverage', name: 'coverage' } });
  return hosts;
}

/** `not_found` when it is gone, or is a source by now. */
export async function getFinding(context: CoreContext, caller: Caller, id: FindingId): Promise<Finding> {
  demand(caller, 'view');
  const finding = await context.store.coverage.findFinding(caller.tenant, id);
  if (!finding) throw new AppError('not_found', 'this is not there any more, or it is a source by now');
  return finding;
}

/** A thing on a host may be called anything; a source's name is one line without control characters. */
export function nameFinding(name: string): string {
  const cleaned = name.replace(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]+/gu, ' ').slice(0, TEXT.nameChars);
  return nameSchema.safeParse(cleaned).data ?? 'found';
}

async function makeSource(context: CoreContext, caller: Caller, finding: Finding, tested: boolean): Promise<Source> {
  const name = nameFinding(finding.name);
  if (finding.kind === FILES)
    return createTestedSource(context, caller, {
      ...{ host: finding.host, name, kind: FILES, config: { paths: [finding.name] }, secrets: {}, tested },
    });
  if (finding.via === undefined) throw new AppError('precondition', 'the connection it was found through is gone');
  const chosen = [{ name, database: finding.name }];
  const [source] = await adoptDiscovered(context, caller, { source: finding.via }, chosen, { tested });
  if (source === undefined) throw new AppError('internal', 'no source was made');
  return source;
}

/**
 * Makes a source of it, with the connection it was found through; what is left is a plan. With `tested`, throws `tool_failed` or
 * `unavailable` for what its host cannot read now, with nothing made. Throws what making a source throws.
 */
export async function adoptFinding(
  context: CoreContext,
  caller: Caller,
  id: FindingId,
  { tested = false }: { tested?: boolean | undefined } = {},
): Promise<Source> {
  demand(caller, 'source.manage');
  const finding = await getFinding(context, caller, id);
  const source = await makeSource(context, caller, finding, tested);
  await context.store.coverage.deleteFinding(caller.tenant, id);
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.overview });
  return source;
}

/**
 * Leaves it unprotected, for a reason that is kept. Throws `invalid` naming `why` unless that is one line of `COVERAGE.whyChars` at most, and
 * `not_found`.
 */
export async function ignoreFinding(context: CoreContext, caller: Caller, id: FindingId, reason: string): Promise<Finding> {
  demand(caller, 'plan.manage');
  const why = reason.replace(/\s+/gu, ' ').trim();
  if (why === '' || why.length > COVERAGE.whyChars || /\p{Cc}/u.test(why))
    throw createFieldsError({ why: `a reason is needed, in one line of ${COVERAGE.whyChars} letters at most` });
  const finding = await getFinding(context, caller, id);
  const ignored = { at: context.clock.now(), by: caller.actor.name, why };
  await context.store.coverage.setIgnored(caller.tenant, id, ignored);
  await recordChange(context, caller, finding, 'coverage.ignored', { why });
  return { ...finding, ignored };
}

/** Takes that back. */
export async function watchFinding(context: CoreContext, caller: Caller, id: FindingId): Promise<Finding> {
  demand(caller, 'plan.manage');
  const finding = await getFinding(context, caller, id);
  if (finding.ignored === undefined) return finding;
  await context.store.coverage.setIgnored(caller.tenant, id, undefined);
  await recordChange(context, caller, finding, 'coverage.watched', {});
  return { ...finding, ignored: undefined };
}

async function recordChange(
  context: CoreContext,
  caller: Caller,
  { id, kind, name }: Finding,
  action: AuditAction,
  change: Record<string, string>,
): Promise<void> {
  const what = `${getSourceAdapter(kind).label} ${nameFinding(name)}`;
  await recordAct(context, caller, { action, target: { kind: 'finding', id, name: what }, change });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.overview });
}
