/** Stand-ins for a tool of the host that delay the real one: what a big database or a slow disk would do, without its size. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type WrappedTool = {
  /** The name under which the agent finds it. */
  readonly name: string;
  /** The program it becomes in the end. */
  readonly real: string;
  /** Lines of sh before that; `$*` are the tool's arguments. Asked for its version, it becomes the tool at once. */
  readonly before: string;
};

/** Writes the wrapper into `directory` (made when missing), which then goes to the front of the host's tool path. */
export async function wrapTool(directory: string, { name, real, before }: WrappedTool): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, name);
  const asked = `case "$*" in *--version*|version) exec ${quote(real)} "$@";; esac`;
  await writeFile(path, `#!/bin/sh\n${asked}\n${before}\nexec ${quote(real)} "$@"\n`);
  await chmod(path, 0o755);
  return directory;
}

/** Prints `count` numbered lines on stderr, one every `pauseSeconds`. */
export function sayLines(count: number, pauseSeconds: number): string {
  return `i=0\nwhile [ $i -lt ${count} ]; do i=$((i + 1)); echo "word $i of ${count}" >&2; sleep ${pauseSeconds}; done`;
}

/** Waits until the file is there: whoever makes it says when the tool may go on. */
export function awaitFile(path: string): string {
  return `while [ ! -e ${quote(path)} ]; do sleep 0.05; done`;
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
