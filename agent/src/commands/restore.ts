/** `holdfast-agent restore`: lists and restores from the spec this host holds, with the server away and beside a running agent. */
import { systemClock } from '@holdfast/shared/clock.ts';
import { findTags } from '@holdfast/shared/domain/snapshot.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { AgentConfig } from '../config.ts';
import { glanceAtContents } from '../journal/peek.ts';
import { createAgentLog } from '../log.ts';
import { prepareRepository, withWorkDir } from '../runs/inputs.ts';
import { createStoredOrigin } from '../runs/restore/database/dump-origin.ts';
import { restoreDatabase } from '../runs/restore/database/restore-database.ts';
import { restoreDirectory } from '../runs/restore/files/restore-directory.ts';
import { restoreOneFile } from '../runs/restore/files/restore-file.ts';
import { restoreInPlace } from '../runs/restore/files/restore-in-place.ts';
import type { RestorePart, RestoreResult } from '../runs/restore/restore-part.ts';
import { describePlaces } from '../runs/restore/restore-safety.ts';
import { type HostTooling, openTooling } from '../tooling.ts';
import { createConsoleRecorder, listenForStop } from './console-run.ts';
import { readCredential } from './credential-by-hand.ts';
import { printJson, printLine } from './output.ts';
import { tellPolicy } from './policy-by-hand.ts';
import { chooseRestorable, getSource, listRestorable, printRestorable, type Restorable } from './restorables.ts';
import { type ByHand, describeTarget, getOpenSource, openTarget } from './restore-into-database.ts';
import { restoreNamedFile } from './restore-named-file.ts';
import { type DatabaseWay, decideWay, type FilesTarget } from './restore-way.ts';
import { findGlobals, measureDump, parseOptions, type RestoreWishes } from './restore-wishes.ts';
import { backUpByHand } from './safety-by-hand.ts';
import { createGivenSecrets } from './secrets-by-hand.ts';
import { getStoredSpec } from './stored-spec.ts';

async function restoreStored(
  byHand: ByHand,
  part: RestorePart,
  { source, repository, snapshot }: Restorable,
  way: DatabaseWay,
): Promise<RestoreResult> {
  const { wishes } = byHand;
  const through = getOpenSource(byHand, wishes.throughSource ?? source.id);
  if (through.kind !== source.kind)
    throw new AppError('invalid', `--through-source: ${through.name} is not of the same engine as ${source.name}`);
  const target = openTarget(byHand, through, way, part.workDir);
  const fileName = snapshot.paths[0]?.replace(/^\//, '');
  if (fileName === undefined) throw new AppError('integrity', 'the snapshot names no stored dump');
  const options = parseOptions(wishes);
  const stored = { ...part, fileName };
  const recorded = glanceAtContents(byHand.stateDir, findTags(snapshot.tags)?.run ?? '', source.id);
  if (!recorded)
    part.recorder.log(
      'warn',
      'this host keeps no record of what the database held: what comes back is counted, and compared with nothing',
    );
  return restoreDatabase({
    ...part,
    ...describeTarget(byHand, target, () => repository),
    sizeBytes: await measureDump(part, fileName),
    globals: options.roles === undefined ? undefined : await findGlobals(part, snapshot),
    stored,
    origin: createStoredOrigin(stored),
    recorded,
    options,
  });
}

function restoreFiles(
  { tooling, spec, wishes, signal, stateDir }: ByHand,
  part: RestorePart,
  target: FilesTarget,
  { source, repository }: Restorable,
): Promise<RestoreResult> {
  const { paths } = source.config;
  switch (target.kind) {
    case 'directory':
      // Who is root on the host gets all of it, as from tar.
      return restoreDirectory(part, { ...target, keepPrivileges: true });
    case 'in_place':
      return restoreInPlace(part, {
        paths: target.paths,
        configured: Array.isArray(paths) ? paths : [],
        backUp:
          wishes.safetyBackup === false
            ? undefined
            : (standing) =>
                backUpByHand(
                  { tooling, spec, repository: () => repository, signal, stateDir },
                  describePlaces(source.id, standing),
                ),
      });
    case 'archive':
    case 'file':
      return restoreOneFile(part, target);
  }
}

async function restoreChosen(byHand: ByHand, chosen: Restorable, way: DatabaseWay | FilesTarget): Promise<RestoreResult> {
  const { tooling, wishes, signal } = byHand;
  const { downloadKiBps, acceptLittleRoom } = parseOptions(wishes);
  const exec = tooling.exec.withLimits(downloadKiBps === undefined ? {} : { downloadKiBps });
  const recorder = createConsoleRecorder(tooling);
  return withWorkDir(tooling, async (workDir) => {
    const repository = prepareRepository(tooling, chosen.repository, workDir);
    recorder.addRedaction(repository.redact);
    const { engineId } = chosen.snapshot;
    const engine = tooling.engine(exec);
    const part: RestorePart = {
      tooling,
      exec,
      engine,
      recorder,
      repository,
      engineId,
      sizeBytes: 0,
      workDir,
      signal,
      acceptLittleRoom,
    };
    return way.kind === 'database' ? restoreStored(byHand, part, chosen, way) : restoreFiles(byHand, part, way, chosen);
  });
}

/** Where it went, and how a database was restored or what became of files, for people and for programs. */
function describeEnd(way: DatabaseWay | FilesTarget): { target: string; mode: string } {
  if (way.kind === 'database') return { target: way.database, mode: way.mode };
  return { target: way.kind === 'in_place' ? way.paths.join(', ') : way.path, mode: way.kind };
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
  const given = config.givenSecrets;
  const tooling = { ...opened, secrets: createGivenSecrets(spec, given) };
  const json = wishes.json === true;
  if (wishes.file !== undefined) {
    const credential = await readCredential(wishes);
    await restoreNamedFile({
      tooling,
      spec,
      wishes,
      given,
      credential,
      signal: listenForStop(),
      stateDir: config.stateDir,
      json,
    });
    return;
  }
  if (wishes.list) {
    printRestorable(await listRestorable(tooling, spec, config, wishes), json);
    return;
  }
  if (wishes.source === undefined)
    throw new AppError('invalid', 'say what to restore with --source NAME, or see what there is with --list');
  const { id, name, kind } = getSource(spec, wishes.source);
  const way = decideWay(wishes, kind, spec.hostName);
  tellPolicy(tooling, way);
  const chosen = chooseRestorable(await listRestorable(tooling, spec, config, { ...wishes, source: id }), wishes.snapshot);
  const { snapshot, vouched } = chosen;
  if (vouched === 'unknown') {
    tooling.log.warn(
      { snapshot: snapshot.engineId.slice(0, 8) },
      'this host remembers no run that vouches for this snapshot: see that what it holds is complete',
    );
  }
  const credential = await readCredential(wishes);
  const byHand = { tooling, spec, wishes, given, credential, signal: listenForStop(), stateDir: config.stateDir };
  const { evidence, warnings, doubt } = await restoreChosen(byHand, chosen, way);
  const { target, mode } = describeEnd(way);
  if (json) printJson({ snapshot: snapshot.engineId, source: name, target, mode, evidence, warnings });
  else {
    const where = mode === 'in_place' ? `in place: ${target}` : `to ${target}`;
    printLine(`restored ${name} of ${new Date(snapshot.createdAt).toISOString()} ${where}`);
  }
  // What came stays, and is less than it should be.
  if (doubt) throw doubt;
}
