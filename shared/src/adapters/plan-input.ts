/** What every command of a source is planned from. */
import type { Config, Secrets } from './field.ts';

export interface PlanInput {
  config: Config;
  secrets: Secrets;
  /** A private 0700 directory, absolute, on tmpfs where there is one, without blanks in its name. */
  workDir: string;
}
