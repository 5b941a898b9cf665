/**
 * Proves at start that children die with their parent on this host: the signal is lost on file capabilities, on setuid
 * programs and in some containers. A shell starts a sleeper under setpriv, reports it, and is killed; the sleeper must go.
 */
import { spawn } from 'node:child_process';
import { findStartTime } from './proc.ts';

const SCRIPT = `"$@" sh -c 'echo $$; exec sleep 30' & wait`;
const WAIT_MS = 2000;
const CHECK_MS = 10;

/**
 * True when a child was gone within two seconds after its parent was killed. `through` is put between setpriv and the child, to prove
 * that it keeps the signal. Leaves nothing behind either way.
 */
export async function checkPdeathsig(setpriv: string, through: readonly string[] = []): Promise<boolean> {
  const chain = [setpriv, '--pdeathsig', 'KILL', '--', ...through];
  const parent = spawn('sh', ['-c', SCRIPT, 'sh', ...chain], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const sleeper = await new Promise<number | undefined>((resolve) => {
    parent.on('error', () => resolve(undefined));
    parent.on('close', () => resolve(undefined));
    parent.stdout?.once('data', (chunk: Buffer) => resolve(Number.parseInt(chunk.toString('latin1'), 10) || undefined));
  });
  if (sleeper === undefined || parent.pid === undefined) return false;
  const startTime = findStartTime(sleeper);
  process.kill(parent.pid, 'SIGKILL');
  for (let waited = 0; waited < WAIT_MS; waited += CHECK_MS) {
    if (findStartTime(sleeper) !== startTime || startTime === undefined) return true;
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
  process.kill(sleeper, 'SIGKILL');
  return false;
}
