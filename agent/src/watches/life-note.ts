/** Notes for those who look from outside that an agent works with this state directory, and whether the server hears it. */
import { findStartTime, readBootId } from '../exec/proc.ts';
import { writeIfPossible } from '../runs/possible-write.ts';
import type { Workbench } from '../runs/workbench.ts';

export interface LifeNoteWriter {
  /** Notes what changed since the last look: to be called at the start and every now and then. */
  look(): void;
  /** The agent ends. */
  end(): void;
}

export function createLifeNoteWriter(
  { journal, clock, log }: Pick<Workbench, 'journal' | 'clock' | 'log'>,
  isConnected: () => boolean,
): LifeNoteWriter {
  const self = { pid: process.pid, startTime: findStartTime(process.pid) ?? 0, bootId: readBootId() };
  let noted: boolean | undefined;
  const write = (life: Parameters<typeof journal.noteLife>[0]) =>
    writeIfPossible(log, 'status does not tell whether the agent runs', () => journal.noteLife(life));
  return {
    look() {
      const connected = isConnected();
      if (connected === noted) return;
      noted = connected;
      write(connected ? { ...self, connectedAt: clock.now() } : self);
    },
    end: () => write(undefined),
  };
}
