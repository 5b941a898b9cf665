/**
 * A dump file of this host, held open from the moment it is chosen to the end of the restore: whatever becomes of its name, what is checked is
 * what is read. Its bytes go from process to process, never through the agent.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseScript } from '@holdfast/shared/adapters/script.ts';
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import {
  type ChosenDump,
  fitsDumpEngine,
  listDumpModes,
  listDumpOptions,
  type RecognisedDump,
} from '@holdfast/shared/domain/dump-file.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { RestoreMode, RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { showName } from '../../../engines/restic/classify.ts';
import type { Stage } from '../../../exec/contract.ts';
import { lookAtDump } from './dump-look.ts';
import type { DumpOrigin } from './dump-origin.ts';
import { findHostProgram } from './host-program.ts';
import { type OpenedFile, openAnyFile, openOfferedFile } from './offered-directory.ts';

export interface HostDump extends DumpOrigin {
  dump: RecognisedDump;
  /** For people. */
  path: string;
  sizeBytes: number;
  /** Its content, unpacked and otherwise as it is. */
  rawStage(): Stage;
  /** The file itself at its beginning, open for reading; this one's to close. */
  reopen(): number;
  close(): void;
}

/** Both codes count: what the second one got may be what the first one could not go on with. */
const UNPACK_AND_FILTER = `exec 4>&1
ends=$({ { "$1" -dc 3>&- 4>&-; echo "g$?" >&3; } | { "$2" -f "$3" >&4 3>&- 4>&-; echo "s$?" >&3; }; } 3>&1)
case "$ends" in *s3*) exit 3;; *g141*|*s4*|*s141*) echo 'broken pipe' >&2; exit 1;; *g0*s0*|*s0*g0*) exit 0;; esac
exit 1`;
const FILTERED = 3;

/** Of the key that keeps a script from commands of its client. */
const KEY_BYTES = 16;

const LC_BYTES = { LC_ALL: 'C' } as const;

const isSameFile = (one: Stats, other: Stats) =>
  one.size === other.size && one.mtimeMs === other.mtimeMs && one.ctimeMs === other.ctimeMs;

/** Where the reader of a descriptor is that it shares with us. */
function findPosition(descriptor: number): number {
  return Number(/^pos:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1] ?? 0);
}

function createFilterStage(dump: RecognisedDump, stdin: number, filter: string, workDir: string): Stage {
  const path = join(workDir, 'script-filter.sed');
  const files = [{ path, content: filter }];
  if (!dump.isGzip) return { command: { args: ['-f', path], env: LC_BYTES, files }, binary: findHostProgram('sed'), stdin };
  const args = ['-c', UNPACK_AND_FILTER, 'sh', findHostProgram('gzip'), findHostProgram('sed'), path];
  return { command: { args, env: LC_BYTES, files }, binary: findHostProgram('sh'), stdin };
}

function classifyFailure(outcome: Parameters<DumpOrigin['classify']>[0], path: string): ReturnType<DumpOrigin['classify']> {
  if (outcome.exitCode === FILTERED)
    return {
      reason: 'dump_refused',
      message: `${path} holds a line that must not reach the database’s client: the word \\unrestrict, or a NUL byte`,
    };
  return {
    reason: 'dump_damaged',
    message: `${path} cannot be read to its end: ${outcome.stderr.trim() || 'its reader ended early'}`,
  };
}

interface Opening {
  opened: OpenedFile;
  path: string;
  restore: DatabaseRestore;
  kind: string;
  workDir: string;
}

function recognise({ opened, path, kind }: Opening): RecognisedDump {
  const look = lookAtDump(opened.descriptor);
  if ('refusal' in look) throw createReasonError('dump_refused', `${path}: ${look.refusal}`);
  if (fitsDumpEngine(look.dump, kind)) return look.dump;
  throw createReasonError('dump_refused', `${path} is a dump of ${look.dump.engine}, and the target is a server of ${kind}`);
}

function createHostDump(opening: Opening): HostDump {
  const { opened, path, restore, workDir } = opening;
  const dump = recognise(opening);
  const held = new Set([opened.descriptor]);
  let reading = opened.descriptor;
  const reopen = () => {
    const descriptor = openSync(`/proc/self/fd/${opened.descriptor}`, constants.O_RDONLY);
    held.add(descriptor);
    return descriptor;
  };
  const begin = () => {
    reading = reopen();
    return reading;
  };
  const rawStage = (): Stage => ({
    command: { args: dump.isGzip ? ['-dc'] : [], env: LC_BYTES, files: [] },
    binary: findHostProgram(dump.isGzip ? 'gzip' : 'cat'),
    stdin: begin(),
  });
  return {
    dump,
    path,
    sizeBytes: opened.stats.size,
    noun: 'file',
    readWords: 'The whole file was read before anything was changed.',
    endWords: 'the reader of the file and the database’s tool ended well',
    rawStage,
    stage() {
      const filter = dump.format === 'plain' ? restore.script?.filter : undefined;
      return filter === undefined ? rawStage() : createFilterStage(dump, begin(), filter, workDir);
    },
    classify: (outcome) => classifyFailure(outcome, path),
    countRead: () => findPosition(reading),
    readVersion: async () => dump.serverVersion,
    assertSame() {
      if (!isSameFile(opened.stats, fstatSync(opened.descriptor)))
        throw createReasonError('dump_changed', `${path} was changed while it was read`);
    },
    reopen,
    close() {
      for (const descriptor of held) closeSync(descriptor);
      held.clear();
    },
  };
}

function open(find: () => OpenedFile, expect: (stats: Stats) => boolean, rest: Omit<Opening, 'opened'>): HostDump {
  const opened = find();
  try {
    if (!expect(opened.stats))
      throw createReasonError('dump_changed', `${rest.path} has another size or time than when it was chosen`);
    return createHostDump({ ...rest, opened });
  } catch (error) {
    closeSync(opened.descriptor);
    throw error;
  }
}

type Target = Pick<Opening, 'restore' | 'kind' | 'workDir'>;

/** Opens what the server chose. Throws `dump_refused`, `dump_changed`, and what `openOfferedFile` throws. */
export function openOfferedDump(
  offered: readonly string[],
  { path, sizeBytes, modifiedAt }: ChosenDump,
  target: Target,
): HostDump {
  const isChosen = (stats: Stats) => stats.size === sizeBytes && Math.floor(stats.mtimeMs) === modifiedAt;
  return open(() => openOfferedFile(offered, path), isChosen, { ...target, path: showName(path) });
}

/** Opens what a person at the host named. Throws likewise. */
export function openNamedDump(path: string, target: Target): HostDump {
  return open(
    () => openAnyFile(path),
    () => true,
    { ...target, path: showName(path) },
  );
}

/** The engine's restore as this file needs it: scripts go through their own client. */
export function adaptRestore(
  restore: DatabaseRestore,
  { dump }: HostDump,
  { randomBytes }: Pick<Crypto, 'randomBytes'>,
): DatabaseRestore {
  const script: DatabaseScript | undefined = dump.format === 'plain' ? restore.script : undefined;
  const { plan, judge } = script ?? {};
  if (!plan) return restore;
  const key = Buffer.from(randomBytes(KEY_BYTES)).toString('hex');
  const { planRestoreFile: _archives, planProof: _whole, properties: _listed, ...others } = restore;
  return { ...others, planRestore: (input) => plan(input, key), ...(judge ? { judgeRestore: judge } : {}) };
}

/** Throws `unsupported` for what cannot be done with a file of this kind. */
export function assertDoable(
  { dump, path }: HostDump,
  restore: DatabaseRestore,
  mode: RestoreMode,
  options: RestoreOptions,
): void {
  const can = listDumpOptions(dump);
  if (!listDumpModes(dump, restore.modes).includes(mode))
    throw new AppError('unsupported', `${path} is a script, which is not restored in the mode ${mode}`);
  if (options.jobs !== undefined && !can.jobs)
    throw new AppError('unsupported', `${path} only streams, through one connection: leave the number of connections out`);
  if (options.owners === false && !can.owners)
    throw new AppError('unsupported', `${path} is a script, of which owners and grants cannot be left out`);
  if (options.roles !== undefined) throw createReasonError('roles_refused', 'No roles lie beside a dump file');
}
