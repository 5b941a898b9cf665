/**
 * The suites every adapter must pass; `all.integration.test.ts` runs them over the lists in `all.ts`. They hold whatever a person types: planning
 * is pure, secrets stay out of arguments and descriptions, and hostile values never change the shape of a command.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { REASON_NAMES } from '../domain/reason.ts';
import { getModeRule } from '../domain/restore.ts';
import { AppError } from '../errors.ts';
import { TEXT } from '../limits.ts';
import { type Command, type CommandFile, TOOLS, type ToolName } from './command.ts';
import { type Config, createConfigSchema, createSecretsSchema, type Field, type Secrets } from './field.ts';
import type { RepositoryAdapter } from './repository.ts';
import type { PlanInput, SourceAdapter, ToolOutcome } from './source.ts';
import type { TakePlan } from './take.ts';

/** A config that works, and secrets whose values are long enough to be found anywhere. */
export interface AdapterSample {
  config: Config;
  secrets: Secrets;
}

export interface SourceSample extends AdapterSample {
  /** What the probe's command answers for this sample; undefined where there is no probe. */
  probeStdout?: string;
}

export interface RepositorySample extends AdapterSample {
  /** Environment variables that may carry a secret, because the tool knows no file for it. */
  secretEnv: readonly string[];
}

const WORK_DIR = '/run/holdfast/work-1';
/** Values that have broken somebody's quoting before. */
const HOSTILE_TEXTS = [
  '--option',
  '-o',
  '--',
  'a=b',
  'postgres://x/y?host=z',
  'we"ird\'; DROP -- \n 😀',
  "it's",
  'back\\slash\\',
  'back`tick`$(id)',
  '$HOME $(HOME) %h %%',
  ' blank ends ',
  'tab\tand\rreturn',
  '#comment ; !include /x',
  '💾'.repeat(16),
  'x'.repeat(1000),
  'naïve café ÿ',
  '\u202eevil\u0000',
  '*',
  '..',
  '~root',
];

/** Never empty: an empty value is an absent one, which may well leave an option out. */
const hostileText = fc
  .oneof(
    fc.constantFrom(...HOSTILE_TEXTS),
    fc.string({ unit: ANY_CHARACTER, maxLength: 80 }),
    fc.string({ unit: fc.constantFrom('\\', '"', "'", '\n', '`', '=', '-', ' ', '%', ':', '/', 'a', '$', '#'), maxLength: 30 }),
  )
  .filter((text) => text !== '');

/** Deep-frozen, so that an adapter that writes into its input fails loudly. */
function freezeInput(config: Config, secrets: Secrets, tools?: readonly ToolName[]): PlanInput {
  for (const value of Object.values(config)) if (typeof value === 'object') Object.freeze(value);
  return Object.freeze({
    config: Object.freeze({ ...config }),
    secrets: Object.freeze({ ...secrets }),
    workDir: WORK_DIR,
    ...(tools ? { tools } : {}),
  });
}

/** The result, or undefined when the adapter refuses the input with `invalid`; any other error is a failure. */
function tryPlan<T>(plan: () => T): T | undefined {
  try {
    return plan();
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === 'invalid', `refusals are AppError invalid, not ${String(error)}`);
    return undefined;
  }
}

/**
 * An argument list without what may vary: `--name=value` becomes `--name=`, operands after `--` become `<operand>`. Two lists of
 * the same shape mean the same to the tool, whatever the values are.
 */
export function describeShape(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.map((arg, index) => {
    if (end !== -1 && index > end) return '<operand>';
    const name = /^--[a-z-]+=/.exec(arg)?.[0];
    return name ?? arg;
  });
}

function checkFiles(files: readonly CommandFile[]): void {
  const paths = files.map((file) => file.path);
  assert.equal(new Set(paths).size, paths.length, 'no file is planned twice');
  for (const path of paths)
    assert.match(path.slice(WORK_DIR.length), /^\/[A-Za-z0-9._-]+$/, `${path} lies in the work directory`);
  for (const path of paths) assert.ok(path.startsWith(`${WORK_DIR}/`) && !path.endsWith('/..') && !path.endsWith('/.'));
}

function checkEnv(env: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(env)) {
    assert.match(name, /^[A-Z][A-Z0-9_]*$/);
    assert.ok(!value.includes('\u0000'), `${name} has no NUL byte`);
  }
}

function checkCommand(command: Command, secrets: Secrets): void {
  assert.ok(TOOLS.includes(command.tool));
  checkFiles(command.files);
  checkEnv(command.env);
  for (const arg of command.args) assert.ok(!arg.includes('\u0000'), 'arguments have no NUL byte');
  for (const [name, secret] of Object.entries(secrets)) {
    assert.ok(!JSON.stringify(command.args).includes(JSON.stringify(secret).slice(1, -1)), `${name} is in no argument`);
    assert.ok(!Object.values(command.env).some((value) => value.includes(secret)), `${name} is in no environment variable`);
  }
}

/** The sample with one hostile value in place of a text, or of every text at once. */
function createHostileInputs(
  fields: readonly Field[],
  sample: AdapterSample,
  tools?: readonly ToolName[],
): fc.Arbitrary<PlanInput> {
  const configSchema = createConfigSchema(fields);
  const secretsSchema = createSecretsSchema(fields);
  const names = fields.filter((field) => field.kind === 'text' || field.kind === 'multiline' || field.kind === 'secret');
  return fc
    .record({ chosen: fc.subarray([...names], { minLength: Math.min(1, names.length) }), text: hostileText, other: hostileText })
    .map(({ chosen, text, other }) => {
      const config: Record<string, Config[string]> = { ...sample.config };
      const secrets: Record<string, string> = { ...sample.secrets };
      chosen.forEach((field, index) => {
        const value = index % 2 === 0 ? text : other;
        if (field.kind === 'secret') {
          // What the schema refuses never reaches an adapter.
          if (secretsSchema.safeParse({ ...secrets, [field.name]: value }).success) secrets[field.name] = value;
        } else if (configSchema.safeParse({ ...config, [field.name]: value }).success) config[field.name] = value;
      });
      return freezeInput(config, secrets, tools);
    });
}

function checkFields(adapter: SourceAdapter | RepositoryAdapter, sample: AdapterSample): void {
  const { fields } = adapter;
  it('has fields with unique camelCase names and a label', () => {
    assert.match(adapter.kind, /^[a-z][a-z0-9]*$/);
    assert.equal(new Set(fields.map((field) => field.name)).size, fields.length);
    for (const field of fields) assert.match(field.name, /^[a-z][A-Za-z0-9]*$/);
    for (const text of [adapter.label, adapter.summary, ...fields.map((field) => field.label)]) assert.notEqual(text.trim(), '');
  });
  it('accepts its sample and refuses unknown fields by name', () => {
    const config = createConfigSchema(fields);
    const secrets = createSecretsSchema(fields);
    config.parse(sample.config);
    secrets.parse(sample.secrets);
    const wrongConfig = config.safeParse({ ...sample.config, surprise: 'x' });
    const wrongSecrets = secrets.safeParse({ ...sample.secrets, surprise: 'x' });
    assert.match(wrongConfig.error?.message ?? '', /surprise/);
    assert.match(wrongSecrets.error?.message ?? '', /surprise/);
  });
  it('keeps secrets out of the config, so that a config is always safe to show', () => {
    const secretNames = fields.filter((field) => field.kind === 'secret').map((field) => field.name);
    for (const name of secretNames)
      assert.equal(createConfigSchema(fields).safeParse({ ...sample.config, [name]: 'x' }).success, false);
  });
  it('describes itself without secrets', () => {
    const description = adapter.describe(sample.config);
    assert.notEqual(description, '');
    for (const secret of Object.values(sample.secrets)) assert.ok(!description.includes(secret));
  });
}

/** The commands by which one mode takes its content from a private database. */
function addTake(
  add: (name: string, plan: () => Command | undefined) => void,
  mode: string,
  plan: () => TakePlan | undefined,
): void {
  const found = tryPlan(plan);
  if (!found) return;
  add(`take ${mode} move`, () => found.move);
  for (const [at, step] of [...found.prepare, ...found.finish].entries()) {
    const name = `take ${mode} ${at}`;
    if (step.kind === 'ask') add(name, () => step.command);
    if (step.kind === 'listed') add(name, () => step.list);
    const pouring = step.kind === 'pour' ? step : step.kind === 'listed' ? step.pour(['a `view`']) : undefined;
    if (!pouring) continue;
    add(`${name} out`, () => pouring.producer);
    add(`${name} in`, () => pouring.consumer);
  }
}

/** Every command the adapter can plan for an input, by name. */
function planEverything(
  adapter: SourceAdapter,
  input: PlanInput,
  probeStdout: string | undefined,
  targetDatabase: string,
): ReadonlyMap<string, Command> {
  const commands = new Map<string, Command>();
  const add = (name: string, plan: () => Command | undefined): void => {
    const command = tryPlan(plan);
    if (command !== undefined) commands.set(name, command);
  };
  const probe = adapter.parseProbe({ exitCode: 0, stdout: probeStdout ?? '', stderr: '' });
  add('probe', () => adapter.planProbe(input));
  for (const artifact of tryPlan(() => adapter.planBackup(input, probe)) ?? []) {
    if (artifact.kind === 'stream') add(`backup ${artifact.role}`, () => artifact.producer);
  }
  add('discover', () => adapter.discovery?.plan(input));
  const { restore } = adapter;
  if (restore !== undefined) {
    const target = { ...input, targetDatabase };
    add('inspect', () => restore.planInspectTarget(target));
    add('create', () => restore.planCreateTarget(target));
    add('restore', () => restore.planRestore(target));
    add('verify', () => restore.planVerify(target));
    add('drop', () => restore.planDropTarget(target));
    add('create marked', () => restore.planCreateTarget({ ...target, mark: 'run_7' }));
    add('unmark', () => restore.planUnmark?.({ ...target, mark: 'run_7' }));
    add('proof', () => restore.planProof?.(target));
    for (const mode of ['clean', 'append', 'schema_only', 'data_only'] as const)
      if (restore.modes.includes(mode)) add(`restore ${mode}`, () => restore.planRestore({ ...target, mode, owners: false }));
    const take = { ...target, scratch: targetDatabase, aside: targetDatabase, code: targetDatabase, hasCode: true };
    if (restore.fillsInOne) add('restore in one', () => restore.planRestore({ ...target, mode: 'schema_only', inOne: true }));
    for (const mode of restore.planTake ? restore.modes : [])
      addTake(add, mode, () => restore.planTake?.({ ...take, mode, tables: [{ name: targetDatabase }] }));
    add('properties', () => restore.properties?.planList(target));
    add('read properties', () => restore.properties?.planRead(target, [7]));
    const renamed = { database: targetDatabase, owners: true };
    add('apply properties', () =>
      restore.properties?.planApply(target, restore.properties.rewrite("COMMENT ON DATABASE shop IS 'a \\ b';", renamed)),
    );
    const filling = { ...target, mark: 'run_7' };
    if (restore.filling) add('restore listed', () => restore.planRestore({ ...target, filling: filling.mark }));
    add('list', () => restore.filling?.planList(filling, [{ kind: 'table', name: targetDatabase }]).command);
    add('empty from', () => restore.filling?.planEmpty(filling).producer);
    add('empty to', () => restore.filling?.planEmpty(filling).consumer);
    add('end sessions', () => restore.planEndSessions?.(target));
    // Names of databases and tables are as hostile as each other.
    const swap = { ...target, scratch: targetDatabase, aside: targetDatabase, endSessions: true };
    add('swap', () => restore.planSwap?.(swap));
    const copy = { ...swap, tables: [{ schema: targetDatabase, name: targetDatabase }] };
    add('schemas', () => restore.planSchemas?.(copy));
    add('copy from', () => restore.planCopyTables?.(copy).producer);
    add('copy to', () => restore.planCopyTables?.(copy).consumer);
  }
  return commands;
}

const anyOutcome: fc.Arbitrary<ToolOutcome> = fc.record({
  exitCode: fc.option(fc.integer({ min: 0, max: 255 })),
  stdout: fc.string({ unit: ANY_CHARACTER }),
  stderr: fc.oneof(
    fc.string({ unit: ANY_CHARACTER }),
    fc.constantFrom('', 'x'.repeat(100_000), '\n'.repeat(50_000), 'ERROR 1045 ('),
  ),
});

/** The suite of source adapters; `tools` is the set of tools that is planned for, of a kind that has two. */
export function checkSourceAdapter(adapter: SourceAdapter, sample: SourceSample, tools?: readonly ToolName[]): void {
  describe(`source adapter ${adapter.kind}${tools ? ` with ${tools.join(', ')}` : ''}`, () => {
    checkFields(adapter, sample);
    const input = freezeInput(sample.config, sample.secrets, tools);
    const planned = (from: PlanInput, target = 'restored') => planEverything(adapter, from, sample.probeStdout, target);

    it('plans the same for the same input, and every part of a database source', () => {
      assert.deepEqual(planned(input), planned(input));
      if (adapter.restore !== undefined) {
        for (const name of ['probe', 'backup data', 'discover', 'inspect', 'create', 'restore', 'verify', 'drop']) {
          assert.ok(planned(input).has(name), `${name} is planned`);
        }
      }
    });
    checkModes(adapter, planned(input));
    it('needs no tool beyond those it names', () => {
      for (const command of planned(input).values()) assert.ok((tools ?? adapter.tools).includes(command.tool), command.tool);
    });
    it('puts no secret into arguments or environment, and files only into the work directory', () => {
      for (const command of planned(input).values()) checkCommand(command, sample.secrets);
    });
    it('plans artifacts with safe names, real magic and one piece of data', () => {
      const probe = adapter.parseProbe({ exitCode: 0, stdout: sample.probeStdout ?? '', stderr: '' });
      const artifacts = adapter.planBackup(input, probe);
      assert.equal(artifacts.filter((artifact) => artifact.role === 'data').length, 1);
      for (const artifact of artifacts) {
        assert.ok(artifact.floorBytes >= 0);
        if (artifact.kind === 'tree') continue;
        assert.match(artifact.fileName, /^[A-Za-z0-9][A-Za-z0-9._-]*$/);
        assert.ok(artifact.magicHex.length > 0);
        for (const magic of artifact.magicHex) assert.match(magic, /^(?:[0-9a-f]{2}){4,}$/);
      }
    });
    it('says how each stream is read by hand, in one-line commands of its own tools without a value of the config', () => {
      const probe = adapter.parseProbe({ exitCode: 0, stdout: sample.probeStdout ?? '', stderr: '' });
      for (const artifact of adapter.planBackup(input, probe)) {
        if (artifact.kind === 'tree') continue;
        const lines = adapter.byHand?.(artifact.fileName) ?? [];
        assert.ok(lines.length > 0, artifact.fileName);
        for (const line of lines) assert.match(line, /^[a-z_]+ [\x20-\x7e]+$/);
        for (const secret of Object.values(sample.secrets)) assert.ok(!lines.join('\n').includes(secret));
      }
      fc.assert(
        fc.property(hostileText, (name) => {
          for (const line of adapter.byHand?.(name) ?? []) assert.ok(!line.includes(name));
        }),
        { numRuns: 50 },
      );
    });
    checkShapes(adapter, sample, planned(input), tools);
    checkReading(adapter, input);
  });
}

/** What each mode needs to be carried out. */
function checkModes({ restore }: SourceAdapter, planned: ReadonlyMap<string, Command>): void {
  if (restore === undefined) return;
  it('plans all that each of its restore modes needs, and proves an artifact whole in one of two ways', () => {
    assert.ok(restore.modes.includes('new'));
    for (const mode of restore.modes) {
      const rule = getModeRule(mode);
      if (restore.planTake) {
        assert.ok(planned.has(`take ${mode} move`), mode);
        continue;
      }
      if (mode === 'clean') assert.ok(planned.has('end sessions'));
      if (mode === 'replace') assert.ok(planned.has('swap') && restore.wasSwapped !== undefined);
      if (mode === 'tables') assert.ok(planned.has('copy from') && planned.has('copy to'));
      if (!rule.isBuiltBeside && mode !== 'new') assert.ok(planned.has(`restore ${mode}`), mode);
    }
    assert.notEqual(restore.planProof === undefined, restore.isWholeEnd === undefined);
  });
  it('reads the head of anything without a guess', () => {
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER }), (head) => assert.equal(restore.head.read(head), undefined)),
      { numRuns: 100 },
    );
  });
}

function checkShapes(
  adapter: SourceAdapter,
  sample: SourceSample,
  expected: ReadonlyMap<string, Command>,
  tools: readonly ToolName[] | undefined,
): void {
  it('gives every command the same shape whatever the values are, or refuses them as invalid', () => {
    fc.assert(
      fc.property(createHostileInputs(adapter.fields, sample, tools), hostileText, (hostile, target) => {
        for (const [name, command] of planEverything(adapter, hostile, sample.probeStdout, target)) {
          const model = expected.get(name);
          assert.ok(model !== undefined, `${name} is planned for the sample too`);
          assert.deepEqual(describeShape(command.args), describeShape(model.args), name);
          checkFiles(command.files);
          checkEnv(command.env);
          for (const arg of command.args) assert.ok(!arg.includes('\u0000'));
        }
      }),
      { numRuns: 300 },
    );
  });
}

function checkReading(adapter: SourceAdapter, input: PlanInput): void {
  it('gives every failure a known reason and bounded words, whatever the tool said', () => {
    fc.assert(
      fc.property(anyOutcome, (outcome) => {
        const failure = adapter.classifyFailure(outcome);
        assert.ok(REASON_NAMES.includes(failure.reason));
        assert.ok(failure.message.length > 0 && failure.message.length <= TEXT.errorChars);
        const verdict = adapter.restore?.judgeRestore({ ...outcome, exitCode: outcome.exitCode === 0 ? 1 : outcome.exitCode });
        assert.notEqual(verdict?.ok, true, 'a failed restore is never good');
      }),
      { numRuns: 200 },
    );
  });
  it('answers an unreadable answer with an AppError, never with a guess', () => {
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER }), (stdout) => {
        for (const parse of [adapter.restore?.parseInspectTarget, adapter.restore?.parseVerify]) {
          if (parse !== undefined) assert.throws(() => parse(stdout), AppError);
        }
        if (adapter.planProbe(input) !== undefined) {
          assert.throws(() => adapter.parseProbe({ exitCode: 0, stdout, stderr: '' }), AppError);
        }
      }),
      { numRuns: 100 },
    );
  });
}

/** The suite of repository adapters. */
export function checkRepositoryAdapter(adapter: RepositoryAdapter, sample: RepositorySample): void {
  describe(`repository adapter ${adapter.kind}`, () => {
    checkFields(adapter, sample);
    const input = freezeInput(sample.config, sample.secrets);

    it('has restic’s own password as a secret that is needed', () => {
      assert.ok(adapter.fields.some((field) => field.name === 'password' && field.kind === 'secret' && field.required));
    });
    it('plans the same access for the same input', () => {
      assert.deepEqual(adapter.planAccess(input), adapter.planAccess(input));
    });
    it('names the repository and the password file', () => {
      const { env, files } = adapter.planAccess(input);
      assert.ok(env['RESTIC_REPOSITORY'] !== undefined || files.some((file) => file.path === env['RESTIC_REPOSITORY_FILE']));
      assert.ok(files.some((file) => file.path === env['RESTIC_PASSWORD_FILE']));
    });
    it('puts no secret into arguments, and into the environment only where the tool knows no file', () => {
      const { args, env, files } = adapter.planAccess(input);
      const open = Object.fromEntries(Object.entries(env).filter(([name]) => !sample.secretEnv.includes(name)));
      checkCommand({ tool: 'restic', args, env: open, files }, sample.secrets);
      checkEnv(env);
    });
    it('has arguments free of user text: they are the same whatever the values are', () => {
      const expected = adapter.planAccess(input).args;
      fc.assert(
        fc.property(createHostileInputs(adapter.fields, sample), (hostile) => {
          const access = tryPlan(() => adapter.planAccess(hostile));
          if (access === undefined) return;
          assert.deepEqual(access.args, expected);
          checkFiles(access.files);
          checkEnv(access.env);
          for (const text of access.redact) assert.ok(text.length >= 4, 'no redaction blanks out ordinary words');
        }),
        { numRuns: 300 },
      );
    });
  });
}
