/** Whether an agent works with a state directory, for commands that look from outside. */
import { findStartTime, readBootId } from '../exec/proc.ts';
import type { LifeNote, SecretsNote } from '../journal/journal.ts';

/** The process that noted itself still lives: same boot, same start. */
export function isAlive(holder: SecretsNote | undefined): holder is SecretsNote {
  return holder !== undefined && holder.bootId === readBootId() && findStartTime(holder.pid) === holder.startTime;
}

export interface AgentState {
  running: boolean;
  /** Null while none runs. */
  pid: number | null;
  /** Since when the server hears it, epoch milliseconds; null while it does not. */
  connectedAt: number | null;
  text: string;
}

export function readAgentState(life: LifeNote | undefined): AgentState {
  if (!isAlive(life)) return { running: false, pid: null, connectedAt: null, text: 'not running: no plan of this host runs' };
  const { pid, connectedAt = null } = life;
  const line =
    connectedAt === null
      ? 'not connected to the server: backups go on by schedule'
      : `connected since ${new Date(connectedAt).toISOString()}`;
  return { running: true, pid, connectedAt, text: `running (process ${pid}), ${line}` };
}
