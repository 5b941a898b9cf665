/** A directory of 10,000 entries as it opens in the tree of a snapshot. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiSnapshot } from '../harness/api.ts';
import { addPlan, addRepository, addSource, describeFiles, describeLocal, runPlan } from '../harness/catalog.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { awaitSpecTaken, awaitSuccess } from './run-record.ts';
import { signIn } from './sign-in.ts';
import { computeMedian, computePercentile, roundTo } from './statistics.ts';

const DIRECTORIES = 8;
const ENTRIES = 10_000;
const WARM_UPS = 2;
const LIMIT_MS = 1000;
const PASSWORD = 'reeds by the water';
const FIGURE = 'tree-open';

export const TREE_OPEN: Benchmark = {
  figures: [FIGURE],
  async measure(world) {
    const directory = await world.makeDirectory('tree');
    const tree = join(directory, 'files');
    world.say(`making ${DIRECTORIES} directories of ${ENTRIES} files`);
    const names = Array.from({ length: DIRECTORIES }, (_, at) => `d${at}`);
    for (const name of names) await fillDirectory(join(tree, name));
    const stack = await startStack();
    try {
      const snapshot = await storeTree(stack, directory, tree);
      return [await measureOpenings(stack, tree, names, snapshot)];
    } finally {
      await stack.stop();
    }
  },
};

async function fillDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const files = Array.from({ length: ENTRIES }, (_, at) => join(path, `invoice-${String(at).padStart(6, '0')}.pdf`));
  for (let at = 0; at < files.length; at += 500)
    await Promise.all(files.slice(at, at + 500).map((file) => writeFile(file, file)));
}

async function storeTree(stack: Stack, directory: string, tree: string): Promise<ApiSnapshot> {
  const { api } = stack;
  const { host } = await stack.enrolHost('files-1');
  const repository = await addRepository(api, host, 'disk', describeLocal(join(directory, 'repository'), PASSWORD), {
    hasDearKey: true,
  });
  const source = await addSource(api, host, 'files', describeFiles([tree]));
  const plan = await addPlan(api, { name: 'files', repository, sources: [source] });
  await awaitSpecTaken(api, host.id);
  await awaitSuccess(api, await runPlan(api, plan));
  const [snapshot] = await api.get<readonly ApiSnapshot[]>(`/snapshots?source=${source.id}`);
  if (snapshot === undefined) throw new Error('there is no snapshot');
  return snapshot;
}

/** Each directory once, so that none is known to the agent. */
async function measureOpenings(stack: Stack, tree: string, names: readonly string[], snapshot: ApiSnapshot): Promise<Figure> {
  const cookie = await signIn(stack);
  const open = async (path: string): Promise<number> => {
    const begun = performance.now();
    const response = await fetch(`${stack.server.url}/snapshots/${snapshot.id}/files?path=${encodeURIComponent(path)}`, {
      headers: { cookie },
    });
    const text = await response.text();
    if (response.status !== 200 || !text.includes('tree-row')) throw new Error(`opening ${path} gave ${response.status}`);
    return performance.now() - begun;
  };
  // A person comes from the directory above, whose listing says where this one lies.
  await open(tree);
  const times: number[] = [];
  for (const name of names) times.push(await open(join(tree, name)));
  const counted = times.slice(WARM_UPS);
  const spread = `median ${roundTo(computeMedian(counted), 1)}, highest ${roundTo(Math.max(...counted), 1)} ms`;
  const detail = `p95 of the whole page of ${counted.length} directories of ${ENTRIES} files; ${spread}`;
  return judgeFigure(FIGURE, roundTo(computePercentile(counted, 95), 1), 'ms', LIMIT_MS, detail);
}
