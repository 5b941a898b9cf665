import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { EXIT } from './exit.ts';
import { openCliWorld } from './fixtures/cli-world.ts';

const FILES = 8;
const HOST = 'db-1';

/** Left out as often as not: what is dropped from a file has to go on the server as well. */
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const count = fc.integer({ min: 1, max: 9 });
const flag = fc.boolean();

const repository = (name: string) =>
  fc.record({
    name: fc.constant(name),
    kind: fc.constant('rest'),
    runsAtOnce: maybe(count),
    config: fc.record({
      url: fc.constantFrom('https://rest.example.test/a', 'https://rest.example.test/b'),
      username: maybe(fc.constantFrom('one', 'two')),
      allowHttp: maybe(flag),
    }),
    secrets: fc.constant({ password: 'env:REPO_PASSWORD' }),
  });

const source = (name: string) =>
  fc.record({
    name: fc.constant(name),
    host: fc.constant(HOST),
    kind: fc.constant('files'),
    enabled: maybe(flag),
    config: fc.record({
      paths: fc.constantFrom(['/srv'], ['/srv', '/etc']),
      excludes: maybe(fc.constantFrom([], ['*.tmp'])),
      oneFileSystem: maybe(flag),
      floorBytes: maybe(count),
    }),
  });

const policy = fc.record({
  name: fc.constant('fleet'),
  description: maybe(fc.constantFrom('', 'as agreed')),
  policy: fc.oneof(
    fc.constant({ kind: 'everything' }),
    fc.record({ kind: fc.constant('rules'), last: count, daily: maybe(count), minAgeHours: maybe(count) }),
  ),
});

const shared = fc.record({
  name: fc.constant('late'),
  description: maybe(fc.constantFrom('', 'as agreed')),
  schedule: fc.constantFrom({ cron: '0 4 * * *', zone: 'UTC' }, { cron: '0 5 * * *', zone: 'Europe/Berlin' }),
});

/** A plan is due by itself, by what it shares, or by hand. */
const due = fc.oneof(
  fc.constant({}),
  fc.constant({ sharedSchedule: 'late' }),
  fc.record({ schedule: fc.constantFrom({ cron: '0 2 * * *', zone: 'UTC' }, { cron: '0 3 * * *', zone: 'Europe/Berlin' }) }),
);

const options = fc.record({
  catchUp: maybe(flag),
  graceMinutes: maybe(count),
  blackouts: maybe(fc.constantFrom([], [{ from: '22:00', to: '06:00' }], [{ from: '01:00', to: '02:00', days: [0] }])),
  priority: maybe(fc.constantFrom('high', 'normal', 'low')),
  attempts: maybe(count),
  drills: maybe(
    fc.record(
      {
        schedule: fc.constantFrom({ cron: '0 4 * * 6' }, { cron: '0 5 1 * *', zone: 'Europe/Berlin' }),
        everyRuns: count,
        host: fc.constant(HOST),
      },
      { requiredKeys: ['everyRuns'] },
    ),
  ),
  hooks: maybe(fc.record({ before: maybe(fc.constant('stop.sh')), after: maybe(fc.constant('start.sh')) })),
  limits: maybe(fc.record({ nice: maybe(count), uploadKiBps: maybe(count) })),
});

const plan = (name: string) =>
  fc
    .record({
      name: fc.constant(name),
      repository: fc.constant('main'),
      sources: fc.constantFrom([`${HOST}/a`], [`${HOST}/b`, `${HOST}/a`]),
      enabled: maybe(flag),
      options: maybe(options),
      retentionPolicy: maybe(fc.constant('fleet')),
      copyRepository: maybe(fc.constant('second')),
      due,
    })
    .map(({ due: times, ...plan }) => ({ ...plan, ...times }));

const channel = fc.record({
  name: fc.constant('on-call'),
  kind: fc.constant('webhook'),
  enabled: maybe(flag),
  secrets: fc.constant({ url: 'env:HOOK' }),
  subscription: maybe(fc.record({ least: maybe(fc.constant('warning')), tags: maybe(fc.constantFrom([], ['db', 'app'])) })),
});

const file = fc.record({
  version: fc.constant(1),
  policies: fc.tuple(policy),
  schedules: fc.tuple(shared),
  repositories: fc.tuple(repository('main'), repository('second')),
  sources: fc.tuple(source('a'), source('b')),
  plans: fc.tuple(fc.option(plan('nightly')), fc.option(plan('weekly'))).map((plans) => plans.filter((one) => one !== null)),
  channels: fc.option(channel).map((one) => (one === null ? [] : [one])),
});

/** A plan that says all of drills, then less, then nothing: chance does not meet each of them in few files. */
const drilled = [
  { schedule: { cron: '0 4 * * 6', zone: 'Europe/Berlin' }, everyRuns: 7, host: HOST },
  { everyRuns: 7 },
  undefined,
].map((drills): [object] => [
  {
    version: 1,
    repositories: [
      { name: 'main', kind: 'rest', config: { url: 'https://rest.example.test/a' }, secrets: { password: 'env:REPO_PASSWORD' } },
    ],
    sources: [{ name: 'a', host: HOST, kind: 'files', config: { paths: ['/srv'] } }],
    plans: [{ name: 'nightly', repository: 'main', sources: [`${HOST}/a`], options: { ...(drills && { drills }) } }],
  },
]);

const variables = { REPO_PASSWORD: 'a-secret-of-the-file', HOOK: 'https://hooks.example.test/x' };

it('whatever a file says, and whatever the one before it left on the server, nothing differs once it is applied', async () => {
  const world = await openCliWorld();
  try {
    await world.addHost(HOST);
    const converge = async (wanted: object) => {
      const path = await world.write('fleet.json', JSON.stringify(wanted));
      const made = await world.run(['plan', 'apply', '-f', path, '--delete'], { variables });
      assert.equal(made.code, EXIT.done, made.error);
      const left = await world.run(['plan', 'diff', '-f', path]);
      assert.deepEqual([left.code, left.out], [EXIT.done, 'the server is as the file says\n']);
      const exported = await world.write('exported.yaml', (await world.run(['plan', 'export'])).out);
      assert.equal(
        (await world.run(['plan', 'diff', '-f', exported])).code,
        EXIT.done,
        'nor from what the server says of itself',
      );
    };
    // Each file meets what the one before it made, so nothing is shrunk: the smaller file would meet another server.
    await fc.assert(fc.asyncProperty<[object]>(file, converge), {
      examples: drilled,
      numRuns: FILES + drilled.length,
      seed: 20_261_120,
      endOnFailure: true,
    });
  } finally {
    await world.close();
  }
});
