import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getRepositoryAdapter, getSourceAdapter, REPOSITORY_ADAPTERS, SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { parseAdapterInput } from '../../../core/adapters/adapter-input.ts';
import { form } from '../../ui/form.ts';
import { describeConfig, listDefaults, nameInput, readAdapterForm, readTypedValues, toAdapterSections } from './adapter-form.ts';
import { NO_PROBLEM, toFormProblem } from './form-problem.ts';

const postgres = getSourceAdapter('postgres');
const files = getSourceAdapter('files');

function renderForm(
  kind: typeof postgres,
  values: Parameters<typeof toAdapterSections>[1]['values'],
  stored: string[] = [],
): string {
  return form({
    action: '/x',
    sections: toAdapterSections(kind.fields, { values, stored, problem: NO_PROBLEM }),
    submit: { label: 'Save' },
  }).toString();
}

describe('an adapter form', () => {
  it('renders an input for each field of every adapter, folded where few people need it', () => {
    for (const adapter of [...SOURCE_ADAPTERS, ...REPOSITORY_ADAPTERS]) {
      const sections = toAdapterSections(adapter.fields, {
        values: listDefaults(adapter.fields),
        stored: [],
        problem: NO_PROBLEM,
      });
      const names = sections.flatMap((section) => section.fields.map((field) => field.name));
      assert.deepEqual([...names].sort(), adapter.fields.map(nameInput).sort(), adapter.kind);
    }
  });

  it('reads a posted form back as config and secrets, apart from the first moment on', () => {
    const posted = {
      'config-host': 'db.example.test',
      'config-port': '5433',
      'config-database': 'app',
      'config-user': 'backup',
      'secret-password': ' spaces stay ',
      'config-sslMode': 'require',
      'config-surprise': 'ignored',
    };
    const input = readAdapterForm(postgres.fields, posted);
    assert.deepEqual(input.secrets, { password: ' spaces stay ' });
    const parsed = parseAdapterInput(postgres.fields, input);
    assert.equal(parsed.config['port'], 5433);
    assert.equal(parsed.config['database'], 'app');
    assert.equal(parsed.config['roles'], 'with-passwords', 'what is not in the form has its default');
    assert.ok(!('surprise' in parsed.config));
  });

  it('reads lists line by line, whatever the line breaks, and keeps blanks inside names', () => {
    const input = readAdapterForm(files.fields, {
      'config-paths': '/srv/my files\r\n\r\n/etc\r',
      'config-oneFileSystem': 'true',
    });
    assert.deepEqual(input.config['paths'], ['/srv/my files', '/etc']);
    assert.equal(input.config['oneFileSystem'], true);
    assert.equal(readAdapterForm(files.fields, { 'config-paths': '/etc' }).config['oneFileSystem'], false);
  });

  it('never writes a secret into the page, neither typed nor stored', () => {
    const posted = { 'config-database': 'app', 'secret-password': 'correct-horse' };
    const values = readTypedValues(postgres.fields, posted);
    assert.ok(!JSON.stringify(values).includes('correct-horse'));
    const markup = renderForm(postgres, { ...values, password: 'correct-horse' }, ['password']);
    assert.ok(!markup.includes('correct-horse'));
    assert.match(markup, /leave empty to keep/);
    assert.match(markup, /value="app"/);
  });

  it('puts each refusal beside its own field, in few words', () => {
    let problem = NO_PROBLEM;
    try {
      parseAdapterInput(
        postgres.fields,
        readAdapterForm(postgres.fields, { 'config-port': '99999', 'config-host': 'a b', 'config-user': 'x' }),
      );
      assert.fail('the form is refused');
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown;
      problem = toFormProblem(thrown);
    }
    const fields = toAdapterSections(postgres.fields, { values: {}, stored: [], problem }).flatMap((section) => section.fields);
    const errorOf = (name: string) => fields.find((field) => field.name === name)?.error;
    assert.match(errorOf('config-host') ?? '', /^must be one host name/);
    assert.equal(errorOf('config-database'), 'is needed');
    assert.equal(errorOf('config-port'), 'must be a whole number from 1 to 65535');
    assert.equal(errorOf('config-user'), undefined);
  });

  it('shows hostile values as text, and reads back exactly what the form showed', () => {
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER, maxLength: 40 }), (text) => {
        const markup = renderForm(postgres, { database: text });
        assert.ok(!markup.includes('<script') && !markup.includes('onerror=x>'));
        const config = readAdapterForm(postgres.fields, { 'config-database': text }).config;
        assert.equal(config['database'], text);
      }),
    );
    assert.ok(!renderForm(postgres, { database: '"><script>alert(1)</script>' }).includes('<script>'));
  });

  it('takes stored values back unchanged when nothing is typed', () => {
    const s3 = getRepositoryAdapter('s3');
    const config = parseAdapterInput(s3.fields, {
      config: { endpoint: 's3.example.test', bucket: 'holdfast', prefix: 'fra', accessKeyId: 'id' },
      secrets: { secretAccessKey: 'geheim', password: 'geheim' },
    }).config;
    const posted = Object.fromEntries(
      s3.fields.flatMap((field) => {
        const value = config[field.name];
        if (value === undefined || value === false) return [];
        return [[nameInput(field), String(value)]];
      }),
    );
    const secretNames = s3.fields.filter((field) => field.kind === 'secret').map((field) => field.name);
    assert.deepEqual(parseAdapterInput(s3.fields, readAdapterForm(s3.fields, posted), secretNames).config, config);
  });

  it('describes a config in the words of its form, secrets as stored only', () => {
    const described = describeConfig(
      postgres.fields,
      { host: '127.0.0.1', port: 5432, database: 'app', user: 'backup', sslMode: 'require' },
      ['password'],
    );
    assert.deepEqual(
      described.find((line) => line.label === 'Database'),
      { label: 'Database', value: 'app' },
    );
    assert.deepEqual(
      described.find((line) => line.label === 'Password'),
      { label: 'Password', value: 'stored, never shown' },
    );
  });
});
