import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listVolumes, type Tree } from './mounts.ts';

const TABLE = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 8:1 / /srv rw,relatime shared:1 - xfs /dev/sda1 rw
31 30 0:50 / /srv/nas rw,relatime - nfs4 nas:/export rw
32 30 0:51 / /srv/a\\040b\\134c rw,relatime - fuse.sshfs host: rw
33 30 8:1 /shop/files /srv/alias rw,relatime - xfs /dev/sda1 rw
34 27 254:0 /home /home ro,relatime - ext4 /dev/vda rw
35 30 8:1 /cache /srv/cache ro,relatime - xfs /dev/sda1 rw
36 30 0:60 / /srv/tmp rw - tmpfs tmpfs rw
37 30 0:61 / /srv/auto rw - autofs systemd-1 rw
38 31 0:62 / /srv/nas/deep/disk rw - ext4 /dev/sdb1 rw
39 27 0:63 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
40 27 0:70 /@home /data rw - btrfs /dev/sdc rw
41 40 0:70 /@home/photos /data/photos ro - btrfs /dev/sdc rw
42 40 0:70 /@mail /data/mail rw - btrfs /dev/sdc rw
45 31 0:90 / /srv/nas/.snapshot/hourly.0 ro - nfs4 nas:/export/.snapshot/hourly.0 ro
46 40 0:91 / /data/.zfs/snapshot/x ro - zfs tank@x ro
43 30 0:80 / /srv/twice rw - tmpfs tmpfs rw
44 43 0:81 / /srv/twice rw - ext4 /dev/sdd rw
a line of another kind
`;

const list = (tree: Partial<Tree>) =>
  listVolumes(TABLE, { paths: [], excludes: [], oneFileSystem: false, removable: [], ...tree }).volumes;

describe('The file systems of a tree of files', () => {
  it('are those mounted below its paths, and the nearest that each path lies on; what passes is none', () => {
    const below = ['/srv/a b\\c', '/srv/alias', '/srv/nas', '/srv/nas/deep/disk', '/srv/twice'];
    assert.deepEqual(list({ paths: ['/srv'] }), ['/srv', ...below]);
    assert.deepEqual(list({ paths: ['/srv/'] }).slice(1), below);
    assert.deepEqual(list({ paths: ['/srv/shop'] }), ['/srv']);
    assert.deepEqual(list({ paths: ['/srv/nas/deep'] }), ['/srv/nas', '/srv/nas/deep/disk']);
    assert.deepEqual(list({ paths: ['/srvers', '/home/ann', '/var/lib/docker'] }), []);
    assert.deepEqual(list({ paths: ['/'] }), ['/data', '/data/mail', '/srv', ...below]);
  });

  it('are no mounts of what would be seen there anyway; subvolumes are ones of their own', () => {
    assert.deepEqual(list({ paths: ['/home', '/srv/cache'] }), ['/srv']);
    assert.deepEqual(list({ paths: ['/data'] }), ['/data', '/data/mail']);
  });

  it('are not those that it does not enter, leaves out, or that may be away', () => {
    assert.deepEqual(list({ paths: ['/srv', '/data/mail/ann'], oneFileSystem: true }), ['/data/mail', '/srv']);
    const kept = (excludes: string[]) => list({ paths: ['/srv'], excludes });
    assert.deepEqual(kept(['/srv/nas', 'a b*', '/srv/t*/', 'alias']), ['/srv']);
    assert.deepEqual(kept(['deep']), ['/srv', '/srv/a b\\c', '/srv/alias', '/srv/nas', '/srv/twice']);
    assert.deepEqual(kept(['*.tmp', '/nas', 'nas/x']).length, 6);
    assert.deepEqual(list({ paths: ['/srv'], removable: ['/srv/nas', '/srv/twi'] }), [
      '/srv',
      '/srv/a b\\c',
      '/srv/alias',
      '/srv/twice',
    ]);
  });

  it('are known to be there by any mount at their place', () => {
    const { present } = listVolumes(TABLE, { paths: [], excludes: [], oneFileSystem: false, removable: [] });
    assert.deepEqual([present.has('/srv/auto'), present.has('/srv/nas'), present.has('/srv/gone')], [true, true, false]);
  });
});
