/**
 * Modes that change a MariaDB database. The dump has been restored into a private database before; from there tables are moved by one
 * `RENAME TABLE`, which the server carries out wholly or not at all, and rows are copied in one transaction. Views, triggers, routines and
 * events cannot be moved: they are written and read again with the clients, right after the tables have moved.
 */
import * as z from 'zod';
import type { Command } from '../../command.ts';
import type { TakeInput } from '../../source.ts';
import type { Pouring, TakePlan, TakeStep } from '../../take.ts';
import { parseJsonLines } from '../database.ts';
import { createClientCommand, createScriptCommand, createSqlCommand } from './connection.ts';
import { RENAMING } from './renaming.ts';
import { checkDatabaseName, createCreateSql } from './sql.ts';
import { createHoldKeysSql, createNameKeysSql } from './take-keys.ts';
import { MOVES } from './take-script.ts';
import {
  createChoiceSql,
  createClearSql,
  createCopyRowsSql,
  createLikeTargetSql,
  createListViewsSql,
  createLookSql,
  createMoveSql,
  createStripSql,
} from './take-sql.ts';

const DUMP = ['--skip-comments', '--skip-lock-tables', '--no-data'] as const;
const POUR = [
  '--batch',
  '--binary-mode',
  '--comments',
  '--loose-sandbox',
  '--local-infile=0',
  '--max-allowed-packet=1G',
] as const;

const viewRow = z.object({ view: z.string() });
const lookRow = z.object({ copied: z.number() });

/** Out of one database, into another; `options` end with the names that are wanted, or with none for all. */
function createPouring(
  input: TakeInput,
  from: string,
  into: string,
  options: readonly string[],
  names: readonly string[] = [],
): Pouring {
  return {
    producer: createClientCommand(input, 'dump', undefined, [...DUMP, ...options, '--', from, ...names]),
    renaming: RENAMING,
    consumer: createClientCommand(input, 'client', into, POUR),
  };
}

interface Names {
  target: string;
  scratch: string;
  aside: string;
  code: string;
}

function checkNames(input: TakeInput): Names {
  return {
    target: checkDatabaseName('targetDatabase', input.targetDatabase),
    scratch: checkDatabaseName('scratch', input.scratch),
    aside: checkDatabaseName('aside', input.aside),
    code: checkDatabaseName('code', input.code),
  };
}

/** Empty tables with their triggers, and views, lie in a database of their own, because the tables that move must have no triggers. */
function planCode(input: TakeInput, { target, scratch, code }: Names): readonly TakeStep[] {
  if (!input.hasCode) return [];
  const chosen = input.mode === 'tables' ? input.tables.map(({ name }) => name) : [];
  const create: Command = createSqlCommand(input, undefined, createCreateSql(code, target));
  return [
    { kind: 'ask', command: create },
    // Views and triggers may need functions to be made.
    ...(input.mode === 'tables'
      ? []
      : [
          {
            kind: 'pour',
            ...createPouring(input, scratch, code, ['--no-create-info', '--skip-triggers', '--routines']),
          } as const,
        ]),
    { kind: 'pour', ...createPouring(input, scratch, code, ['--triggers', `--ignore-table=${scratch}.${MOVES}`], chosen) },
  ];
}

function planFinish(input: TakeInput, { target, scratch, aside, code }: Names): readonly TakeStep[] {
  const clear: TakeStep = {
    kind: 'ask',
    command: createScriptCommand(input, 'take-clear', target, createClearSql({ target, aside, code, mode: input.mode })),
  };
  const name: TakeStep = {
    kind: 'ask',
    command: createScriptCommand(input, 'take-names', aside, createNameKeysSql({ target, aside, code })),
  };
  // The old tables hold names until they are gone.
  const first = [clear, name];
  if (!input.hasCode) return first;
  const triggers = createPouring(input, code, target, ['--no-create-info', '--triggers', '--add-drop-trigger']);
  if (input.mode === 'tables') return [...first, { kind: 'pour', ...triggers }];
  const programs = createPouring(input, scratch, target, ['--no-create-info', '--skip-triggers', '--routines', '--events']);
  return [
    ...first,
    { kind: 'pour', ...programs },
    { kind: 'pour', ...triggers },
    {
      kind: 'listed',
      list: createScriptCommand(input, 'take-views', code, createListViewsSql(code)),
      parse: (stdout) => parseJsonLines(viewRow, stdout).map(({ view }) => view),
      // A table of that name is never dropped for a view.
      pour: (views) => createPouring(input, code, target, ['--skip-triggers', '--skip-add-drop-table'], views),
    },
  ];
}

/** A target that was there before, empty, is added to: whatever came into it meanwhile stays, and stops a name that is taken. */
export function planTake(given: TakeInput): TakePlan {
  const input: TakeInput = given.mode === 'new' ? { ...given, mode: 'append' } : given;
  const names = checkNames(input);
  const { target, scratch, aside } = names;
  const about = { ...names, mode: input.mode, tables: input.tables, hasCode: input.hasCode };
  const script = (name: string, sql: string) => createScriptCommand(input, name, scratch, sql);
  const choose: TakeStep = { kind: 'ask', command: script('take-choose', createChoiceSql(about)) };
  if (input.mode === 'data_only')
    return {
      prepare: [choose],
      move: script('take-rows', createCopyRowsSql(about)),
      isQuick: false,
      mark: {
        look: script('take-look', createLookSql(names)),
        isSet: (stdout) => parseJsonLines(lookRow, stdout).some(({ copied }) => copied > 0),
      },
      finish: [],
    };
  const move = script('take-move', createMoveSql(about));
  const like: TakeStep = { kind: 'ask', command: script('take-like', createLikeTargetSql(names)) };
  if (input.mode === 'schema_only') {
    const all = createPouring(input, scratch, target, [
      '--triggers',
      '--routines',
      '--events',
      `--ignore-table=${scratch}.${MOVES}`,
    ]);
    return { prepare: [choose, like], move, isQuick: true, finish: [{ kind: 'pour', ...all }] };
  }
  const strip: TakeStep = { kind: 'ask', command: script('take-strip', createStripSql(about)) };
  const hold: TakeStep = { kind: 'ask', command: script('take-keys', createHoldKeysSql(about)) };
  return {
    prepare: [choose, like, ...planCode(input, names), strip, hold],
    move,
    isQuick: true,
    finish: planFinish(input, { target, scratch, aside, code: names.code }),
  };
}
