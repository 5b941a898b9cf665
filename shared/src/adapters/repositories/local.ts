/** A restic repository in a directory of the host (a disk, or a mount). */
import { getText } from '../config-values.ts';
import type { RepositoryAdapter } from '../repository.ts';
import {
  allowStore,
  createPasswordFile,
  listRedactions,
  listSecretForms,
  PASSWORD_FIELD,
  PASSWORD_ONLY_FIELD,
} from './secrets.ts';

export const localRepository: RepositoryAdapter = {
  kind: 'local',
  label: 'Local directory',
  summary: 'A directory on the host, such as a second disk or a mounted share.',
  fields: [
    {
      kind: 'text',
      name: 'path',
      label: 'Directory',
      required: true,
      maxChars: 4096,
      pattern: /^\/.*$/,
      patternHint: 'must be an absolute path',
      placeholder: '/backup/restic',
    },
    PASSWORD_FIELD,
    PASSWORD_ONLY_FIELD,
  ],
  adminFields: [],
  describe: (config) => getText(config, 'path'),
  planAccess(input) {
    const password = createPasswordFile(input);
    return {
      env: {
        // The prefix keeps restic from reading a scheme into the path.
        RESTIC_REPOSITORY: `local:${getText(input.config, 'path')}`,
        RESTIC_PASSWORD_FILE: password.path,
      },
      files: [password],
      args: [],
      redact: listRedactions(listSecretForms(password.content)),
      ...allowStore(input, { kind: 'directory', path: getText(input.config, 'path') }),
    };
  },
  localPath: (config) => getText(config, 'path'),
};
