import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Finding,
  findCycles,
  findHomelessPackages,
  findImpureImports,
  findMissingFiles,
  findZoneViolations,
} from './import-rules.ts';
import type { SourceFile } from './imports.ts';

/** A tree of small files: path to text. */
function tree(files: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(files).map(([path, text]) => ({ path, text }));
}

function assertFinds(findings: readonly Finding[], pattern: RegExp): void {
  assert.equal(findings.length, 1, `expected one finding, got:\n${findings.join('\n')}`);
  assert.match(findings[0] ?? '', pattern);
}

describe('The zone rule', () => {
  const violations: readonly [string, string, string][] = [
    ['shared to server', 'shared/src/domain/run.ts', "import '@holdfast/server/core/runs.ts';"],
    ['shared to agent, even as a type', 'shared/src/errors.ts', "import type { A } from '@holdfast/agent/exec/run.ts';"],
    ['shared to e2e, even in a test', 'shared/src/errors.test.ts', "import '../../e2e/harness/start.ts';"],
    ['shared to the file system', 'shared/src/protocol/codec.ts', "import { readFileSync } from 'node:fs';"],
    ['shared to processes', 'shared/src/adapters/sources/files.ts', "import { spawn } from 'node:child_process';"],
    ['shared to sockets', 'shared/src/protocol/channel.ts', "import type { WebSocket } from 'ws';"],
    ['agent to server', 'agent/src/session/dial.ts', "import '@holdfast/server/hub/session.ts';"],
    ['agent test to server', 'agent/src/session/dial.test.ts', "import '@holdfast/server/hub/session.ts';"],
    ['server to agent', 'server/src/hub/session.ts', "import type { A } from '@holdfast/agent/session/dial.ts';"],
    ['core to the store at run time', 'server/src/core/runs.ts', "import { openStore } from '../store/sqlite/open.ts';"],
    ['core to the web, even as a type', 'server/src/core/runs.ts', "import type { Page } from '../web/screens/runs.ts';"],
    ['store to hub', 'server/src/store/sqlite/runs.ts', "import { directory } from '../../hub/directory.ts';"],
    ['ticker to store', 'server/src/ticker/maintenance.ts', "import { openStore } from '../store/sqlite/open.ts';"],
    ['metrics to web', 'server/src/metrics.ts', "import { html } from './web/html.ts';"],
    ['a room to the composition root at run time', 'server/src/web/screens/runs.ts', "import { config } from '../../config.ts';"],
    ['a view to core', 'server/src/web/screens/runs.view.ts', "import type { Run } from '../../core/runs.ts';"],
    [
      'a view to domain values',
      'server/src/web/screens/runs.view.ts',
      "import { isTerminal } from '@holdfast/shared/domain/run.ts';",
    ],
    ['a view to a package', 'server/src/web/ui/form.ts', "import { z } from 'zod';"],
    ['a view to its screen', 'server/src/web/screens/runs.view.ts', "import { routes } from './runs.ts';"],
    ['a file without a zone', 'server/src/services/runs.ts', ''],
  ];
  for (const [name, path, text] of violations) {
    it(`reports ${name}`, () =>
      assertFinds(findZoneViolations(tree({ [path]: text })), new RegExp(`^${path.replaceAll('.', '\\.')}:1 `)));
  }

  it('allows what the architecture allows', () => {
    const allowed = tree({
      'shared/src/adapters/sources/files.ts': "import { z } from 'zod';\nimport type { Plan } from '../../domain/plan.ts';",
      'shared/src/protocol/frames.test.ts': "import { readFileSync } from 'node:fs';",
      'server/src/core/runs.ts':
        "import type { Store } from '../store/store.ts';\nimport { newId } from '@holdfast/shared/clock.ts';",
      'server/src/core/runs.test.ts': "import { openStore } from '../store/sqlite/open.ts';",
      'server/src/store/sqlite/runs.ts':
        "import { rule } from '../../core/runs.ts';\nimport type { Hub } from '../../hub/directory.ts';",
      'server/src/web/screens/runs.ts': "import { view } from './runs.view.ts';\nimport { listRuns } from '../../core/runs.ts';",
      'server/src/web/screens/runs.view.ts':
        "import type { Run } from '@holdfast/shared/domain/run.ts';\nimport { html } from '../html.ts';\nimport { page } from '../ui/layout.ts';",
      'server/src/app.ts': "import { openStore } from './store/sqlite/open.ts';\nimport { accept } from './hub/accept.ts';",
      'agent/src/handlers/run-start.ts': "import { runPipeline } from '../exec/pipeline.ts';",
      'e2e/harness/start.ts':
        "import { createApp } from '@holdfast/server/app.ts';\nimport { startAgent } from '@holdfast/agent/main.ts';",
    });
    assert.deepEqual(findZoneViolations(allowed), []);
  });
});

describe('The package rule', () => {
  it('reports a package in two folders of one side', () => {
    const files = tree({
      'server/src/web/app.ts': "import express from 'express';",
      'server/src/hub/accept.ts': "import express from 'express';",
    });
    assertFinds(
      findHomelessPackages(files),
      /^express is imported from 2 folders: server\/src\/web\/app\.ts:1, server\/src\/hub/,
    );
  });
  it('reports a package or builtin outside its home', () => {
    assertFinds(
      findHomelessPackages(tree({ 'agent/src/session/spec.ts': "import { Cron } from 'croner';" })),
      /croner .* home \(agent\/src\/scheduler\)/,
    );
    assertFinds(
      findHomelessPackages(tree({ 'agent/src/engines/restic/lock.ts': "import 'node:child_process';" })),
      /home \(agent\/src\/exec\)/,
    );
    assertFinds(findHomelessPackages(tree({ 'server/src/core/x.ts': "import 'node:sqlite';" })), /never in server/);
  });
  it('allows a package in each of the rooms that are its home, and in no other', () => {
    const homes = { commander: { server: 'server/src/main server/src/cli' } };
    const files = { 'server/src/main.ts': "import 'commander';", 'server/src/cli/program.ts': "import 'commander';" };
    assert.deepEqual(findHomelessPackages(tree(files), homes), []);
    assertFinds(
      findHomelessPackages(tree({ ...files, 'server/src/hub/x.ts': "import 'commander';" }), homes),
      /hub\/x\.ts:1 commander/,
    );
  });
  it('allows the same package on two sides, zod anywhere, and anything in a test', () => {
    const files = tree({
      'agent/src/session/dial.ts': "import 'ws';\nimport 'zod';",
      'server/src/hub/accept.ts': "import 'ws';\nimport 'zod';",
      'server/src/web/forms.ts': "import 'zod';",
      'server/src/core/runs.test.ts': "import 'ws';\nimport 'node:child_process';",
    });
    assert.deepEqual(findHomelessPackages(files), []);
  });
});

describe('The graph rules', () => {
  it('report a cycle once, as the way round', () => {
    const files = tree({
      'agent/src/exec/a.ts': "import './b.ts';",
      'agent/src/exec/b.ts': "import type { C } from './c.ts';",
      'agent/src/exec/c.ts': "import './a.ts';",
      'agent/src/exec/d.ts': "import './a.ts';",
    });
    assertFinds(
      findCycles(files),
      /exec\/a\.ts -> agent\/src\/exec\/b\.ts -> agent\/src\/exec\/c\.ts -> agent\/src\/exec\/a\.ts$/,
    );
    assert.deepEqual(findCycles(files.slice(0, 2)), []);
  });
  it('report an import of a file that is not there', () => {
    assertFinds(
      findMissingFiles(tree({ 'agent/src/main.ts': "import './gone.ts';" })),
      /agent\/src\/gone\.ts, which does not exist/,
    );
  });
  it('report a pure file that acts', () => {
    const files = tree({
      'agent/src/engines/restic/parse.ts': "import { readFileSync } from 'node:fs';\nimport { z } from 'zod';",
    });
    assertFinds(findImpureImports(files), /parse\.ts:1 is a pure file/);
  });
});
