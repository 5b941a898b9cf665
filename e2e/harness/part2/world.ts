/** One host with its restic and a local repository: where most scenarios of runs begin. */

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AgentOptions, AgentProcess } from '../agent-process.ts';
import type { ApiHost, ApiRepository } from '../api.ts';
import { addRepository, createResticByHand, describeLocal, type ResticByHand } from '../catalog.ts';
import { getRestic, type ResticGeneration } from '../services/tools.ts';
import { waitFor } from '../services/wait-for.ts';
import type { Stack } from '../stack.ts';

export const GENERATIONS: readonly ResticGeneration[] = ['old', 'new'];
export const REPOSITORY_PASSWORD = 'otters under ferns';

export type LocalWorld = {
  readonly agent: AgentProcess;
  readonly host: ApiHost;
  readonly repository: ApiRepository;
  readonly repositoryPath: string;
  /** restic by hand on the same repository. */
  readonly restic: ResticByHand;
  readonly resticPath: string;
};

/** Enrols a host that has that restic, with an empty local repository. Folders of `options.toolPath` come before restic's. */
export async function prepareLocalWorld(
  stack: Stack,
  name: string,
  generation: ResticGeneration = 'new',
  options: AgentOptions = {},
): Promise<LocalWorld> {
  const { path: resticPath } = await getRestic(generation);
  const { agent, host } = await stack.enrolHost(name, {
    ...options,
    toolPath: [...(options.toolPath ?? []), dirname(resticPath)],
  });
  const repositoryPath = join(stack.directory, `repository ${name}`);
  const repository = await addRepository(stack.api, host, `disk ${name}`, describeLocal(repositoryPath, REPOSITORY_PASSWORD));
  const env = { RESTIC_REPOSITORY: `local:${repositoryPath}`, RESTIC_PASSWORD: REPOSITORY_PASSWORD };
  const restic = createResticByHand(resticPath, stack.directory, env);
  return { agent, host, repository, repositoryPath, restic, resticPath };
}

/** Waits until the host works by what was saved last. */
export async function awaitSpec(stack: Stack, host: ApiHost): Promise<void> {
  const look = async () => ((await stack.api.get<ApiHost>(`/hosts/${host.id}`)).drift ? undefined : true);
  await waitFor(`${host.name} to have its spec`, look, { deadlineMs: 5000 });
}

export async function makeFolder(stack: Stack, name: string): Promise<string> {
  const path = join(stack.directory, name);
  await mkdir(path, { recursive: true });
  return path;
}
