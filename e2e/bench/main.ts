/**
 * Measures speed and size. `ONLY=name` takes the figures whose names begin so, `OUT=file.json` also writes them as JSON,
 * `DOCS=1` puts them into docs/benchmarks.md. A missed limit is a result; only what could not be measured makes the exit code 1.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BENCHMARKS, selectBenchmarks } from './catalog.ts';
import type { Figure } from './figure.ts';
import { describeMachine } from './machine.ts';
import { formatJson, formatTable, mergeIntoDocument } from './report.ts';
import { openWorld } from './world.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/benchmarks.md');

const read = (name: string) => process.env[name] || undefined;
const only = read('ONLY');
const selected = select();
function select(): typeof BENCHMARKS {
  try {
    return selectBenchmarks(BENCHMARKS, only);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
}

const machine = await describeMachine(new Date());
const say = (text: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

say(machine);
const world = await openWorld(say);
const figures: Figure[] = [];
try {
  for (const benchmark of selected) {
    say(`measuring ${benchmark.figures.join(', ')}`);
    try {
      const measured = await benchmark.measure(world);
      figures.push(...measured.filter((figure) => only === undefined || figure.name.startsWith(only)));
    } catch (error) {
      process.exitCode = 1;
      say(
        `could not measure ${benchmark.figures.join(', ')}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
  }
} finally {
  await world.close();
}

process.stdout.write(`\n${machine}\n\n${formatTable(figures)}\n`);
const out = read('OUT');
if (out !== undefined) writeFileSync(out, formatJson(figures));
if (read('DOCS') === '1') writeFileSync(DOCUMENT, mergeIntoDocument(readFileSync(DOCUMENT, 'utf8'), figures, machine));
