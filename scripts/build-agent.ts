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
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export type AgentBuild = {
  /** The entry file. */
  readonly main: string;
  /** The executable to write; the bundle is kept beside it with the ending `.mjs`. */
  readonly out: string;
};

/** CommonJS packages inside the bundle ask for builtins with `require`, which a module does not have by itself. */
const REQUIRE_FOR_BUNDLED_PACKAGES =
  "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);";

/** Builds the executable. Fails with the message of esbuild or Node, and then leaves no half-written executable. */
export async function buildAgent({ main, out }: AgentBuild): Promise<void> {
  const bundle = `${out}.mjs`;
  const config = `${out}.sea.json`;
  mkdirSync(dirname(out), { recursive: true });
  rmSync(out, { force: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: [main],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    keepNames: true,
    legalComments: 'eof',
    banner: { js: REQUIRE_FOR_BUNDLED_PACKAGES },
    nodePaths: [join(ROOT, 'node_modules')],
    logLevel: 'warning',
  });
  writeFileSync(config, JSON.stringify({ main: bundle, mainFormat: 'module', output: out, disableExperimentalSEAWarning: true }));
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
