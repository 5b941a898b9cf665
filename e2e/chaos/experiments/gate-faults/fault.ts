/** What a fault is, and the acts that several of them share. */
import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { RunState } from '@holdfast/shared/domain/run.ts';
import { signalQuietly } from '../../../harness/services/processes.ts';
import type { Seed } from '../../seed.ts';
import type { Lane, LaneSource, LaneStorage } from './lane.ts';
import { awaitMoment, awaitTool, drawMoment, drawPart, type Moment, STORE, type Watched } from './moments.ts';
import type { Services } from './services.ts';
import type { SourceKind, Truth } from './sources.ts';
import { moveAside, type StorageKind } from './storages.ts';
import type { Mischief } from './unruly-tool.ts';

/** A try while it goes on. */
export type Try = Watched & {
  readonly lane: Lane;
  readonly source: LaneSource;
  readonly storage: LaneStorage;
  readonly services: Services;
  readonly seed: Seed;
  readonly run: RunId;
  /** Resolves when the run has ended. */
  awaitEnd(): Promise<unknown>;
  record(what: string, facts?: object): void;
  /** What puts the world in order again once nothing of the run is left on its host. */
  mendWith(mend: () => Promise<unknown>): void;
  /** What the source may be found to hold, when it is changed on purpose. */
  expect(truth: Truth): void;
};

export type Prepared = Omit<Try, 'run' | 'hasEnded' | 'awaitEnd'>;

export type Fault = {
  readonly kind: string;
  /** All unless told. */
  readonly sources?: readonly SourceKind[];
  readonly storages?: readonly StorageKind[];
  /** Ends that tell the truth. What is green is restored and compared in any case. */
  readonly allowed: readonly RunState[];
  /** Harms what other lanes work with, so it is tried when nothing else is. */
  readonly isAlone?: true;
  readonly isWrongPassword?: true;
  /** Takes far longer than a try of a selection may. */
  readonly isSlow?: true;
  /** Nothing may be left after this long. */
  readonly leftoverMs?: number;
  /** Before the run is ordered. */
  before?(prepared: Prepared): Promise<void>;
  /** While it goes on. False when the run was over before it could strike. */
  during?(current: Try): Promise<boolean>;
};

/** Whatever a fault strikes at may have been done a moment before; then green is the truth, and the comparison proves it. */
export const FAILED_OR_LATE: readonly RunState[] = ['failed', 'succeeded'];
export const ONLY_FAILED: readonly RunState[] = ['failed'];

export const DATABASES: readonly SourceKind[] = ['postgres', 'mariadb'];
/** Those whose files lie on this machine. */
export const FOLDERS: readonly StorageKind[] = ['local', 'rest', 'sftp'];

/** Waits for a moment drawn from the try's seed, and acts. An act that says `false` found nothing to strike at. */
export async function strike(
  current: Try,
  draw: (seed: Seed) => Moment,
  what: string,
  act: () => Promise<unknown> | unknown,
): Promise<boolean> {
  const moment = draw(current.seed.fork('moment'));
  const isInTime = await awaitMoment(current, moment);
  const isStruck = isInTime && (await act()) !== false;
  current.record(what, { moment, isStruck });
  return isStruck;
}

/** Signals the dump or restic in the middle of the data. */
export function signalTool(kind: string, tools: readonly ('dump' | 'store')[], signal: NodeJS.Signals): Fault {
  return {
    kind,
    ...(tools.includes('dump') ? { sources: DATABASES } : {}),
    allowed: FAILED_OR_LATE,
    async during(current) {
      const pids: number[] = [];
      for (const tool of tools) {
        const pattern = tool === 'store' ? STORE : current.source.dump;
        const pid = pattern && (await awaitTool(current, pattern));
        if (pid !== undefined) pids.push(pid);
      }
      return await strike(current, drawPart, signal, () => {
        for (const pid of current.seed.fork('order').shuffle(pids)) signalQuietly(pid, signal);
      });
    },
  };
}

/** A dump program that does not do what it should. */
export function makeMischief(kind: string, choose: (seed: Seed, expectedBytes: number) => Mischief): Fault {
  return {
    kind,
    sources: DATABASES,
    allowed: ONLY_FAILED,
    async before({ lane, source, seed, record, mendWith }) {
      const mischief = choose(seed.fork('mischief'), source.expectedBytes);
      mendWith(() => lane.tools.behave());
      await lane.tools.misbehave(mischief);
      record('mischief', mischief);
    },
  };
}

/** Takes something out of the repository for as long as the run goes on: before it begins, or in its middle. */
export function takeAway(kind: string, part: 'config' | 'keys', when: 'before' | 'during'): Fault {
  const take = async ({ storage, record, mendWith }: Pick<Try, 'storage' | 'record' | 'mendWith'>): Promise<void> => {
    if (storage.directory === undefined) throw new Error(`A repository on ${storage.kind} has no files here.`);
    mendWith(await moveAside(join(storage.directory, part)));
    record('taken away', { part });
  };
  return {
    kind,
    storages: FOLDERS,
    allowed: when === 'before' ? ONLY_FAILED : FAILED_OR_LATE,
    ...(when === 'before'
      ? { before: take }
      : { during: (current: Try) => strike(current, drawMoment, `${part} away`, () => take(current)) }),
  };
}
