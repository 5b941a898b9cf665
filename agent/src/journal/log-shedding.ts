/** What is left of a batch of log lines when the outbox is full: a small event that says honestly what is missing. */
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';

export type LogEvent = Extract<DurableEvent, { type: 'run.log' }>;

/** `quiet` gives up debug and info lines, `all` gives up every line. */
export type ShedDepth = 'quiet' | 'all';

export interface ShedLog {
  event: LogEvent;
  /** Lines given up in all, those of earlier sheddings included. */
  droppedLines: number;
}

/** The line that stands for `droppedLines` lines, numbered like the first of them. */
export function describeDropped(droppedLines: number): string {
  const lines = droppedLines === 1 ? '1 log line was' : `${droppedLines} log lines were`;
  return `[holdfast] ${lines} dropped here: this host could not keep more while the server did not take them`;
}

/** The same event with fewer lines; `alreadyDropped` of its lines are markers' counts from before. */
export function shedLog(event: LogEvent, alreadyDropped: number, depth: ShedDepth): ShedLog {
  const kept = depth === 'all' ? [] : event.lines.filter((line) => line.level === 'warn' || line.level === 'error');
  const markers = alreadyDropped > 0 ? 1 : 0;
  const dropped = event.lines.length - kept.length;
  // A marker of an earlier shedding is a warning: it is kept by `quiet`, and its line is no line of the log for `all`.
  const droppedLines = depth === 'all' ? alreadyDropped + dropped - markers : alreadyDropped + dropped;
  const first = event.lines.find((line) => !kept.includes(line));
  if (!first || droppedLines === 0) return { event, droppedLines: alreadyDropped };
  const marker = { n: first.n, at: first.at, level: 'warn' as const, text: describeDropped(droppedLines) };
  return { event: { ...event, lines: [...kept, marker].sort((a, b) => a.n - b.n) }, droppedLines };
}

/** Splits a batch into the lines that count as chatter and those that tell of trouble, each as a batch of its own. */
export function splitChatter(event: LogEvent): { chatter?: LogEvent | undefined; grave?: LogEvent | undefined } {
  const grave = event.lines.filter((line) => line.level === 'warn' || line.level === 'error');
  const chatter = event.lines.filter((line) => !grave.includes(line));
  const pick = (lines: LogEvent['lines']) => (lines.length === 0 ? undefined : { ...event, lines });
  return { chatter: pick(chatter), grave: pick(grave) };
}

/** A marker that stands for `more` further lines as well. */
export function growMarker(event: LogEvent, droppedLines: number): LogEvent {
  return { ...event, lines: event.lines.map((line) => ({ ...line, text: describeDropped(droppedLines) })) };
}
