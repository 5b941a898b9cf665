/**
 * The gate between two stages: a FIFO whose end of file is ours to give. The agent holds one write end open; until it
 * closes that end the consumer cannot see the end of the data, whatever became of the producer. The bytes go from process to
 * process in the kernel.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

export interface Gate {
  /** Standard output of the producer. */
  readonly writeEnd: number;
  /** Standard input of the consumer. */
  readonly readEnd: number;
  /** Closes our copies of the children's ends, once both have theirs. Idempotent. */
  handOver(): void;
  /** Gives the end of file. Called once the producer is vouched for, or when the consumer is gone. Idempotent. */
  release(): void;
  /** Both of these: nothing of it is left. */
  close(): void;
}

/** The way to close some descriptors once, however often it is gone. */
function closeOnce(...descriptors: number[]): () => void {
  return () => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
  };
}

/** Makes the FIFO in a private directory and opens it; the name is gone before this returns. */
export async function openGate(workDir: string): Promise<Gate> {
  const path = join(workDir, 'gate');
  await execFileAsync('mkfifo', ['-m', '600', path]);
  // Read-write first: it never blocks, and with it open the one-way opens below do not block either.
  const both = openSync(path, constants.O_RDWR);
  const readEnd = openSync(path, constants.O_RDONLY);
  const writeEnd = openSync(path, constants.O_WRONLY);
  // Only a write end is held: a held read end would keep a producer waiting for ever after its consumer died.
  const held = openSync(path, constants.O_WRONLY);
  closeSync(both);
  unlinkSync(path);

  const handOver = closeOnce(readEnd, writeEnd);
  const release = closeOnce(held);
  const close = () => {
    handOver();
    release();
  };
  return { writeEnd, readEnd, handOver, release, close };
}
