import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from '@holdfast/shared/adapters/command.ts';
import { buildGuardArgs, plainEnvironment } from '../harness/services/guard.ts';
import { createPrivateDirectory, type PrivateDirectory } from '../harness/services/private-directory.ts';

export type CommandOutcome = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it came, for dumps. */
  readonly bytes: Buffer;
};

export type CommandRunner = {
  /** The work directory to plan with: private, and made of letters, digits, `/` and `-` only. */
  readonly workDir: string;
  /** Writes the command's files and runs it with nothing but its own environment and a PATH; any exit code is an answer. */
  run(command: Command, input?: Buffer): Promise<CommandOutcome>;
  remove(): Promise<void>;
};

/** Runs planned commands as the agent does: files 0600 in a private directory, no shell. `programFolder` is searched first. */
export async function createCommandRunner(purpose: string, programFolder?: string): Promise<CommandRunner> {
  const home: PrivateDirectory = await createPrivateDirectory(purpose);
  const workDir = join(home.path, 'work');
  await mkdir(workDir, { mode: 0o700 });
  const path = [programFolder, plainEnvironment['PATH']].filter((folder) => folder !== undefined).join(':');
  return {
    workDir,
    async run(command, input) {
      for (const file of command.files) {
        await writeFile(file.path, file.content, { mode: 0o600 });
        await chmod(file.path, 0o600);
      }
      return runCommand(command, { PATH: path, HOME: home.path, ...command.env }, input);
    },
    remove: () => home.remove(),
  };
}

function runCommand(command: Command, env: Record<string, string>, input: Buffer | undefined): Promise<CommandOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn('setpriv', buildGuardArgs({}, command.tool, command.args), { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A tool that gives up early leaves its input unread; its exit code tells the rest.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? Buffer.alloc(0));
    child.on('error', reject);
    child.on('close', (exitCode) => {
      const bytes = Buffer.concat(stdout);
      resolve({ exitCode, bytes, stdout: bytes.toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}
