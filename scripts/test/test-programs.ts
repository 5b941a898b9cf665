import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { ONE_LANGUAGE } from '../build-agent.ts';
import { TEST_CACHE } from './test-cache.ts';

/** What brings compiled code of its own, or is read as a file and never loaded. */
const NOT_BUNDLED = ['better-sqlite3', '@node-rs/argon2', 'htmx.org'];

/** What tests start often, by the names that they know it by (`findPrepared`). */
const PROGRAMS = {
  server: 'server/src/main.ts',
  'migrate-until-killed': 'server/src/store/sqlite/fixtures/migrate-until-killed.ts',
  'tripping-server': 'e2e/delivery/tripping-server.ts',
  'talking-host': 'e2e/delivery/talking-host.ts',
};

/** What a source says of its own place stays true in another file: assets, migrations and workers lie where they are. */
const OWN_PLACE: Plugin = {
  name: 'own-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path))),
      loader: 'ts',
    }));
  },
};

/**
 * The server in a few modules, which load in half the time of its sources, and the programs of tests that hold a server or an agent. Beside them
 * `holdfast-server`, which starts it as the operator's program does: its text, but for what is started and where Node keeps what it
 * compiled. Gives the folder, anew each time.
 */
export async function makeTestPrograms(root: string, folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: PROGRAMS,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What a command loads late, or never, stays apart.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    // Names stay, so that a stack trace can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    external: NOT_BUNDLED,
    // Packages of the older kind ask for Node's own modules by it.
    banner: { js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);" },
    nodePaths: [join(root, 'node_modules')],
    plugins: [ONE_LANGUAGE, OWN_PLACE],
    logLevel: 'warning',
  });
  const bin = join(root, 'server/bin');
  const program = join(folder, 'holdfast-server');
  writeFileSync(
    program,
    redirectProgram(readFileSync(join(bin, 'holdfast-server'), 'utf8'), bin, folder, join(root, TEST_CACHE)),
  );
  chmodSync(program, 0o755);
  return folder;
}

/**
 * The text of the operator's program, for the modules in `folder`.
 * @throws Error when it no longer says one of the things that are replaced.
 */
function redirectProgram(text: string, bin: string, folder: string, cache: string): string {
  const changes = [
    ['here=$(dirname "$(readlink -f "$0")")', `here='${bin}'`],
    ['"$here/../../node_modules/.cache/holdfast-server"', `'${cache}'`],
    ['"$here/../src/main.ts"', `'${join(folder, 'server.mjs')}'`],
  ] as const;
  return changes.reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`server/bin/holdfast-server does not say ${from}`);
    return changed.replace(from, () => to);
  }, text);
}
