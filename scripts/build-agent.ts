/**
 * Makes one executable of the agent, for hosts without Node: esbuild bundles the sources into one module, and Node
 * puts that module into a copy of itself.
 *
 *   node scripts/build-agent.ts [--main=agent/src/main.ts] [--out=dist/holdfast-agent]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export type AgentBuild = {
  /** The entry file. */
  readonly main: string;
  /** The executable to write; the bundle is kept beside it with the ending `.cjs`. */
  readonly out: string;
};

/**
 * Node's own switches inside the executable. An agent waits most of its life on hosts that need their memory for other things: compact
 * code, a small young generation, no compilers, whose pages alone are some 6 MB, and a collection of what loading left behind;
 * the work of a backup is done by other programs. A compiler's thread can also wait for the main one at its exit, which waits for it (nodejs/node
 * issue 54918): a command that has said everything then never ends.
 */
export const NODE_FLAGS = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  '--expose-gc',
] as const;

/** What schemas say in fifty languages that the agent never speaks stays out: a fifth of the bundle, which would lie in memory for good. */
export const ONE_LANGUAGE: Plugin = {
  name: 'one-language',
  setup({ onLoad }) {
    const nothing = { contents: 'export default () => ({});' };
    onLoad({ filter: /\/zod\/v4\/locales\/[\w-]+\.js$/ }, ({ path }) => (/\/(?:en|index)\.js$/.test(path) ? undefined : nothing));
  },
};

/** Makes one module of the agent, which Node runs as it is. Fails with the message of esbuild. */
export async function bundleAgent(main: string, bundle: string): Promise<void> {
  mkdirSync(dirname(bundle), { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: [main],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    // CommonJS: an import of node:http as a module looks at each of its names, and so loads a second HTTP client that nobody asked for.
    format: 'cjs',
    target: 'node26',
    // Names stay, so that a stack trace can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    nodePaths: [join(ROOT, 'node_modules')],
    plugins: [ONE_LANGUAGE],
    logLevel: 'warning',
  });
}

/** Builds the executable. Fails with the message of esbuild or Node, and then leaves no half-written executable. */
export async function buildAgent({ main, out }: AgentBuild): Promise<void> {
  const bundle = `${out}.cjs`;
  const config = `${out}.sea.json`;
  rmSync(out, { force: true });
  await bundleAgent(main, bundle);
  const sea = { main: bundle, output: out, execArgv: NODE_FLAGS, execArgvExtension: 'none', disableExperimentalSEAWarning: true };
  writeFileSync(config, JSON.stringify(sea));
  try {
    execFileSync(process.execPath, ['--build-sea', config], { cwd: dirname(out), stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (error) {
    rmSync(out, { force: true });
    throw error;
  } finally {
    rmSync(config, { force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      main: { type: 'string', default: join(ROOT, 'agent/src/main.ts') },
      out: { type: 'string', default: join(ROOT, 'dist/holdfast-agent') },
    },
  });
  const out = resolve(values.out);
  await buildAgent({ main: resolve(values.main), out });
  console.log(`${out} (${Math.round(statSync(out).size / 1024 / 1024)} MiB)`);
}
