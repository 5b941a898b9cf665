/** The options of a plan as its form has them: text as it was typed, with what is wrong said by field. */
import { DEFAULT_PLAN_OPTIONS, type PlanOptions, planOptionsSchema } from '@holdfast/shared/domain/plan.ts';
import type { Visit } from '../../http/route.ts';
import { readList, readText } from '../forms/form-values.ts';
import {
  LIMIT_FIELDS,
  LIMIT_RANGES,
  type LimitsText,
  readLimitsText,
  toLimitsCandidate,
  toLimitsText,
  toNumber,
} from '../forms/limits-text.ts';
import { parseSpan, writeSpan } from '../periods/span-text.ts';

export const WINDOWS_MAX = 20;
/** Empty rows offered beside those that are filled in. */
const SPARE_WINDOWS = 2;
const EVERY_DAY = ['1', '2', '3', '4', '5', '6', '0'] as const;
const TYPED_CHARS = 100;

export interface WindowText {
  from: string;
  to: string;
  /** `0` is Sunday. */
  days: readonly string[];
}

/** Everything by the name of its field; windows row by row. */
export interface OptionsText extends LimitsText {
  catchUp: boolean;
  grace: string;
  spread: string;
  windows: readonly WindowText[];
  attempts: string;
  retryAfter: string;
  timeout: string;
  overlap: string;
  priority: string;
  countRows: string;
  hookBefore: string;
  hookAfter: string;
}

const EMPTY_WINDOW: WindowText = { from: '', to: '', days: EVERY_DAY };

export function toOptionsText(options: PlanOptions): OptionsText {
  const { hooks, limits } = options;
  return {
    catchUp: options.catchUp,
    grace: writeSpan(options.graceMinutes * 60),
    spread: options.spreadMinutes === 0 ? '' : writeSpan(options.spreadMinutes * 60),
    windows: addSpareWindows(options.blackouts.map(({ from, to, days }) => ({ from, to, days: days.map(String) }))),
    attempts: String(options.attempts),
    retryAfter: writeSpan(options.retryAfterSeconds),
    timeout: options.timeoutMinutes === 0 ? '' : writeSpan(options.timeoutMinutes * 60),
    overlap: options.overlap,
    priority: options.priority,
    countRows: options.countRows,
    ...toLimitsText(limits),
    hookBefore: hooks.before ?? '',
    hookAfter: hooks.after ?? '',
  };
}

function isEmptyWindow(window: WindowText): boolean {
  return window.from === '' && window.to === '';
}

function addSpareWindows(windows: readonly WindowText[]): readonly WindowText[] {
  const spare = Math.max(0, Math.min(SPARE_WINDOWS, WINDOWS_MAX - windows.length));
  return [...windows, ...Array.from({ length: spare }, () => EMPTY_WINDOW)];
}

/** The name of a field of one row. */
export function nameWindowField(row: number, part: 'from' | 'to' | 'days'): string {
  return `window-${row}-${part}`;
}

/** What a person does to the rows before they save; undefined for saving. */
export type WindowAct = { kind: 'add' } | { kind: 'remove'; row: number };

export function findWindowAct(form: Visit['form']): WindowAct | undefined {
  const act = readText(form, 'act');
  if (act === 'add-window') return { kind: 'add' };
  const row = /^remove-window-(\d{1,2})$/u.exec(act)?.[1];
  return row === undefined ? undefined : { kind: 'remove', row: Number(row) };
}

export function applyWindowAct(windows: readonly WindowText[], act: WindowAct): readonly WindowText[] {
  if (act.kind === 'add') return windows.length >= WINDOWS_MAX ? windows : [...windows, EMPTY_WINDOW];
  const left = windows.filter((_, row) => row !== act.row);
  return left.length === 0 ? [EMPTY_WINDOW] : left;
}

export function readOptionsText(form: Visit['form']): OptionsText {
  const read = (name: string): string => readText(form, name).trim().slice(0, TYPED_CHARS);
  const windows: WindowText[] = [];
  for (let row = 0; row < WINDOWS_MAX && Object.hasOwn(form, nameWindowField(row, 'from')); row += 1) {
    const days = readList(form, nameWindowField(row, 'days'));
    windows.push({
      from: read(nameWindowField(row, 'from')),
      to: read(nameWindowField(row, 'to')),
      days: EVERY_DAY.filter((day) => days.includes(day)),
    });
  }
  return {
    catchUp: read('catchUp') === 'true',
    grace: read('grace'),
    spread: read('spread'),
    windows: windows.length === 0 ? addSpareWindows([]) : windows,
    attempts: read('attempts'),
    retryAfter: read('retryAfter'),
    timeout: read('timeout'),
    overlap: read('overlap'),
    priority: read('priority'),
    countRows: read('countRows'),
    ...readLimitsText(read),
    hookBefore: read('hookBefore'),
    hookAfter: read('hookAfter'),
  };
}

/** What each field takes, as the end of the sentence "… must be". */
const RANGES: Readonly<Record<string, string>> = {
  grace: 'a span from 1 min to 7 d, such as 24 h',
  spread: 'a span up to 12 h, such as 30 min',
  attempts: 'a whole number from 1 to 10',
  retryAfter: 'a span from 1 s to 1 h, such as 60 s',
  timeout: 'a span up to 14 d, such as 6 h, or nothing',
  overlap: 'one of the choices',
  priority: 'one of the choices',
  countRows: 'one of the choices',
  ...LIMIT_RANGES,
};

/** The form's field for a place in the options. */
const FIELD_OF: Readonly<Record<string, string>> = {
  graceMinutes: 'grace',
  spreadMinutes: 'spread',
  attempts: 'attempts',
  retryAfterSeconds: 'retryAfter',
  timeoutMinutes: 'timeout',
  overlap: 'overlap',
  priority: 'priority',
  countRows: 'countRows',
  ...Object.fromEntries(Object.entries(LIMIT_FIELDS).map(([limit, field]) => [`limits.${limit}`, field])),
  'hooks.before': 'hookBefore',
  'hooks.after': 'hookAfter',
};

function toMinutes(text: string): number {
  const seconds = parseSpan(text, 'min');
  return seconds === undefined ? Number.NaN : seconds / 60;
}

function dropMissing(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** What was typed as options; a field left empty has its default. */
function toCandidate(text: OptionsText, rows: readonly number[]): Record<string, unknown> {
  const given = <T>(typed: string, read: (typed: string) => T): T | undefined => (typed === '' ? undefined : read(typed));
  const same = (typed: string) => typed;
  return {
    catchUp: text.catchUp,
    graceMinutes: given(text.grace, toMinutes),
    spreadMinutes: given(text.spread, toMinutes),
    blackouts: rows.map((row) => {
      const { from = '', to = '', days = [] } = text.windows[row] ?? {};
      return { from: padTime(from), to: padTime(to), days: days.map(Number).sort() };
    }),
    overlap: given(text.overlap, same),
    priority: given(text.priority, same),
    countRows: given(text.countRows, same),
    attempts: given(text.attempts, toNumber),
    retryAfterSeconds: given(text.retryAfter, (typed) => parseSpan(typed, 's') ?? Number.NaN),
    timeoutMinutes: given(text.timeout, toMinutes),
    hooks: dropMissing({ before: given(text.hookBefore, same), after: given(text.hookAfter, same) }),
    limits: toLimitsCandidate(text),
  };
}

/** `8:30` is `08:30`. */
function padTime(text: string): string {
  return /^\d:\d\d$/u.test(text) ? `0${text}` : text;
}

/** The options that were typed, or what is wrong by field. */
export function checkOptionsText(text: OptionsText): { options: PlanOptions } | { fields: Readonly<Record<string, string>> } {
  const rows = text.windows.flatMap((window, row) => (isEmptyWindow(window) ? [] : [row]));
  const parsed = planOptionsSchema.safeParse(toCandidate(text, rows));
  if (parsed.success) return { options: parsed.data };
  const fields: Record<string, string> = {};
  for (const issue of parsed.error.issues) {
    const [top, place, part] = issue.path;
    if (top === 'blackouts' && typeof place === 'number') {
      const row = rows[place] ?? 0;
      const known = part === 'to' || part === 'days' ? part : 'from';
      fields[nameWindowField(row, known)] ??= part === 'days' ? 'choose at least one day' : issue.message;
      continue;
    }
    const name = FIELD_OF[issue.path.join('.')] ?? 'grace';
    const range = RANGES[name];
    fields[name] ??= range === undefined ? issue.message : `must be ${range}`;
  }
  return { fields };
}

export const DEFAULT_OPTIONS_TEXT: OptionsText = toOptionsText(DEFAULT_PLAN_OPTIONS);
