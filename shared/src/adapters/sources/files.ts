/**
 * Files and directories of the host. The engine walks them itself, so there is nothing to ask and no command to plan: the artifact is
 * the list of paths.
 */
import { RECORD } from '../../limits.ts';
import { getBoolean, getList, getNumber } from '../config-values.ts';
import type { SourceAdapter } from '../source.ts';
import { describeOutcome } from './tool-text.ts';

/** Paths named in a description before the rest becomes a number. */
const DESCRIBED_PATHS = 3;

export const filesSource: SourceAdapter = {
  kind: 'files',
  label: 'Files and directories',
  summary: 'Directories and files of the host, with modes, owners, links and times.',
  fields: [
    {
      kind: 'list',
      name: 'paths',
      label: 'Paths',
      entry: 'path',
      maxEntries: 200,
      required: true,
      placeholder: '/srv/shop',
      help: 'Absolute, one a line. A path that is missing, or is itself a link, makes the run fail.',
    },
    {
      kind: 'list',
      name: 'excludes',
      label: 'Excludes',
      entry: 'pattern',
      maxEntries: 1000,
      placeholder: '*.tmp',
      help: 'Patterns as restic reads them, one a line: a name such as *.tmp anywhere, or an absolute path.',
    },
    {
      kind: 'list',
      name: 'canaries',
      label: 'Canaries',
      entry: 'path',
      maxEntries: RECORD.canaries,
      placeholder: '/srv/shop/canary.txt',
      advanced: true,
      help: 'Files below the paths whose content is noted at every backup and compared at every drill. Best is one that changes daily.',
    },
    {
      kind: 'boolean',
      name: 'oneFileSystem',
      label: 'Stay on one file system',
      default: false,
      help: 'Does not follow mounts below the paths.',
    },
    {
      kind: 'list',
      name: 'removable',
      label: 'Mounts that may be away',
      entry: 'path',
      maxEntries: 200,
      placeholder: '/media',
      advanced: true,
      help: 'Where a file system was mounted at the last clean backup, one has to be mounted again, or the backup is partial. At these places and below them it need not be.',
    },
    {
      kind: 'number',
      name: 'floorBytes',
      label: 'Smallest good backup',
      default: 1,
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      unit: 'bytes',
      advanced: true,
      help: 'Fewer bytes are never a backup: an unmounted disk looks like an empty directory.',
    },
  ],
  tools: [],
  describe(config) {
    const paths = getList(config, 'paths');
    const shown = paths.slice(0, DESCRIBED_PATHS).join(', ');
    return paths.length > DESCRIBED_PATHS ? `${shown} and ${paths.length - DESCRIBED_PATHS} more` : shown;
  },
  planProbe: () => undefined,
  parseProbe: () => ({ serverVersion: '', facts: {}, warnings: [] }),
  planBackup: ({ config }) => [
    {
      kind: 'tree',
      role: 'data',
      paths: getList(config, 'paths'),
      excludes: getList(config, 'excludes'),
      oneFileSystem: getBoolean(config, 'oneFileSystem'),
      removable: getList(config, 'removable'),
      canaries: getList(config, 'canaries'),
      floorBytes: getNumber(config, 'floorBytes', 1),
    },
  ],
  // The engine knows its own texts; here nothing is known.
  classifyFailure: (outcome) => ({ reason: 'unknown_failure', message: describeOutcome(outcome) }),
};
