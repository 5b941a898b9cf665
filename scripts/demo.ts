/**
 * `make demo`: a server, a local agent and real first backups of a sample, restored and compared. Stays up until Ctrl-C.
 *
 *   node scripts/demo.ts [--once] [--state-dir DIR]
 *
 * Environment: ONCE=1 as --once; HOLDFAST_DEMO_DIR as --state-dir (.demo in the checkout unless told); HOLDFAST_LISTEN as for the
 * server. Exit codes: 0 after a comparison that held (and Ctrl-C), 1 when a step failed, 2 wrong use, 130/143/129 when it was
 * stopped before the comparison.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type ListenWish, parseListen } from './demo/control-plane.ts';
import { type DemoLock, describeHolder, takeDemoLock } from './demo/demo-lock.ts';
import { demonstrate, type Outcome, STEPS } from './demo/demonstration.ts';
import { watchLaunchers } from './demo/launcher.ts';
import { openStateFolder, type StateFolder } from './demo/state-folder.ts';
import { createStepReport, describeError, formatSeconds, StepFailure } from './demo/step-report.ts';
import { describeRunning } from './demo/words.ts';

const CHECKOUT = join(import.meta.dirname, '..');

/** Somebody asked for the end. */
class StopRequest extends Error {
  override name = 'StopRequest';
  readonly exitCode: number;

  constructor(why: string, exitCode: number) {
    super(why);
    this.exitCode = exitCode;
  }
}

type Options = { readonly once: boolean; readonly stateDir: string; readonly listen: ListenWish };

function readOptions(): Options {
  const { values } = parseArgs({ options: { once: { type: 'boolean' }, 'state-dir': { type: 'string' } } });
  const wish = process.env['ONCE'] ?? '';
  const isOnce = values.once ?? !['', '0', 'no', 'false'].includes(wish.toLowerCase());
  const stateDir = values['state-dir'] ?? (process.env['HOLDFAST_DEMO_DIR'] || join(CHECKOUT, '.demo'));
  return { once: isOnce, stateDir: resolve(stateDir), listen: parseListen(process.env['HOLDFAST_LISTEN']) };
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const complain = (line: string) => process.stderr.write(`${line}\n`);

/** Everything that runs, stopped in the opposite order: first the agent, last the databases. */
function createStopper() {
  const running: { name: string; stop: () => Promise<void> }[] = [];
  return {
    add: (one: { name: string; stop: () => Promise<void> }) => void running.push(one),
    async stopAll(): Promise<string[]> {
      const problems: string[] = [];
      for (let one = running.pop(); one !== undefined; one = running.pop()) {
        const { name, stop } = one;
        await stop().catch((error: unknown) => problems.push(`${name} could not be stopped: ${describeError(error)}`));
      }
      return problems;
    },
  };
}

/** One signal for all that can end the demo early: keys, signals, a terminal that is gone, a program that died. */
function listenForTheEnd(): AbortController {
  const end = new AbortController();
  const stop = (why: string, exitCode: number) => end.abort(new StopRequest(why, exitCode));
  process.on('SIGINT', () => stop('Ctrl-C', 130));
  process.on('SIGTERM', () => stop('SIGTERM', 143));
  process.on('SIGHUP', () => stop('the terminal hung up', 129));
  watchLaunchers((what) => stop(`${what} is gone`, 129));
  // A terminal that hung up refuses output; what is left to do is to stop in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return end;
}

/** What ended the demo says more than how the step that was under way stumbled over it. */
function blame(stumble: unknown, reason: unknown): unknown {
  if (reason instanceof StopRequest || !(stumble instanceof StepFailure)) return reason;
  return new StepFailure(stumble.number, stumble.title, reason);
}

const trimStop = (failure: unknown) =>
  describeError(failure instanceof StepFailure ? failure.message : failure).replace(/\.$/, '');

async function run({ once, listen }: Options, folder: StateFolder, lock: DemoLock): Promise<number> {
  const end = listenForTheEnd();
  const stopper = createStopper();
  const steps = createStepReport(STEPS, say);
  let outcome: Outcome | undefined;
  let failure: unknown;
  try {
    outcome = await demonstrate({
      folder,
      listen,
      steps,
      signal: end.signal,
      onStarted({ name, stop, ended }) {
        let isStopping = false;
        stopper.add({
          name,
          stop: () => {
            isStopping = true;
            return stop();
          },
        });
        void ended?.then((why) => {
          if (!isStopping) end.abort(new Error(why));
        });
      },
    });
    end.signal.throwIfAborted();
    lock.announce(outcome.url);
    if (once) say(`\nDone in ${formatSeconds(steps.elapsedMs())}: every backup was restored and is identical.`);
    else {
      say(describeRunning({ ...outcome, folder, elapsedMs: steps.elapsedMs() }));
      await new Promise((wake) => end.signal.addEventListener('abort', wake, { once: true }));
      end.signal.throwIfAborted();
    }
  } catch (error) {
    failure = end.signal.aborted ? blame(error, end.signal.reason) : error;
  }
  if (failure instanceof StopRequest) say(`\nStopping (${failure.message}) …`);
  const problems = await stopper.stopAll();
  for (const problem of problems) complain(`demo: ${problem}`);
  if (failure instanceof StopRequest) {
    say('Nothing is left running. "make demo" goes on with what is there.');
    return problems.length > 0 ? 1 : outcome === undefined ? failure.exitCode : 0;
  }
  if (failure === undefined) return problems.length > 0 ? 1 : 0;
  complain(`demo failed${failure instanceof StepFailure ? ' in ' : ': '}${trimStop(failure)}. Logs: ${folder.logs}`);
  return 1;
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    complain(`demo: ${describeError(error)}`);
    return 2;
  }
  const folder = await openStateFolder(options.stateDir);
  const taken = await takeDemoLock(folder.root);
  if (!('lock' in taken)) {
    complain(`demo: ${describeHolder(taken.holder)}.`);
    return 1;
  }
  say(`Holdfast demo (state in ${folder.root})\n`);
  const code = await run(options, folder, taken.lock);
  taken.lock.release();
  return code;
}

process.exitCode = await main();
