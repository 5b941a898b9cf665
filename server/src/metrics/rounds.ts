/**
 * The series of sources, plans and repositories, read in rounds of short steps, so that a scrape of a large fleet neither waits
 * for tens of thousands of rows nor holds the event loop.
 *
 * A small fleet is read at each scrape. A larger one is read again and again while somebody scrapes, and shown as of the last
 * round that ended; what it shows is at most a round and its pause old.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { CoreContext } from '../core/ports.ts';
import { readObjectives } from '../core/protection/objective-settings.ts';
import { type Objectives, resolveObjectives } from '../core/protection/objectives.ts';
import type { ProtectionCounts } from '../core/protection/protection.ts';
import { BY_HAND_OBJECTIVE_MS } from '../core/protection/protection.ts';
import type { FigurePage, PlanFigures, SourceFigures } from '../store/figures.ts';
import { createCalendar } from './calendar.ts';
import { type Block, type Family, formatBlock, joinBlocks } from './exposition.ts';
import { PLAN_FAMILIES, type PlanRow, REPOSITORY_FAMILIES, SOURCE_FAMILIES, type SourceRow } from './families.ts';

export const ROUND_KINDS = ['sources', 'plans', 'repositories'] as const;
export type RoundKind = (typeof ROUND_KINDS)[number];

export interface RoundLimits {
  /** Rows of a kind that are told one by one. */
  most: Readonly<Record<RoundKind, number>>;
  /** Up to so many rows of all kinds are read while a scrape waits. */
  smallRows: number;
  /** Between the end of a round and the next, milliseconds. */
  pauseMs: number;
}

export const ROUND_LIMITS: RoundLimits = {
  most: { sources: 25_000, plans: 20_000, repositories: 5_000 },
  smallRows: 2_000,
  pauseMs: 10_000,
};

/** Rows of one kind that have series, and whether they are as many as may have any. */
export interface Shown {
  rows: number;
  isFull: boolean;
}

export interface Round {
  pieces: readonly Buffer[];
  shown: Readonly<Record<RoundKind, Shown>>;
  /** All sources, with series of their own or without. */
  protection: ProtectionCounts;
  /** By `monotonicMs`. */
  endedMs: number;
}

export interface Rounds {
  /** The newest round, or a new one. */
  show(): Promise<Round>;
  close(): void;
}

/** Rows read in one step: some milliseconds of the event loop. */
const STEP_ROWS = 200;
/** Schedules read before others get their turn. */
const STEP_READINGS = 20;
/** A round older than this is no answer: nobody scraped for a while. */
const STALE_MS = 60_000;
/** Rounds go on for so long after the last scrape. */
const WANTED_MS = 10 * 60_000;

export function createRounds(context: CoreContext, limits: RoundLimits = ROUND_LIMITS): Rounds {
  const { store, clock, log } = context;
  const calendar = createCalendar(context);
  let last: Round | undefined;
  let underWay: Promise<Round> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let askedMs = 0;
  let isClosed = false;

  /** Reads what schedules promise, and lets others in between. */
  function createPace(): () => Promise<void> {
    let readings = calendar.countReadings();
    return async () => {
      if (calendar.countReadings() - readings < STEP_READINGS) return;
      readings = calendar.countReadings();
      await nextTurn();
    };
  }

  /** As the server itself judges: by the strictest schedule, and by its own measure where there is none. */
  async function findExpectedMs({ plans }: SourceFigures, pace: () => Promise<void>): Promise<number | undefined> {
    let expectedMs: number | undefined;
    for (const { schedule } of plans) {
      const everyMs = schedule && calendar.look(schedule).everyMs;
      if (everyMs !== undefined) expectedMs = Math.min(everyMs, expectedMs ?? everyMs);
      await pace();
    }
    return expectedMs ?? (plans.length === 0 ? undefined : BY_HAND_OBJECTIVE_MS);
  }

  async function toSourceRow(figures: SourceFigures, objectives: Objectives, pace: () => Promise<void>): Promise<SourceRow> {
    const { health, healthToldAt, plans, tags } = figures;
    const isKnown = health !== undefined && clock.now() - (healthToldAt ?? 0) <= SOURCE_HEALTH.staleMs;
    return {
      ...figures,
      expectedMs: await findExpectedMs(figures, pace),
      // Proofs have no series of this kind, so whether there can be one is nothing to ask for.
      objectiveMs: resolveObjectives(objectives, { plans, tags, canProve: false }).backup?.ms,
      isUp: isKnown ? health !== 'offline' : undefined,
    };
  }

  function toPlanRow({ plan, schedule, effectiveFrom }: PlanFigures): PlanRow {
    if (schedule === undefined) return { plan };
    const { everyMs: expectedMs, nextAt } = calendar.look(schedule);
    // A plan of tomorrow skips the fires before it.
    const nextFireAt =
      nextAt !== undefined && nextAt < effectiveFrom ? context.listFires(schedule, effectiveFrom - 1, 1)[0] : nextAt;
    return { plan, nextFireAt, expectedMs };
  }

  async function readKind<F extends { id: string }, R>(
    kind: RoundKind,
    list: (page: FigurePage) => Promise<readonly F[]>,
    families: readonly Family<R>[],
    toRow: (figures: F) => R | Promise<R>,
    nameRow: (row: R) => Readonly<Record<string, string>>,
  ): Promise<{ pieces: readonly Buffer[]; shown: Shown }> {
    const blocks: Block[] = [];
    let shown = 0;
    for (let after: string | undefined; !isClosed; ) {
      const limit = Math.min(STEP_ROWS, limits.most[kind] - shown);
      const found = limit === 0 ? [] : await list({ limit, after });
      const rows: R[] = [];
      for (const figures of found) rows.push(await toRow(figures));
      blocks.push(formatBlock(families, rows, nameRow));
      shown += rows.length;
      after = found.at(-1)?.id;
      if (found.length < STEP_ROWS) break;
      await nextTurn();
    }
    return { pieces: joinBlocks(families, blocks), shown: { rows: shown, isFull: shown >= limits.most[kind] } };
  }

  async function readRound(): Promise<Round> {
    const { figures } = store;
    const pace = createPace();
    const objectives = await readObjectives(context);
    const sources = await readKind(
      'sources',
      (page) => figures.listSourceFigures(DEFAULT_TENANT, page),
      SOURCE_FAMILIES,
      (row) => toSourceRow(row, objectives, pace),
      ({ host, source }) => ({ host, source }),
    );
    const plans = await readKind(
      'plans',
      (page) => figures.listPlanFigures(DEFAULT_TENANT, page),
      PLAN_FAMILIES,
      async (row) => {
        await pace();
        return toPlanRow(row);
      },
      ({ plan }) => ({ plan }),
    );
    const repositories = await readKind(
      'repositories',
      (page) => figures.listRepositoryFigures(DEFAULT_TENANT, page),
      REPOSITORY_FAMILIES,
      (row) => row,
      ({ repository }) => ({ repository }),
    );
    const { counts: protection } = await context.fleet.look(DEFAULT_TENANT);
    last = {
      pieces: [...sources.pieces, ...plans.pieces, ...repositories.pieces],
      shown: { sources: sources.shown, plans: plans.shown, repositories: repositories.shown },
      protection,
      endedMs: clock.monotonicMs(),
    };
    return last;
  }

  function startRound(): Promise<Round> {
    underWay ??= readRound().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  /** The next round of a large fleet, as long as somebody asks. */
  function planNext(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      timer = undefined;
      if (clock.monotonicMs() - askedMs > WANTED_MS) return;
      startRound()
        .catch((error: unknown) => {
          if (!isClosed) log.warn({ err: error }, 'reading figures for the metrics failed');
        })
        .finally(planNext);
    }, limits.pauseMs);
    timer.unref();
  }

  const isSmall = ({ shown }: Round) => ROUND_KINDS.reduce((sum, kind) => sum + shown[kind].rows, 0) <= limits.smallRows;

  return {
    async show() {
      askedMs = clock.monotonicMs();
      const isUsable = last !== undefined && !isSmall(last) && askedMs - last.endedMs <= STALE_MS;
      const round = isUsable && last !== undefined ? last : await startRound();
      if (!isSmall(round)) planNext();
      return round;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
