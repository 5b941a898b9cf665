/** One file of a snapshot, or a directory as an archive, into a file that is open: the bytes never pass through the agent. */
import type { BrowseInput } from './browse.ts';
import type { EngineFailure } from './classify.ts';
import { type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';
import { planDumpPath } from './tree-args.ts';

export interface DumpPathInput extends BrowseInput {
  /** Inside the snapshot; a name that is no UTF-8 is `invalid`. */
  path: string;
  archive?: 'tar' | 'zip' | undefined;
  /** Descriptor of the file, at its beginning. */
  to: number;
  stallMs: number;
  onBytes?: ((writtenBytes: number) => void) | undefined;
  onLog?: OnLog | undefined;
}

/** Undefined when everything was written. */
export async function dumpPath(host: ResticHost, input: DumpPathInput): Promise<EngineFailure | undefined> {
  const { failure } = await runRestic(host, {
    command: planDumpPath(placeAt(host, input.access), input),
    workDir: input.workDir,
    operation: 'restore',
    signal: input.signal,
    stallMs: input.stallMs,
    patience: { retryMs: input.stallMs },
    stdoutTo: input.to,
    onBytes: ({ writtenBytes }) => input.onBytes?.(writtenBytes),
    onLog: input.onLog,
  });
  return failure;
}
