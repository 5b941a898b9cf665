import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import type { ChosenTable, RestoreMode } from '@holdfast/shared/domain/restore.ts';
import { describeLook, findSessionsRule } from './restore-modes.ts';

const LOOK = { exists: true, empty: false, serverVersion: '17.2', tables: 9, sizeBytes: 1024 ** 3, sessions: 2 };
const record = (...names: string[]): Contents => ({
  tableCount: names.length,
  digest: 'a'.repeat(16),
  tables: names.map((name) => ({ name, shape: 'b'.repeat(16), rows: 1, isExact: true })),
});

interface Case {
  kind?: string;
  recorded?: Contents;
  tables?: readonly ChosenTable[];
  endSessions?: boolean;
}

const tell = (mode: RestoreMode, { kind = 'postgres', recorded, tables = [], endSessions = false }: Case) => {
  const sessions = findSessionsRule(getSourceAdapter(kind).restore);
  return describeLook(mode, 'shop', LOOK, { endSessions, sessions, overwriting: { recorded, tables } })
    .map(({ tone, text }) => `${tone}: ${text}`)
    .join('\n')
    .replaceAll('\u00a0', ' ');
};

describe('What a look at the target tells', () => {
  it('names the tables of the backup that a clean restore overwrites, the first of many', () => {
    const few = tell('clean', { recorded: record('public.orders', 'public.people') });
    assert.match(
      few,
      /The backup holds 2 tables and views, which are overwritten where they stand here: public\.orders, public\.people\./,
    );
    const many = record(...Array.from({ length: 15 }, (_, at) => `t${at}`));
    assert.match(tell('clean', { recorded: many }), /15 tables and views.*: t0, .*, t11 and 3 more\./);
    assert.match(tell('clean', {}), /those that the backup holds too are overwritten/);
  });

  it('names the chosen tables, and those that nobody recorded in the backup', () => {
    const tables = [{ name: 'orders' }, { schema: 'sales', name: 'notes' }];
    const told = tell('tables', { recorded: record('public.orders', 'public.people'), tables });
    assert.match(told, /2 chosen tables are overwritten where they stand here: orders, sales\.notes\./);
    assert.match(told, /Not among the tables that were recorded in this backup: sales\.notes\./);
    assert.doesNotMatch(tell('tables', { tables }), /Not among/);
  });

  it('says what becomes of sessions: a refusal, an end, or half a minute of waiting', () => {
    assert.match(tell('clean', {}), /problem: 2 other sessions in it now: the restore is refused unless they may be ended\./);
    assert.match(tell('clean', { kind: 'mariadb' }), /warning: 2 other sessions in it now: the last step waits half a minute/);
    assert.match(tell('tables', { kind: 'mariadb', endSessions: true }), /warning: 2 other sessions in it now will be ended\./);
    assert.doesNotMatch(tell('tables', {}), /sessions/);
    assert.doesNotMatch(tell('append', { kind: 'mariadb' }), /sessions/);
  });
});
