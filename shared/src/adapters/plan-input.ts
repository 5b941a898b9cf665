/** What every command of a source is planned from. */
import type { ToolName } from './command.ts';
import type { Config, Secrets } from './field.ts';

export interface PlanInput {
  config: Config;
  secrets: Secrets;
  /** A private 0700 directory, absolute, on tmpfs where there is one, without blanks in its name. */
  workDir: string;
  /** Which of the adapter's two sets of tools the host works with, see `chooseTools`; undefined where nothing is started. */
  tools?: readonly ToolName[] | undefined;
}
