import { spawn } from 'node:child_process';
import { plainEnvironment } from './services/guard.ts';

export type PipeEnd = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/** Joins two programs as a shell's `|` would, the kernel carrying the bytes. @throws Error with both's words unless both exit 0. */
export async function pipeTools(from: PipeEnd, to: PipeEnd): Promise<void> {
  const producer = spawn(from.command, from.args, {
    env: { ...plainEnvironment, ...from.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const consumer = spawn(to.command, to.args, {
    env: { ...plainEnvironment, ...to.env },
    stdio: [producer.stdout, 'ignore', 'pipe'],
  });
  producer.stdout.destroy();
  const ends = [
    { name: from.command, child: producer },
    { name: to.command, child: consumer },
  ].map(({ name, child }) => {
    const said: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
    return new Promise<{ ok: boolean; text: string }>((resolve) => {
      child.once('error', (error) => resolve({ ok: false, text: `${name}: ${error.message}` }));
      child.once('close', (code) =>
        resolve({ ok: code === 0, text: `${name} exited ${code}: ${Buffer.concat(said).toString()}` }),
      );
    });
  });
  const outcomes = await Promise.all(ends);
  if (outcomes.some((outcome) => !outcome.ok)) throw new Error(outcomes.map((outcome) => outcome.text).join('\n'));
}
