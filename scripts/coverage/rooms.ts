/** What must be covered whole, and the tests that are run for it. Patterns are those of `globSync`, from the root of the project. */

export type Room = { readonly name: string; readonly files: readonly string[] };

export const ROOMS: readonly Room[] = [
  { name: 'gate', files: ['agent/src/exec/*.ts'] },
  { name: 'journal', files: ['agent/src/journal/*.ts'] },
  { name: 'channel', files: ['shared/src/protocol/channel*.ts', 'shared/src/protocol/codec*.ts'] },
  {
    name: 'scheduler',
    files: ['agent/src/scheduler/*.ts', 'shared/src/domain/{schedule,blackout,due-time,fire-walk,spread,wall-time}.ts'],
  },
  {
    name: 'run transitions',
    files: [
      'shared/src/domain/run*.ts',
      'agent/src/runs/{journaled-run,attempts/part,attempts/attempts,queue/queue,recovery/recovery}.ts',
      'server/src/store/sqlite/ledger/{apply-ends,apply-events,apply-fires,run-rows}.ts',
    ],
  },
];

/** Files that are no code of the product. */
export const NO_CODE = /\.test\.ts$|\/fixtures\//;

export const TESTS: readonly string[] = [
  'shared/src/{protocol,domain}/**/*.test.ts',
  'agent/src/{exec,journal,scheduler,runs,watches,session}/**/*.test.ts',
  'agent/src/commands/{exit-codes,secrets}.integration.test.ts',
  'server/src/store/**/*.test.ts',
];

/** Tests of speed, of memory and of sheer numbers, and what runs databases: they reach no branch that others do not, and take most of the time. */
export const NOT_FOR_COVERAGE =
  /(?:codec-fuzz|scale|backlog-size|blackout|any-history|execute-restore\.databases)\.integration\.test\.ts$/;
