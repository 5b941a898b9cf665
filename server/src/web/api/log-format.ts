/** A run's log as a text file: for people, and as one JSON document a line. */
import type { LogLine } from '@holdfast/shared/domain/run.ts';

export const LOG_FORMATS = ['lines', 'txt', 'ndjson'] as const;
export type LogTextFormat = Exclude<(typeof LOG_FORMATS)[number], 'lines'>;

/** What would make one log line look like two, move the reader's cursor, or turn the direction of what follows. */
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/gu;

function escapeControl(text: string): string {
  return text.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function renderText(line: LogLine): string {
  return `${new Date(line.at).toISOString()} ${line.level.padEnd(5)} ${escapeControl(line.text)}\n`;
}

/** Every line ends in a newline. A tool's control characters are shown as escapes, so that one line stays one line. */
export function renderLog(lines: readonly LogLine[], format: LogTextFormat): string {
  if (format === 'txt') return lines.map(renderText).join('');
  return lines.map(({ n, at, level, text }) => `${JSON.stringify({ n, at, level, text })}\n`).join('');
}
