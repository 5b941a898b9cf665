import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { writeFolder } from '../runs/fixtures/run-rig.ts';
import { openEnrolledHost } from './fixtures/enrolled-host.ts';

const AGE = '-----BEGIN AGE ENCRYPTED FILE-----\nQUJD\n-----END AGE ENCRYPTED FILE-----\n';

describe('holdfast-agent recovery-kit', () => {
  it('says where the sealed copies lie and prints one for age, with server and agent away', async (t) => {
    const host = await openEnrolledHost(t, GENERATIONS[0]?.binary ?? '');
    const { rig } = host;
    rig.addFiles('Office documents', [writeFolder(`${rig.dir}/documents`, { 'a.txt': 'content' })]);
    rig.spec.repositories = [rig.repository];
    host.storeSpec();
    const none = await host.run(['recovery-kit']);
    assert.deepEqual([none.code, none.stdout], [1, '']);
    assert.match(none.stderr, /there is no sealed copy here: the server has no recovery key/);
    rig.repository.recoveryCopy = AGE;
    host.storeSpec();
    const { id, name } = rig.repository;
    const listed = await host.run(['recovery-kit']);
    assert.equal(listed.code, 0, listed.stderr);
    assert.ok(listed.stdout.includes(`${host.stateDir}/recovery/${id}.age`));
    assert.equal((await host.run(['recovery-kit', '--repository', name])).stdout, AGE);
    const json = JSON.parse((await host.run(['recovery-kit', '--repository', id, '--json'])).stdout) as unknown;
    assert.deepEqual(json, [{ repository: id, name, sealed: AGE }]);
    assert.match(
      (await host.run(['recovery-kit', '--repository', 'nowhere'])).stderr,
      /no sealed copy of a repository called nowhere/,
    );
  });
});
