/**
 * Runs test files in this process with node:test and writes one JSON line about each test to a file, so that the
 * count does not depend on reading a report meant for people. Arguments: output file, test files.
 * Exits 1 when a test failed; whatever else ends the process shows in its exit code as well.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
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

const [outFile = '', ...testFiles] = process.argv.slice(2);
writeFileSync(outFile, '');

const stream = run({ files: testFiles, isolation: 'none' });
stream.on('test:pass', (event: TestEvent) => {
  if (isOff(event)) report(event, 'switched off');
  else if (event.details.type !== 'suite' && !isFile(event)) report(event, 'passed');
});
stream.on('test:fail', (event: TestEvent) => {
  if (isOff(event)) report(event, 'switched off');
  else if (!isEchoOfSubtests(event)) report(event, 'failed');
});
stream.resume();

function report(event: TestEvent, outcome: NodeTestLine['outcome']): void {
  const file = relative(process.cwd(), event.file ?? testFiles[0] ?? '');
  const detail = outcome === 'failed' ? describeError(event.details.error) : '';
  const line: NodeTestLine = { outcome, title: event.name, file, detail };
  appendFileSync(outFile, `${JSON.stringify(line)}\n`);
  if (outcome !== 'passed') process.exitCode = 1;
}

function isOff(event: TestEvent): boolean {
  return (event.skip !== undefined && event.skip !== false) || (event.todo !== undefined && event.todo !== false);
}

/** A file that has no test at all is reported as a test that passed, under the name of its path. */
function isFile(event: TestEvent): boolean {
  return testFiles.some((file) => resolve(event.name) === resolve(file));
}

/** A suite or test that failed only because something inside it failed is no failure of its own. */
function isEchoOfSubtests(event: TestEvent): boolean {
  const { error } = event.details;
  return typeof error === 'object' && error !== null && 'failureType' in error && error.failureType === 'subtestsFailed';
}

/** What the test threw, which node:test wraps, without the lines of the stack that lie inside Node. */
function describeError(error: unknown): string {
  const thrown = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return inspect(thrown, { depth: 6 }).replace(/^ +at .*node:(?:internal|async_hooks).*\n?/gm, '');
}
