/** Limits of runs as a form has them, of a plan or of a host: text as it was typed, with what is wrong said by field. */
import { type RunLimits, runLimitsSchema } from '@holdfast/shared/domain/plan.ts';

/** Everything by the name of its field; empty is no limit. */
export interface LimitsText {
  nice: string;
  io: string;
  upload: string;
  download: string;
  memory: string;
}

function writeNumber(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}

export function toLimitsText(limits: RunLimits): LimitsText {
  return {
    nice: writeNumber(limits.nice),
    io: limits.io ?? '',
    upload: writeNumber(limits.uploadKiBps),
    download: writeNumber(limits.downloadKiBps),
    memory: writeNumber(limits.memoryMiB),
  };
}

/** `read` gives the trimmed text of a field. */
export function readLimitsText(read: (name: keyof LimitsText) => string): LimitsText {
  return { nice: read('nice'), io: read('io'), upload: read('upload'), download: read('download'), memory: read('memory') };
}

/** Number of a text; NaN for what is none, so that the schema refuses it. */
export function toNumber(text: string): number {
  return /^\d{1,12}$/u.test(text) ? Number(text) : Number.NaN;
}

/** What was typed as limits; a field left empty has none. */
export function toLimitsCandidate(text: LimitsText): Readonly<Record<string, unknown>> {
  const values: [string, string, (typed: string) => unknown][] = [
    ['nice', text.nice, toNumber],
    ['io', text.io, (typed) => typed],
    ['uploadKiBps', text.upload, toNumber],
    ['downloadKiBps', text.download, toNumber],
    ['memoryMiB', text.memory, toNumber],
  ];
  return Object.fromEntries(values.flatMap(([name, typed, toValue]) => (typed === '' ? [] : [[name, toValue(typed)]])));
}

/** The form's field for a limit. */
export const LIMIT_FIELDS: Readonly<Record<string, keyof LimitsText>> = {
  nice: 'nice',
  io: 'io',
  uploadKiBps: 'upload',
  downloadKiBps: 'download',
  memoryMiB: 'memory',
};

/** What each field takes, as the end of the sentence "… must be". */
export const LIMIT_RANGES: Readonly<Record<keyof LimitsText, string>> = {
  io: 'one of the choices',
  nice: 'a whole number from 0 to 19',
  upload: 'a whole number from 1 to 10000000',
  download: 'a whole number from 1 to 10000000',
  memory: 'a whole number from 64 to 1000000',
};

/** The limits that were typed, or what is wrong by field. */
export function checkLimitsText(text: LimitsText): { limits: RunLimits } | { fields: Readonly<Record<string, string>> } {
  const parsed = runLimitsSchema.safeParse(toLimitsCandidate(text));
  if (parsed.success) return { limits: parsed.data };
  const names = parsed.error.issues.flatMap(({ path: [limit] }) => LIMIT_FIELDS[String(limit)] ?? []);
  return { fields: Object.fromEntries(names.map((name) => [name, `must be ${LIMIT_RANGES[name]}`])) };
}
