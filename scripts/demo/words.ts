import { relative } from 'node:path';
import type { StateFolder } from './state-folder.ts';
import { formatSeconds } from './step-report.ts';

export type RunningDemo = {
  readonly url: string;
  readonly login: string;
  readonly password: string;
  readonly folder: StateFolder;
  readonly elapsedMs: number;
};

/** What a person needs to know once everything is up. */
export function describeRunning({ url, login, password, folder, elapsedMs }: RunningDemo): string {
  const near = (path: string) => relative(process.cwd(), path) || '.';
  return `
Ready in ${formatSeconds(elapsedMs)}. Open

    ${url}
    login     ${login}
    password  ${password}

Running: the server, one agent, PostgreSQL and MariaDB with a sample shop. Backups go on every 15 minutes.
Everything is in ${near(folder.root)}; logs are in ${near(folder.logs)}.

A second host, in another terminal:

    npm run agent -- run --server ${url} --state-dir /tmp/second-host

Stop with Ctrl-C.`;
}
