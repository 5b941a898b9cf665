import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findPrepared } from '@holdfast/shared/fixtures/prepared-programs.ts';
import type { ApiHost } from '../harness/api.ts';
import { type Program, startProgram } from '../harness/program.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { type Stack, startStack } from '../harness/stack.ts';

const ONLINE_MS = 15_000;
/** The tests' own: most programs here are killed before they would write what they have stripped of its types. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/holdfast-tests');

const SIDES = ['server', 'host'] as const;
type Side = (typeof SIDES)[number];

interface Step {
  side: Side;
  /** Where that side kills itself. */
  at: string;
  /** `first use`: the rotation itself went well, and the new token is about to be used. */
  when: 'rotation' | 'first use';
}

const STEPS: readonly Step[] = [
  { side: 'server', at: 'before the token is stored', when: 'rotation' },
  { side: 'server', at: 'before the token is sent', when: 'rotation' },
  { side: 'server', at: 'after the answer', when: 'rotation' },
  { side: 'server', at: 'before the old token is dropped', when: 'first use' },
  { side: 'server', at: 'after the old token is dropped', when: 'first use' },
  { side: 'server', at: 'after the welcome', when: 'first use' },
  { side: 'host', at: 'token arrived', when: 'rotation' },
  { side: 'host', at: 'token stored', when: 'rotation' },
  { side: 'host', at: 'token answered', when: 'rotation' },
  { side: 'host', at: 'before its proof', when: 'first use' },
  { side: 'host', at: 'welcomed', when: 'first use' },
  { side: 'host', at: 'token confirmed', when: 'first use' },
];

let stack: Stack;
let host: ApiHost;
let stateDir: string;
/** Who runs now; whoever dies is started again, the other goes on. */
const running: Partial<Record<Side, Program>> = {};

const logFile = (name: string) => join(stack.directory, `${name}.log`);

function launch(script: string, args: readonly string[], env: Record<string, string>): Program {
  return startProgram({
    command: process.execPath,
    args: [findPrepared(script, join(import.meta.dirname, `${script}.ts`)), ...args],
    env: { HOME: stack.directory, NODE_COMPILE_CACHE: CACHE, ...env },
    logFile: logFile(script),
  });
}

const startServer = (trip: string) =>
  launch('tripping-server', [trip], {
    HOLDFAST_DATA_DIR: stack.server.dataDir,
    HOLDFAST_LISTEN: new URL(stack.server.url).host,
    HOLDFAST_LOG_LEVEL: 'info',
  });
const startHost = (trip: string) => launch('talking-host', [stateDir, stack.server.url, 'listen', trip], {});

const awaitOnline = () => stack.api.waitForHost(host.id, 'online', ONLINE_MS);
const rotate = () => stack.api.post(`/hosts/${host.id}/rotate-token`);

/** A host that was killed just now may still be called online, so that a first answer says nothing. */
const rotateAtLast = () =>
  waitFor('a rotation that goes well', () => rotate().then(() => true as const, nothing), { deadlineMs: ONLINE_MS });
const nothing = () => undefined;

async function kill(side: Side): Promise<void> {
  running[side]?.signal('SIGKILL');
  await running[side]?.exited;
}

/** Ends this side if it runs and starts it, to kill itself where `trip` says. */
async function startAgain(side: Side, trip = ''): Promise<Program> {
  await kill(side);
  const started = side === 'server' ? startServer(trip) : startHost(trip);
  running[side] = started;
  return started;
}

before(async () => {
  stack = await startStack();
  const enrolled = await stack.enrolHost('db');
  host = enrolled.host;
  stateDir = enrolled.agent.stateDir;
  await enrolled.agent.stop();
  await stack.server.stop();
  for (const side of SIDES) await startAgain(side);
});
after(async () => {
  for (const side of SIDES) await kill(side);
  await stack.stop();
});

describe('A token that is being rotated', () => {
  for (const { side, at, when } of STEPS) {
    it(`leaves one that works when the ${side} is killed at its ${when}: ${at}`, { timeout: 90_000 }, async () => {
      if (when === 'first use') await rotateAtLast();
      const victim = await startAgain(side, at);
      if (when === 'rotation') {
        const ask = async () => {
          if (!victim.isRunning()) return true;
          await awaitOnline();
          await rotate().catch(nothing);
          return victim.isRunning() ? undefined : true;
        };
        await waitFor(`the death of the ${side}`, ask, { deadlineMs: 60_000 });
      }
      assert.equal((await victim.exited).signal, 'SIGKILL', 'it died where it was to die');

      await startAgain(side);
      await rotateAtLast();
    });
  }
});
