/**
 * A repository adapter: one file that knows how restic reaches one kind of storage. Pure: config in, environment,
 * files and options out. Where a value could carry a secret (a URL with a password) it goes into a 0600 file.
 */
import type { CommandFile, ToolName } from './command.ts';
import type { Config, Field } from './field.ts';
import type { PlanInput } from './source.ts';

/** How restic is told about the repository; merged into every restic command. */
export interface RepositoryAccess {
  /** `RESTIC_REPOSITORY_FILE`, `RESTIC_PASSWORD_FILE`, cloud credentials, … */
  env: Readonly<Record<string, string>>;
  files: readonly CommandFile[];
  /** Options before the sub-command, such as `--cacert FILE` or `-o sftp.command=…`; free of user text. */
  args: readonly string[];
  /** Texts the redactor removes from every log line, besides the secrets themselves. */
  redact: readonly string[];
  /** Absent where nothing but restic may write there. */
  store?: ObjectStore | undefined;
}

/**
 * Where the repository's objects lie, for the one object that restic has no command to write: the machine key. `url` ends with a slash and
 * means the repository's root; texts are secret where their names say so.
 */
export type ObjectStore =
  | { kind: 'directory'; path: string }
  | { kind: 'rest'; url: string; userInfo?: { name: string; password: string } | undefined; caCert?: string | undefined }
  | {
      kind: 's3';
      url: string;
      region: string;
      accessKeyId: string;
      secretAccessKey: string;
      sessionToken?: string | undefined;
      caCert?: string | undefined;
    }
  /** `configPath` is one of the access's files; `alias` stands in it. */
  | { kind: 'sftp'; configPath: string; alias: string; path: string };

export interface RepositoryAdapter {
  kind: string;
  label: string;
  summary: string;
  /** Every adapter has the secret `password` (restic's own) besides what the transport needs. */
  fields: readonly Field[];
  /** Tools besides restic without which nothing of this kind works on a host. */
  tools?: readonly ToolName[];
  /** Names of the fields in which a second credential, which may also remove, may differ; empty where there is only one way in. */
  adminFields: readonly string[];
  describe(config: Config): string;
  planAccess(input: PlanInput): RepositoryAccess;
  /** The local directory that must not be made by accident, for `local`; undefined elsewhere. */
  localPath?(config: Config): string;
  /** Where it is reached over HTTP, without user and password; undefined elsewhere. Throws for an address that is none. */
  address?(config: Config): URL;
}
