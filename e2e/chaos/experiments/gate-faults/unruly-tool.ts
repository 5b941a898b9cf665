/** A dump program that can be told to misbehave. Left alone it becomes the real one, so that a run sees no difference. */
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../../../harness/part2/slow-tool.ts';

/**
 * - `exit-after`: the whole output, then exit code 3
 * - `half`: so many bytes, then exit code 1
 * - `empty`: nothing, and exit code 0
 * - `flood`: so many bytes, 10 MB of complaints, exit code 1
 * - `deaf`: takes no notice of an interrupt, nor does what it starts, and never ends
 * - `lie`: so many bytes, and exit code 0. Nobody can notice this from outside; it shows that the experiment would.
 */
export type Mischief =
  | { readonly kind: 'exit-after' | 'empty' }
  | { readonly kind: 'half' | 'flood' | 'deaf' | 'lie'; readonly bytes: number };

export type UnrulyTools = {
  /** Goes to the front of the host's tool path. */
  readonly directory: string;
  /** From its next start on, until `behave`. */
  misbehave(mischief: Mischief): Promise<void>;
  behave(): Promise<void>;
};

/** Puts a stand-in beside each real program into `directory`. */
export async function makeUnrulyTools(directory: string, programs: Readonly<Record<string, string>>): Promise<UnrulyTools> {
  await mkdir(directory, { recursive: true });
  const order = join(directory, 'mischief');
  for (const [name, real] of Object.entries(programs)) {
    await writeFile(join(directory, name), buildScript(quote(real), quote(order)));
    await chmod(join(directory, name), 0o755);
  }
  return {
    directory,
    misbehave: (mischief) => writeFile(order, `${mischief.kind} ${'bytes' in mischief ? mischief.bytes : 0}\n`),
    behave: () => rm(order, { force: true }),
  };
}

function buildScript(real: string, order: string): string {
  return `#!/bin/sh
case "$*" in *--version*) exec ${real} "$@";; esac
[ -e ${order} ] && read -r kind bytes < ${order}
case "$kind" in
  exit-after) ${real} "$@" || exit $?; exit 3;;
  half) ${real} "$@" | head -c "$bytes"; exit 1;;
  empty) exit 0;;
  flood) ${real} "$@" | head -c "$bytes"; head -c 10485760 /dev/zero | tr '\\0' x | fold -w 200 >&2; exit 1;;
  deaf) trap '' INT TERM; ${real} "$@" | head -c "$bytes"; while :; do sleep 1000; done;;
  lie) ${real} "$@" | head -c "$bytes"; exit 0;;
esac
exec ${real} "$@"
`;
}
