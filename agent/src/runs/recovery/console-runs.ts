/** Takes into the journal what a command on this host recorded of its own runs: the safety backups of restores by hand. */
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { RunEvent } from '@holdfast/shared/protocol/events.ts';
import { takeConsoleRecords } from '../../journal/console-record.ts';
import { isUnwritable } from '../../journal/journal.ts';
import type { JournaledSafety } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { endCutSafety } from '../restore/restore-recovery.ts';
import type { Workbench } from '../workbench.ts';

/** What is durable with each event, as when the agent itself makes such a backup. */
function applyEvent({ journal }: Workbench, { repository }: JournaledSafety, event: RunEvent): void {
  const { run } = event;
  switch (event.type) {
    case 'run.log':
      journal.runs.countLogLines(run, Math.max(...event.lines.map(({ n }) => n)));
      break;
    case 'snapshot.made': {
      const { id: snapshot, engineId, source } = event.snapshot;
      journal.snapshots.record({ repository, engineId, snapshot, run, source, state: 'made' });
      break;
    }
    case 'part.finished':
      journal.snapshots.setStateOfRun(run, event.part.state === 'succeeded' ? 'vouched' : 'unvouched');
      break;
    case 'run.finished':
      journal.runs.close(run);
  }
}

/** The run as the journal keeps it; undefined for what no command records. */
function describeSafety(events: readonly RunEvent[]): JournaledSafety | undefined {
  const [created] = events;
  if (created?.type !== 'run.created' || created.kind !== 'backup' || created.plan !== undefined) return undefined;
  const [source, ...others] = created.sources;
  if (source === undefined || others.length > 0) return undefined;
  return { kind: 'safety', repository: created.repository, source, started: true };
}

export interface ConsoleRunsPorts {
  workbench: Workbench;
  stateDir: string;
  /** For a run whose command was killed: the agent ends it. `firstLine` is the number of lines its log has. */
  createRecorderFor(run: RunId, firstLine: number): Recorder;
}

/**
 * Journals what commands that are over recorded, each run once, with an end also where its command was killed; returns the runs of commands that
 * go on. What the disk refuses now is taken in at the next call.
 */
export function takeInConsoleRuns({ workbench, stateDir, createRecorderFor }: ConsoleRunsPorts): RunId[] {
  const { journal, log } = workbench;
  const takeIn = (run: RunId, body: JournaledSafety, events: readonly RunEvent[]): void =>
    journal.transact(() => {
      // An earlier life died before it could remove the record.
      if (!journal.runs.record({ run, kind: 'backup', body })) return;
      for (const event of events) journal.outbox.append(event, () => applyEvent(workbench, body, event));
    });
  return takeConsoleRecords(stateDir, {
    take(run, events) {
      const body = describeSafety(events);
      if (!body) return false;
      try {
        takeIn(run, body, events);
      } catch (error) {
        if (isUnwritable(error)) throw error;
        log.error({ run, err: error }, 'a safety backup that was made by hand cannot be told of');
        return false;
      }
      log.info({ run, source: body.source }, 'a safety backup that was made by hand is taken into the journal');
      const open = journal.runs.find(run);
      if (open?.closedAt !== undefined) return true;
      const tookMs = Math.max(0, (events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0));
      endCutSafety(workbench, createRecorderFor(run, open?.logLines ?? 0), body, tookMs, 'The command');
      return true;
    },
    onUnreadable: (path) => log.error({ path }, 'this is no record of a run of a command; it was moved aside'),
  });
}
