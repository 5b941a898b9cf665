import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { AILMENT_KINDS, type AilmentKind } from '@holdfast/shared/domain/ailments.ts';
import { HOST_HEALTH } from '@holdfast/shared/domain/host-health.ts';
import { DEFAULT_PLAN_OPTIONS, type Spec } from '@holdfast/shared/domain/plan.ts';
import type { ToolReport } from '@holdfast/shared/protocol/messages.ts';
import { JOURNAL } from '../journal/journal.ts';
import type { JournalGlance } from '../journal/peek.ts';
import { AILMENT_CHECKS, type Sight } from './doctor.ts';

const RESTIC: ToolReport = { tool: 'restic', found: true, version: '0.18.1', path: '/usr/bin/restic' };
const GLANCE: JournalGlance = {
  spec: { document: '', signature: '', version: 3 },
  openRuns: [],
  waitingEvents: 0,
  waitingBytes: 0,
  secretsHolder: undefined,
  life: undefined,
  welcome: { at: 0, skewMs: 5, specVersion: 3 },
};
const SPEC = {
  plans: [{ name: 'nightly', enabled: true, options: { ...DEFAULT_PLAN_OPTIONS, hooks: { before: 'stop' } } }],
  sources: [],
  repositories: [],
} as unknown as Spec;

const installed = (problem?: string): Sight['hooks'] => ({
  list: () => ({ directory: '/etc/hooks', exists: true, hooks: [{ name: 'stop', problem }], omitted: 0 }),
  findProblem: () => problem,
});

/** A host on which all is as it should be. */
function makeSight(t: TestContext): Sight {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  return { config: { stateDir }, reports: [RESTIC], pdeathsig: true, hooks: installed(), spec: SPEC, glance: GLANCE };
}

/** How each ailment that the server may find looks on the host; undefined: it needs a disk that this test has not. */
const SPOILED: Readonly<Record<AilmentKind, ((sight: Sight) => Sight) | undefined>> = {
  tools: (sight) => ({ ...sight, reports: [{ tool: 'restic', found: false }] }),
  hooks: (sight) => ({ ...sight, hooks: installed('It can be changed by others.') }),
  children: (sight) => ({ ...sight, pdeathsig: false }),
  settings: (sight) => ({ ...sight, glance: { ...GLANCE, welcome: { at: 0, skewMs: 5, specVersion: 4 } } }),
  secrets: (sight) => {
    const [plan] = SPEC.plans;
    const plans = plan ? [{ ...plan, repositoryId: 'repo_a', sourceIds: [] }] : [];
    const repositories = [{ id: 'repo_a', name: 'vault', kind: 'local', secretsApart: true }];
    return { ...sight, spec: { ...SPEC, secretsMode: 'just_in_time', plans, repositories } as unknown as Spec };
  },
  clock: (sight) => ({ ...sight, glance: { ...GLANCE, welcome: { at: 0, skewMs: 90_000 } } }),
  room: undefined,
  journal: (sight) => {
    const path = join(sight.config.stateDir, JOURNAL.fileName);
    writeFileSync(path, '');
    // Takes no room on the disk.
    truncateSync(path, HOST_HEALTH.journalLookBytes);
    return sight;
  },
};

describe('Doctor', () => {
  it('finds nothing bad on a host on which all is well, and leaves nothing behind', (t) => {
    const sight = makeSight(t);
    for (const kind of AILMENT_KINDS)
      assert.deepEqual(
        AILMENT_CHECKS[kind](sight).filter(({ verdict }) => verdict === 'bad'),
        [],
        kind,
      );
    assert.deepEqual(readdirSync(sight.config.stateDir), []);
  });

  for (const kind of AILMENT_KINDS) {
    const spoil = SPOILED[kind];
    if (spoil === undefined) continue;
    it(`calls bad what makes its host degraded for the server: ${kind}`, (t) => {
      assert.ok(
        AILMENT_CHECKS[kind](spoil(makeSight(t))).some(({ verdict }) => verdict === 'bad'),
        kind,
      );
    });
  }

  it('calls bad a state directory that cannot be written', (t) => {
    const sight = makeSight(t);
    const file = join(sight.config.stateDir, 'no-directory');
    writeFileSync(file, '');
    const [check] = AILMENT_CHECKS.journal({ ...sight, config: { stateDir: file }, glance: undefined });
    assert.deepEqual([check?.verdict, /cannot be written \(ENOTDIR\)/.test(check?.text ?? '')], ['bad', true]);
  });
});

describe('What doctor says of hooks', () => {
  it('is bad for one that a plan names and that cannot be used, and a note for any other', (t) => {
    const sight = makeSight(t);
    const words = (change: Partial<Sight>) =>
      AILMENT_CHECKS.hooks({ ...sight, ...change }).map(({ name, verdict, text }) => [name, verdict, text]);
    assert.deepEqual(words({}), [['hook stop', 'ok', 'can be used, needed by plan nightly']]);
    const broken = installed('It is a link.');
    assert.deepEqual(words({ hooks: broken }), [['hook stop', 'bad', 'It is a link. It is needed by plan nightly.']]);
    assert.deepEqual(words({ hooks: broken, spec: undefined }), [['hook stop', 'note', 'It is a link.']]);
    const [plan] = SPEC.plans;
    assert.ok(plan);
    const off = { ...SPEC, plans: [{ ...plan, enabled: false }] };
    assert.equal(words({ hooks: broken, spec: off })[0]?.[1], 'note');
  });
});
