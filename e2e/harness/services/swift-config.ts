import { randomBytes } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateFiles } from './certificate.ts';
import type { Identity } from './identity.ts';
import { runTool } from './tool-run.ts';

export type SwiftPorts = {
  readonly proxy: number;
  readonly account: number;
  readonly container: number;
  readonly object: number;
  readonly memcached: number;
};

export type SwiftOptions = {
  readonly directory: string;
  readonly ports: SwiftPorts;
  /** The account the servers run as; they check it even when already running as it. */
  readonly user: string;
  readonly secretKey: string;
  readonly files: CertificateFiles;
  readonly region: string;
  readonly identity: Identity | undefined;
};

type StorageKind = 'account' | 'container' | 'object';

const storageKinds: readonly StorageKind[] = ['account', 'container', 'object'];

/** One part, one replica, one device per ring; a single interpreter makes all three. */
const ringScript = `
import sys
from swift.common.ring import RingBuilder
for word in sys.argv[2:]:
    kind, port = word.split('=')
    builder = RingBuilder(1, 1, 1)
    builder.add_dev({'id': 0, 'region': 1, 'zone': 1, 'weight': 1, 'ip': '127.0.0.1', 'port': int(port), 'device': 'disk', 'meta': ''})
    builder.rebalance()
    builder.get_ring().save(sys.argv[1] + '/' + kind + '.ring.gz')
`;

/** Writes rings and configuration of a one-disk cluster; gives the configuration file of each server. */
export async function prepareSwift(options: SwiftOptions): Promise<Record<StorageKind | 'proxy', string>> {
  const { directory, ports, identity } = options;
  const disk = join(directory, 'devices/disk');
  await mkdir(disk, { recursive: true });
  if (identity !== undefined)
    for (const path of [join(directory, 'devices'), disk]) await chown(path, identity.uid, identity.gid);
  const rings = storageKinds.map((kind) => `${kind}=${ports[kind]}`);
  await runTool('python3', ['-c', ringScript, directory, ...rings], { identity, cwd: directory });
  const suffix = randomBytes(8).toString('hex');
  await writeFile(
    join(directory, 'swift.conf'),
    `[swift-hash]\nswift_hash_path_prefix = ${suffix}\nswift_hash_path_suffix = ${suffix}\n`,
  );
  const configs = {
    account: buildStorageConfig(options, 'account'),
    container: buildStorageConfig(options, 'container'),
    object: buildStorageConfig(options, 'object'),
    proxy: buildProxyConfig(options),
  };
  for (const [kind, text] of Object.entries(configs)) {
    const path = join(directory, `${kind}.conf`);
    await writeFile(path, text, { mode: 0o600 });
    if (identity !== undefined) await chown(path, identity.uid, identity.gid);
  }
  const getPath = (kind: string) => join(directory, `${kind}.conf`);
  return { account: getPath('account'), container: getPath('container'), object: getPath('object'), proxy: getPath('proxy') };
}

function buildDefaults({ directory, user, ports }: SwiftOptions, kind: StorageKind | 'proxy'): string[] {
  return [
    '[DEFAULT]',
    'bind_ip = 127.0.0.1',
    `bind_port = ${ports[kind]}`,
    'workers = 0',
    `user = ${user}`,
    `swift_dir = ${directory}`,
    'backlog = 256',
  ];
}

function buildStorageConfig(options: SwiftOptions, kind: StorageKind): string {
  const lines = [
    ...buildDefaults(options, kind),
    `devices = ${join(options.directory, 'devices')}`,
    'mount_check = false',
    'fallocate_reserve = 0',
    'disable_fallocate = true',
    '[pipeline:main]',
    `pipeline = ${kind}-server`,
    `[app:${kind}-server]`,
    `use = egg:swift#${kind}`,
    `recon_cache_path = ${options.directory}`,
  ];
  return `${lines.join('\n')}\n`;
}

function buildProxyConfig(options: SwiftOptions): string {
  const { files, ports, region, secretKey } = options;
  const filters: Record<string, readonly string[]> = {
    catch_errors: ['use = egg:swift#catch_errors'],
    cache: ['use = egg:swift#memcache', `memcache_servers = 127.0.0.1:${ports.memcached}`],
    s3api: ['use = egg:swift#s3api', `location = ${region}`, 's3_acl = false', 'dns_compliant_bucket_names = true'],
    tempauth: ['use = egg:swift#tempauth', `user_test_tester = ${secretKey} .admin`],
    bulk: ['use = egg:swift#bulk'],
    slo: ['use = egg:swift#slo'],
    dlo: ['use = egg:swift#dlo'],
    copy: ['use = egg:swift#copy'],
    versioned_writes: ['use = egg:swift#versioned_writes', 'allow_object_versioning = true'],
    symlink: ['use = egg:swift#symlink'],
  };
  const lines = [
    ...buildDefaults(options, 'proxy'),
    `cert_file = ${files.certificateFile}`,
    `key_file = ${files.keyFile}`,
    '[pipeline:main]',
    `pipeline = ${Object.keys(filters).join(' ')} proxy-server`,
    '[app:proxy-server]',
    'use = egg:swift#proxy',
    'account_autocreate = true',
    ...Object.entries(filters).flatMap(([name, settings]) => [`[filter:${name}]`, ...settings]),
  ];
  return `${lines.join('\n')}\n`;
}
