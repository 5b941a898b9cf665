import { globSync } from 'node:fs';
import { join } from 'node:path';

/** What a machine is prepared for. `test` is all that work in a checkout needs, measurements included; it has everything of `demo`. */
export const PURPOSES = ['demo', 'test'] as const;
export type Purpose = (typeof PURPOSES)[number];

export function isPurpose(word: string | undefined): word is Purpose {
  return PURPOSES.some((purpose) => purpose === word);
}

/** One thing that must be there: satisfied as soon as any of `paths` (absolute, `*` allowed) exists. */
export type Need = { readonly name: string; readonly package: string; readonly paths: readonly string[] };

/**
 * What to unpack beside the system: packages of another Debian release, for what the running release does not carry: the other
 * restic generation, the rest-server, MySQL.
 */
export type ForeignNeed = {
  readonly suite: string;
  readonly packages: readonly string[];
  readonly programs: readonly string[];
  /** The programs need newer libraries than the system's: those come along, and each program starts by way of its own loader. */
  readonly bringsLibraries?: true;
  /**
   * What the tests that need it are called; nothing else needs it. Whatever keeps it away is said, and makes those tests fail alone,
   * since a suite that changes every day must not stop the work on everything else.
   */
  readonly onlyFor?: string;
};

export type NeedList = { readonly system: readonly Need[]; readonly foreign: readonly ForeignNeed[] };

const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function needProgram(program: string, packageName: string = program): Need {
  return { name: program, package: packageName, paths: programFolders.map((folder) => join(folder, program)) };
}

const demoNeeds: readonly Need[] = [
  needProgram('restic'),
  { name: 'postgresql', package: 'postgresql', paths: ['/usr/lib/postgresql/*/bin/postgres'] },
  { name: 'pg_dump', package: 'postgresql-client', paths: ['/usr/lib/postgresql/*/bin/pg_dump'] },
  needProgram('mariadbd', 'mariadb-server'),
  needProgram('mariadb-dump', 'mariadb-client'),
  needProgram('setpriv', 'util-linux'),
];

const testNeeds: readonly Need[] = [
  ...demoNeeds,
  needProgram('chromium-headless-shell'),
  needProgram('age'),
  needProgram('openssl'),
  needProgram('sshd', 'openssh-server'),
  needProgram('ssh', 'openssh-client'),
  { name: 'sftp-server', package: 'openssh-sftp-server', paths: ['/usr/lib/openssh/sftp-server'] },
  needProgram('ip', 'iproute2'),
  needProgram('swift-proxy-server', 'swift-proxy'),
  needProgram('swift-account-server', 'swift-account'),
  needProgram('swift-container-server', 'swift-container'),
  needProgram('swift-object-server', 'swift-object'),
  { name: 'python3-swift', package: 'python3-swift', paths: ['/usr/lib/python3/dist-packages/swift/__init__.py'] },
  needProgram('memcached'),
  needProgram('promtool', 'prometheus'),
  needProgram('strace'),
  needProgram('faketime'),
  needProgram('nginx', 'nginx-light'),
];

/** Debian's stable releases have MariaDB in the place of MySQL. */
const mysqlNeed: ForeignNeed = {
  suite: 'sid',
  packages: ['mysql-server-core', 'mysql-client-core'],
  programs: ['mysqld', 'mysql', 'mysqldump', 'mysqlcheck'],
  bringsLibraries: true,
  onlyFor: 'tests against MySQL',
};

/** The oldest release whose own restic counts as new; before it the roles are the other way round. */
const codenamesWithOldRestic = ['bookworm'];

/** Lists what `purpose` needs on a Debian release, named as in `VERSION_CODENAME`. */
export function listNeeds(purpose: Purpose, codename: string): NeedList {
  if (purpose === 'demo') return { system: demoNeeds, foreign: [] };
  if (codenamesWithOldRestic.includes(codename)) {
    const packages = ['restic', 'restic-rest-server'];
    return { system: testNeeds, foreign: [{ suite: 'trixie', packages, programs: packages }, mysqlNeed] };
  }
  return {
    system: [...testNeeds, needProgram('restic-rest-server')],
    foreign: [{ suite: 'bookworm', packages: ['restic'], programs: ['restic'] }, mysqlNeed],
  };
}

/** The first path that satisfies a need. */
export function findSatisfied(need: Need): string | undefined {
  for (const pattern of need.paths) {
    const [found] = globSync(pattern);
    if (found !== undefined) return found;
  }
  return undefined;
}
