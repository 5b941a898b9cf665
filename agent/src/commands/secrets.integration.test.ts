import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { findStartTime, readBootId } from '../exec/proc.ts';
import { PASSWORD, writeFolder } from '../runs/fixtures/run-rig.ts';
import { openEnrolledHost } from './fixtures/enrolled-host.ts';

const RESTIC = GENERATIONS[0]?.binary ?? '';

/** A host with one backup that keeps no secrets from now on. */
async function openHost(t: TestContext) {
  const host = await openEnrolledHost(t, RESTIC);
  const { rig } = host;
  rig.addFiles('Office documents', [writeFolder(join(rig.dir, 'documents'), { 'a.txt': 'content' })]);
  await rig.initRepository();
  await rig.runPlan();
  delete rig.repository.secrets;
  rig.repository.secretsApart = true;
  rig.spec.secretsMode = 'just_in_time';
  rig.spec.repositories = [rig.repository];
  host.storeSpec();
  return host;
}

describe('A host that keeps no secrets', () => {
  it('says in status and doctor that it waits for the server, and doctor finds that bad', async (t) => {
    const host = await openHost(t);
    host.rig.workbench.journal.runs.record({
      run: host.rig.workbench.createId('run'),
      kind: 'backup',
      body: { kind: 'backup', started: false },
    });
    const words =
      /waits for the server: secrets are not kept here; no backup of 1 plan runs until it brings them, 1 run waits already/;
    assert.match((await host.run(['status'])).stdout, words);
    const { secrets } = JSON.parse((await host.run(['status', '--json'])).stdout) as { secrets: Record<string, unknown> };
    assert.deepEqual(
      [secrets['mode'], secrets['place'], secrets['waitingPlans'], secrets['waitingRuns']],
      ['just_in_time', 'absent', 1, 1],
    );
    const doctor = await host.run(['doctor']);
    assert.equal(doctor.code, 1);
    assert.match(doctor.stdout, /^bad {3}secrets: waits for the server/m);
  });

  it('says that they are in memory only while the very process lives that holds them', async (t) => {
    const host = await openHost(t);
    const { journal } = host.rig.workbench;
    const self = { pid: process.pid, startTime: findStartTime(process.pid) ?? 0, bootId: readBootId() };
    const readDoctor = async () => {
      const { checks } = JSON.parse((await host.run(['doctor', '--json'])).stdout) as {
        checks: { name: string; verdict: string }[];
      };
      return checks.find((check) => check.name === 'secrets')?.verdict;
    };
    journal.noteSecrets(self);
    assert.match((await host.run(['status'])).stdout, /^secrets {6}not kept here: in the agent’s memory/m);
    assert.equal(await readDoctor(), 'ok');
    for (const other of [
      { ...self, startTime: self.startTime - 1 },
      { ...self, bootId: 'another boot' },
    ]) {
      journal.noteSecrets(other);
      assert.equal(await readDoctor(), 'bad');
    }
  });

  it('restores by hand with secrets from a private file, and says what to write into it', async (t) => {
    const host = await openHost(t);
    const missing = await host.run(['restore', '--list']);
    assert.equal(missing.code, 1);
    assert.match(
      missing.stderr,
      /this host keeps no secrets, and those of repository "disk" \(password\) were not given\..*as \{"disk":\{"password":"…"\}\}, and name it in HOLDFAST_SECRETS_FILE/,
    );
    const file = join(host.rig.dir, 'secrets.json');
    writeFileSync(file, JSON.stringify({ disk: { password: PASSWORD } }));
    chmodSync(file, 0o600);
    const env = { HOLDFAST_SECRETS_FILE: file };
    const listed = await host.run(['restore', '--list', '--json'], { env });
    assert.equal(listed.code, 0, listed.stderr);
    assert.equal((JSON.parse(listed.stdout) as unknown[]).length, 1);
    const to = join(host.rig.dir, 'back');
    const restored = await host.run(['restore', '--source', 'Office documents', '--to', to], { env });
    assert.equal(restored.code, 0, restored.stderr);
    assert.equal(readFileSync(join(to, host.rig.dir, 'documents/a.txt'), 'utf8'), 'content');
    const wrong = await host.run(['restore', '--list'], {
      env: { HOLDFAST_SECRETS: JSON.stringify({ [host.rig.repository.id]: { password: 'wrong' } }) },
    });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /password/);
  });

  it('names the secrets of a database that a restore goes into', async (t) => {
    const host = await openHost(t);
    const [source] = host.rig.spec.sources;
    assert.ok(source);
    Object.assign(source, {
      kind: 'postgres',
      config: { host: '127.0.0.1', port: 1, user: 'backup', database: 'shop' },
      secretsApart: true,
    });
    host.storeSpec();
    const env = { HOLDFAST_SECRETS: JSON.stringify({ disk: { password: PASSWORD } }) };
    const end = await host.run(['restore', '--source', 'Office documents', '--to-database', 'x'], { env });
    assert.equal(end.code, 1);
    assert.match(end.stderr, /those of source "Office documents" \(password\) were not given/);
  });
});
