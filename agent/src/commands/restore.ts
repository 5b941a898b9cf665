/** `holdfast-agent restore`: lists and restores from the spec this host holds, with the server away and beside a running agent. */
import { isAbsolute, resolve } from 'node:path';
import { systemClock } from '@holdfast/shared/clock.ts';
import type { Spec, SpecRepository, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { findTags, SAFETY_PLAN } from '@holdfast/shared/domain/snapshot.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { AgentConfig } from '../config.ts';
import type { StoredSnapshot } from '../engines/restic/parse.ts';
import type { GivenSecrets } from '../given-secrets.ts';
import { glanceAtLedger } from '../journal/peek.ts';
import { createAgentLog } from '../log.ts';
import { createStoredOrigin } from '../runs/dump-origin.ts';
import { prepareRepository, prepareSource, withWorkDir } from '../runs/inputs.ts';
import { restoreDatabase } from '../runs/restore-database.ts';
import { restoreDirectory } from '../runs/restore-directory.ts';
import type { RestorePart, RestoreResult } from '../runs/restore-part.ts';
import { type HostTooling, openTooling } from '../tooling.ts';
import { createConsoleRecorder, listenForStop } from './console-run.ts';
import { printJson, printLine, printTable } from './output.ts';
import { restoreNamedFile } from './restore-named-file.ts';
import { findGlobals, measureDump, parseOptions, type RestoreWishes } from './restore-wishes.ts';
import { createGivenSecrets, createMissingError, isOpenable } from './secrets-by-hand.ts';
import { getStoredSpec } from './stored-spec.ts';

/** One thing that can be restored. */
interface Restorable {
  source: SpecSource;
  repository: SpecRepository;
  snapshot: StoredSnapshot;
  /** Whether a clean run of this host vouches for it, as far as this host remembers. */
  vouched: 'yes' | 'no' | 'unknown';
  /** Made before a restore, of what that was about to change: only ever restored by its name. */
  isSafety: boolean;
}

async function listOf(tooling: HostTooling, spec: Spec, config: AgentConfig, repository: SpecRepository): Promise<Restorable[]> {
  const listed = await withWorkDir(tooling, (workDir) => {
    const { access } = prepareRepository(tooling, repository, workDir);
    return tooling.engine(tooling.exec).listSnapshots({ access, workDir, tags: [`host:${spec.host}`, 'role:data'] });
  });
  if (listed.failure) throw createReasonError(listed.failure.reason, `${repository.name}: ${listed.failure.message}`);
  const ledger = glanceAtLedger(config.stateDir);
  return listed.snapshots.flatMap((snapshot) => {
    const tags = findTags(snapshot.tags);
    const source = spec.sources.find((candidate) => candidate.id === tags?.source);
    if (!source) return [];
    const state = ledger.get(snapshot.engineId);
    return [
      {
        source,
        repository,
        snapshot,
        vouched: state === undefined ? 'unknown' : state === 'vouched' || state === 'partial' ? 'yes' : 'no',
        isSafety: tags?.plan === SAFETY_PLAN,
      },
    ];
  });
}

/** Newest first. */
async function listRestorable(
  tooling: HostTooling,
  spec: Spec,
  config: AgentConfig,
  source: string | undefined,
): Promise<Restorable[]> {
  const found: Restorable[] = [];
  const closed = spec.repositories.filter((repository) => !isOpenable(repository, config.givenSecrets));
  if (closed.length > 0) {
    const missing = createMissingError('repository', closed);
    if (closed.length === spec.repositories.length) throw missing;
    tooling.log.warn({}, `not looked into: ${missing.message}`);
  }
  for (const repository of spec.repositories.filter((one) => !closed.includes(one)))
    found.push(...(await listOf(tooling, spec, config, repository)));
  const wanted = found.filter((entry) => source === undefined || entry.source.id === source || entry.source.name === source);
  return wanted.sort((a, b) => b.snapshot.createdAt - a.snapshot.createdAt);
}

function choose(found: readonly Restorable[], wishes: RestoreWishes): Restorable {
  const wanted = wishes.snapshot ?? 'latest';
  if (wanted === 'latest') {
    // What this host does not remember may be what a dying agent left; without any memory it is all there is.
    const planned = found.filter((entry) => !entry.isSafety);
    const newest = planned.find((entry) => entry.vouched === 'yes') ?? planned.find((entry) => entry.vouched === 'unknown');
    if (!newest) throw new AppError('not_found', 'there is no snapshot of that source; see "holdfast-agent restore --list"');
    return newest;
  }
  const matching = found.filter((entry) => entry.snapshot.engineId.startsWith(wanted));
  if (wanted.length < 8 || matching.length !== 1)
    throw new AppError('not_found', 'give at least the first eight letters of one snapshot; see "holdfast-agent restore --list"');
  const [only] = matching as [Restorable];
  if (only.vouched === 'no')
    throw new AppError(
      'precondition',
      'no clean run vouches for this snapshot: it was made by a run that failed, so it is not restored',
    );
  return only;
}

async function restoreChosen(
  tooling: HostTooling,
  chosen: Restorable,
  wishes: RestoreWishes,
  given: GivenSecrets | undefined,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const options = parseOptions(wishes);
  const { downloadKiBps } = options;
  const exec = tooling.exec.withLimits(downloadKiBps === undefined ? {} : { downloadKiBps });
  const recorder = createConsoleRecorder(tooling);
  if (!isOpenable(chosen.source, given)) throw createMissingError('source', [chosen.source]);
  return withWorkDir(tooling, async (workDir) => {
    const repository = prepareRepository(tooling, chosen.repository, workDir);
    recorder.addRedaction(repository.redact);
    const part: RestorePart = {
      tooling,
      exec,
      engine: tooling.engine(exec),
      recorder,
      repository,
      engineId: chosen.snapshot.engineId,
      sizeBytes: 0,
      workDir,
      signal,
    };
    const source = prepareSource(tooling, chosen.source, workDir);
    const { restore } = source.adapter;
    if (restore) {
      if (wishes.toDatabase === undefined)
        throw new AppError('invalid', 'this source is a database: say under which new name with --to-database NAME');
      const fileName = chosen.snapshot.paths[0]?.replace(/^\//, '');
      if (fileName === undefined) throw new AppError('integrity', 'the snapshot names no stored dump');
      const stored = { ...part, fileName };
      return restoreDatabase({
        ...part,
        sizeBytes: await measureDump(part, fileName),
        globals: options.roles === undefined ? undefined : await findGlobals(part, chosen.snapshot),
        connection: source,
        restore,
        stored,
        origin: createStoredOrigin(stored),
        database: wishes.toDatabase,
        mode: 'new',
        tables: [],
        options,
        remember: () => undefined,
      });
    }
    if (wishes.to === undefined)
      throw new AppError('invalid', 'this source is a tree of files: say where to with --to DIRECTORY');
    return restoreDirectory(part, isAbsolute(wishes.to) ? wishes.to : resolve(wishes.to));
  });
}

export async function runRestore(config: AgentConfig, wishes: RestoreWishes & { json?: boolean }): Promise<void> {
  const log = createAgentLog({ level: 'warn', forPeople: true, now: systemClock.now });
  const tooling = await openTooling({ config, log });
  try {
    await listOrRestore(tooling, config, wishes);
  } finally {
    tooling.workDirs.close();
  }
}

async function listOrRestore(
  opened: HostTooling,
  config: AgentConfig,
  wishes: RestoreWishes & { json?: boolean },
): Promise<void> {
  const spec = getStoredSpec(opened, config.stateDir);
  const tooling = { ...opened, secrets: createGivenSecrets(spec, config.givenSecrets) };
  if (wishes.file !== undefined) return restoreNamedFile(tooling, spec, wishes, config.givenSecrets);
  const found = await listRestorable(tooling, spec, config, wishes.source);
  if (wishes.list) {
    const rows = found.map(({ source, repository, snapshot, vouched, isSafety }) => ({
      snapshot: snapshot.engineId,
      source: source.name,
      kind: source.kind,
      repository: repository.name,
      createdAt: snapshot.createdAt,
      vouched,
      isSafety,
    }));
    if (wishes.json) printJson(rows);
    else {
      printTable(
        ['SNAPSHOT', 'SOURCE', 'KIND', 'REPOSITORY', 'MADE', 'VOUCHED'],
        rows.map((row) => [
          row.snapshot.slice(0, 8),
          row.source,
          row.kind,
          row.repository,
          new Date(row.createdAt).toISOString(),
          row.isSafety ? `${row.vouched}, before a restore` : row.vouched,
        ]),
      );
    }
    return;
  }
  if (wishes.source === undefined)
    throw new AppError('invalid', 'say what to restore with --source NAME, or see what there is with --list');
  const chosen = choose(found, wishes);
  if (chosen.vouched === 'unknown') {
    tooling.log.warn(
      { snapshot: chosen.snapshot.engineId.slice(0, 8) },
      'this host remembers no run that vouches for this snapshot: see that what it holds is complete',
    );
  }
  const result = await restoreChosen(tooling, chosen, wishes, config.givenSecrets, listenForStop());
  const target = wishes.toDatabase ?? wishes.to ?? '';
  if (wishes.json)
    printJson({
      snapshot: chosen.snapshot.engineId,
      source: chosen.source.name,
      target,
      evidence: result.evidence,
      warnings: result.warnings,
    });
  else printLine(`restored ${chosen.source.name} of ${new Date(chosen.snapshot.createdAt).toISOString()} to ${target}`);
}
