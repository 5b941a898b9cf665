import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { ToolReport } from '@holdfast/shared/protocol/messages.ts';
import { checkTools } from './tool-checks.ts';

const restic: ToolReport = { tool: 'restic', found: true, version: '0.18.1', path: '/usr/bin/restic' };
const spec = {
  sources: [
    { name: 'shop', kind: 'mariadb' },
    { name: 'letters', kind: 'files' },
  ],
  repositories: [{ name: 'vault', kind: 'sftp' }],
} as unknown as Pick<Spec, 'sources' | 'repositories'>;

describe('What doctor says of tools', () => {
  it('is ok for one that is there and can be used', () => {
    assert.deepEqual(checkTools([restic], spec), [{ name: 'restic', verdict: 'ok', text: '0.18.1 at /usr/bin/restic' }]);
  });

  it('is bad for a restic that is too old, with what to do', () => {
    const advice = 'restic 0.13.1 is too old. Install the Debian package restic, 0.14 or newer.';
    const [check] = checkTools([{ ...restic, version: '0.13.1', advice }], undefined);
    assert.deepEqual([check?.verdict, check?.text], ['bad', `0.13.1 at /usr/bin/restic: ${advice}`]);
  });

  it('is bad for a missing one that a source or repository of this host needs, and a note for any other', () => {
    const reports = (['mariadb-dump', 'ssh', 'psql'] as const).map(
      (tool): ToolReport => ({ tool, found: false, advice: 'Get it.' }),
    );
    assert.deepEqual(checkTools(reports, spec), [
      { name: 'mariadb-dump', verdict: 'bad', text: 'Get it. Needed by source shop.' },
      { name: 'ssh', verdict: 'bad', text: 'Get it. Needed by repository vault.' },
      { name: 'psql', verdict: 'note', text: 'Get it.' },
    ]);
    const mysql = { ...spec, sources: [{ name: 'till', kind: 'mysql' }] } as unknown as typeof spec;
    const standIns = (['mariadb', 'mariadb-dump'] as const).map((tool): ToolReport => ({ ...restic, tool }));
    const none = { tool: 'mysqldump', found: false, advice: 'Get it.' } as const;
    assert.equal(checkTools([none], mysql)[0]?.text, 'Get it. Needed by source till.');
    assert.deepEqual(
      checkTools([none, ...standIns], mysql).map(({ verdict }) => verdict),
      ['note', 'ok', 'ok'],
    );
    assert.ok(checkTools(reports, undefined).every(({ verdict }) => verdict === 'note'));
    assert.equal(checkTools([{ tool: 'restic', found: false }], undefined)[0]?.verdict, 'bad');
  });
});
