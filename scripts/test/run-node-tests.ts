/**
 * Runs test files with node:test and writes one JSON line about each test to a file, so that the count does not
 * depend on reading a report meant for people. Arguments: output file, concurrency, time per file in ms, test files.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import type { NodeTestLine } from './verdicts.ts';

type TestEvent = {
  readonly name: string;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly type?: string; readonly error?: unknown };
};

const [outFile = '', concurrency = '1', fileTimeoutMs = '60000', ...files] = process.argv.slice(2);
writeFileSync(outFile, '');

const stream = run({ files, concurrency: Number(concurrency), timeout: Number(fileTimeoutMs), isolation: 'process' });
stream.on('test:pass', (event: TestEvent) => {
  if (event.details.type !== 'suite' || isOff(event)) report(event, isOff(event) ? 'switched off' : 'passed');
});
stream.on('test:fail', (event: TestEvent) => {
  if (isOff(event)) report(event, 'switched off');
  else if (!isEchoOfSubtests(event)) report(event, 'failed');
});
stream.on('test:stdout', (event: { message: string }) => process.stdout.write(event.message));
stream.on('test:stderr', (event: { message: string }) => process.stdout.write(event.message));
stream.resume();

function report(event: TestEvent, outcome: NodeTestLine['outcome']): void {
  const file = event.file === undefined ? '' : relative(process.cwd(), event.file);
  const detail = outcome === 'failed' ? describeError(event.details.error) : '';
  const line: NodeTestLine = { outcome, title: event.name, file, detail };
  appendFileSync(outFile, `${JSON.stringify(line)}\n`);
  if (outcome !== 'passed') {
    process.exitCode = 1;
    process.stdout.write(`not ok: ${file}: ${event.name}\n${detail}\n`);
  }
}

function isOff(event: TestEvent): boolean {
  return (event.skip !== undefined && event.skip !== false) || (event.todo !== undefined && event.todo !== false);
}

/** A suite or test that failed only because something inside it failed is no failure of its own. */
function isEchoOfSubtests(event: TestEvent): boolean {
  return failureType(event.details.error) === 'subtestsFailed';
}

function failureType(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'failureType' in error ? error.failureType : undefined;
}

/** The error without the lines of its stack that lie inside Node. */
function describeError(error: unknown): string {
  return inspect(unwrap(error), { depth: 6 }).replace(/^ +at .*node:(?:internal|async_hooks).*\n?/gm, '');
}

/** node:test wraps what a test threw. */
function unwrap(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
