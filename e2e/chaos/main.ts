/**
 * The fault laboratory. `ONLY=name` carries out the experiments whose figures begin so, `FULL=1` makes the published figures (experiments that an
 * earlier call with the same seed and code has finished are not made once more, unless `AGAIN=1`), `SOAK=8h` soaks, `SEED=n` repeats, `OUT=file.json` also writes the outcomes, `DOCS=1` puts them into
 * docs/reliability.md. Exit code 1 when a figure was missed or could not be made.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from '../bench/machine.ts';
import { createPrivateDirectory } from '../harness/services/private-directory.ts';
import { tryTool } from '../harness/services/tool-run.ts';
import { EXPERIMENTS } from './catalog.ts';
import { type Experiment, isGood } from './experiment.ts';
import { openNotebook } from './notebook.ts';
import { planChaos } from './plan.ts';
import { holdToPublished } from './published.ts';
import { formatJson, formatTable, mergeIntoDocument, type Reported } from './report.ts';
import { createSeed } from './seed.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'docs/reliability.md');

const read = (name: string) => process.env[name] || undefined;
const say = (text: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
const describeError = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));

const plan = (() => {
  try {
    return planChaos(EXPERIMENTS, {
      only: read('ONLY'),
      full: read('FULL'),
      soak: read('SOAK'),
      selection: read('SELECTION'),
      docs: read('DOCS'),
    });
  } catch (error) {
    process.stderr.write(`chaos: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
})();

// Published figures have a seed that everybody knows; other calls look where nobody has looked.
const seed = read('SEED') ?? (plan.effort === 'full' ? '1' : String(Math.trunc(performance.timeOrigin) % 1_000_000));
/** The commit, and that something was changed since. */
async function nameCode(): Promise<string> {
  const { stdout, code } = await tryTool('git', ['-C', ROOT, 'describe', '--always', '--dirty', '--abbrev=12']);
  return code === 0 ? stdout.trim() : 'no-repository';
}

const notebook = openNotebook(join(ROOT, 'test-results/chaos'), seed, plan.effort, await nameCode());
const soak = read('SOAK');
const machine = await describeMachine(new Date());
say(machine);
say(`seed ${seed}, effort ${plan.effort}, injections in ${notebook.injections}`);

async function carryOut(experiment: Experiment): Promise<readonly Reported[]> {
  const [title = ''] = experiment.figures;
  const made = `${new Date().toISOString().slice(0, 10)}, load ${loadavg()[0]?.toFixed(1) ?? '?'}`;
  const root = await createPrivateDirectory('chaos');
  try {
    const outcomes = await experiment.run({
      effort: plan.effort,
      seed: createSeed(seed).fork(title),
      soakMs: plan.soakMs,
      makeDirectory: (purpose) => mkdtemp(join(root.path, `${purpose}-`)),
      say: (text) => say(`${title}: ${text}`),
      record: (injection) => notebook.record(title, injection),
    });
    return outcomes.map((outcome) => ({
      ...holdToPublished(outcome, plan.effort),
      seed,
      effort: plan.effort,
      made,
      ...(soak === undefined ? {} : { soak }),
    }));
  } finally {
    await root.remove();
  }
}

const reported: Reported[] = [];
const unmade: string[] = [];
for (const experiment of plan.experiments) {
  const names = experiment.figures.join(', ');
  const known = plan.effort === 'full' && read('AGAIN') === undefined ? notebook.findOutcomes(experiment.figures) : undefined;
  if (known) {
    say(`known from an earlier call: ${names}`);
    reported.push(...known);
    if (!known.every(isGood)) process.exitCode = 1;
    continue;
  }
  say(`trying ${names}`);
  try {
    const outcomes = await carryOut(experiment);
    notebook.keep(outcomes);
    reported.push(...outcomes);
    if (!outcomes.every(isGood)) process.exitCode = 1;
  } catch (error) {
    process.exitCode = 1;
    say(`could not carry out ${names}: ${describeError(error)}`);
    unmade.push(...experiment.figures);
  }
}

process.stdout.write(`\n${machine}\n\n${formatTable(reported)}\n`);
const out = read('OUT');
if (out !== undefined) writeFileSync(out, formatJson(reported, unmade, { seed, effort: plan.effort }));
if (read('DOCS') === '1') writeFileSync(DOCUMENT, mergeIntoDocument(readFileSync(DOCUMENT, 'utf8'), reported, machine));

// Everything was ended by its experiment; what was not is named, and does not keep the laboratory from ending.
const open = process.getActiveResourcesInfo().filter((kind) => !kind.startsWith('TTY') && kind !== 'PipeWrap');
if (open.length > 0) say(`still open: ${open.join(', ')}`);
process.exit();
