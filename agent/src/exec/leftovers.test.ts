import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { endGroup } from './leftovers.ts';
import { findStartTime, isGroupAlive, listGroup, type ProcessIdentity } from './proc.ts';

const OURS = '/run/holdfast-agent-of-the-test/scratch';
const owns = (path: string) => path === OURS;

interface Group {
  leader: ProcessIdentity;
  /** The pids the script printed, in order. */
  members: readonly number[];
  child: ChildProcess;
}

/** A group led by a shell that prints the pids of what it starts, one a line, and then waits. */
async function startGroup(t: TestContext, script: string, count: number, tmpDir: string = OURS): Promise<Group> {
  const child = spawn('sh', ['-c', `${script}\nwait`], {
    detached: true,
    env: { PATH: '/usr/bin:/bin', TMPDIR: tmpDir },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => {
    for (const { pid } of listGroup(child.pid ?? -1)) process.kill(pid, 'SIGKILL');
  });
  const members: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    members.push(Number(line));
    if (members.length === count) break;
  }
  assert.ok(child.pid);
  const startTime = findStartTime(child.pid);
  assert.ok(startTime);
  return { leader: { pid: child.pid, startTime }, members, child };
}

async function killLeader({ child }: Group): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function awaitGone(pid: number): Promise<void> {
  while (findStartTime(pid) !== undefined) await new Promise((resolve) => setImmediate(resolve));
}

const listPids = (processes: readonly ProcessIdentity[]) => processes.map(({ pid }) => pid).sort((one, other) => one - other);
const sorted = (pids: readonly number[]) => [...pids].sort((one, other) => one - other);

describe('What is left of a group', () => {
  it('is not ended where it became somebody else’s, and the others are', async (t) => {
    // Only root can start what becomes somebody else's, and give up its rights over it.
    if (process.getuid?.() !== 0) return;
    const strange = "setpriv --reuid 65533 sh -c 'echo $$; exec sleep 60' &";
    const group = await startGroup(t, `${strange}\nsetpriv --reuid 65534 sh -c 'echo $$; exec sleep 60' &`, 2);
    const owners = new Map(group.members.map((pid) => [statSync(`/proc/${pid}`).uid, pid]));
    process.seteuid?.(65534);
    try {
      const left = endGroup(group.leader, owns);
      assert.ok(listPids(left.ended).includes(owners.get(65534) ?? 0));
      assert.ok(!listPids(left.ended).includes(owners.get(65533) ?? 0));
    } finally {
      process.seteuid?.(0);
    }
    assert.notEqual(findStartTime(owners.get(65533) ?? 0), undefined);
  });

  it('is ended whole while its recorded leader lives, whatever its members have in their environment', async (t) => {
    const group = await startGroup(t, 'sleep 60 & echo $!\nTMPDIR=/tmp sleep 60 & echo $!', 2);
    const left = endGroup(group.leader, owns);
    assert.deepEqual(listPids(left.ended), sorted([group.leader.pid, ...group.members]));
    for (const pid of [group.leader.pid, ...group.members]) await awaitGone(pid);
    assert.equal(isGroupAlive(group.leader.pid), false);
  });

  it('is ended after its leader was killed, children of children too', async (t) => {
    const group = await startGroup(t, "sleep 60 & echo $!\nsh -c 'sleep 60 & echo $!; wait' &", 2);
    await killLeader(group);
    const grandchildren = listGroup(group.leader.pid);
    assert.equal(grandchildren.length, 3);
    const left = endGroup(group.leader, owns);
    assert.deepEqual(listPids(left.ended), listPids(grandchildren));
    assert.deepEqual(left.unproven, []);
    for (const { pid } of grandchildren) await awaitGone(pid);
  });

  it('loses only its proven members when a stranger is among them', async (t) => {
    const group = await startGroup(
      t,
      'sleep 60 & echo $!\nTMPDIR=/tmp sleep 60 & echo $!\nenv --unset=TMPDIR sleep 60 & echo $!',
      3,
    );
    await killLeader(group);
    const [ours = 0, ...strangers] = group.members;
    // Until it becomes the other program, a child still shows the environment of the shell.
    for (const pid of strangers)
      while (readFileSync(`/proc/${pid}/comm`, 'latin1').trim() !== 'sleep')
        await new Promise((resolve) => setImmediate(resolve));
    const left = endGroup(group.leader, owns);
    assert.deepEqual(listPids(left.ended), [ours]);
    assert.deepEqual(listPids(left.unproven), sorted(strangers));
    await awaitGone(ours);
    for (const pid of strangers) assert.notEqual(findStartTime(pid), undefined);
  });

  it('keeps a member that began before the recorded leader, although it has our mark', async (t) => {
    const group = await startGroup(t, 'sleep 60 & echo $!', 1);
    await killLeader(group);
    const left = endGroup({ pid: group.leader.pid, startTime: group.leader.startTime + 1_000_000 }, owns);
    assert.deepEqual(left.ended, []);
    assert.deepEqual(listPids(left.unproven), [...group.members]);
    assert.notEqual(findStartTime(group.members[0] ?? 0), undefined);
  });

  it('is not looked for where the number belongs to another process now', async (t) => {
    const group = await startGroup(t, 'sleep 60 & echo $!', 1);
    const left = endGroup({ pid: group.leader.pid, startTime: group.leader.startTime - 1 }, owns);
    assert.deepEqual(left, { ended: [], unproven: [] });
    for (const pid of [group.leader.pid, ...group.members]) assert.notEqual(findStartTime(pid), undefined);
  });

  it('is ended behind a dead leader that nobody has collected', async (t) => {
    // `sleep` takes the place of the shell and collects nothing; its child leads a group of its own.
    const group = await startGroup(t, "setsid sh -c 'sleep 60 & echo $$; echo $!; wait' &\nexec sleep 60", 2);
    const [pid = 0, member = 0] = group.members;
    const startTime = findStartTime(pid);
    assert.ok(startTime);
    t.after(() => (findStartTime(member) === undefined ? undefined : process.kill(member, 'SIGKILL')));
    process.kill(pid, 'SIGKILL');
    await awaitGone(pid);
    assert.equal(process.kill(pid, 0), true, 'the dead leader still has its entry');
    const left = endGroup({ pid, startTime }, owns);
    assert.deepEqual(listPids(left.ended), [member]);
    await awaitGone(member);
    assert.deepEqual(endGroup({ pid, startTime }, owns), { ended: [], unproven: [] });
  });

  it('is nothing where all are gone', async (t) => {
    const group = await startGroup(t, 'echo $$; exec sleep 60', 1);
    await killLeader(group);
    assert.deepEqual(endGroup(group.leader, owns), { ended: [], unproven: [] });
  });

  it('does not get away by forking while it is being ended', async (t) => {
    // Each generation starts the next one and stays.
    const script = 'f() { [ "$1" -gt 40 ] && return; sh -c "$F; f $(($1 + 1)); exec sleep 60" & }';
    const group = await startGroup(t, `F='${script}'; export F; eval "$F"; f 0; echo $!`, 1);
    await killLeader(group);
    const left = endGroup(group.leader, owns);
    assert.ok(left.ended.length > 0);
    assert.deepEqual(left.unproven, []);
    for (const { pid } of left.ended) await awaitGone(pid);
    assert.equal(isGroupAlive(group.leader.pid), false);
  });
});
