#!/usr/bin/env node
/** `holdfast`: the operator's command line. Data on standard output, all else on standard error. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { readHiddenLine } from '@holdfast/shared/hidden-line.ts';
import { CliError, EXIT } from './exit.ts';
import { readCliEnvironment } from './login.ts';
import { runCommandLine } from './program.ts';

const KEY_BYTES = 18;

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}

async function readSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY) return await readInput();
  process.stderr.write(question);
  try {
    return await readHiddenLine(process.stdin);
  } catch (error) {
    throw new CliError(EXIT.notRun, (error as Error).message);
  } finally {
    process.stderr.write('\n');
  }
}

// A reader that has seen enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

await runCommandLine(process.argv.slice(2), {
  terminal: {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    readInput,
    readSecret,
  },
  environment: readCliEnvironment(process.env),
  clock: systemClock,
  sleep: async (ms) => void (await sleep(ms)),
  findVariable: (name) => process.env[name],
  makeKey: () => Buffer.from(systemRandomBytes(KEY_BYTES)).toString('base64url'),
  setExit: (code) => {
    process.exitCode = code;
  },
});
