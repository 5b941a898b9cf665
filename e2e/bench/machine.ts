/** What a reader must know of the machine to make sense of the figures. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { tryTool } from '../harness/services/tool-run.ts';
import { getPostgresFolder, getTool } from '../harness/services/tools.ts';

/** One paragraph: processor, memory, system, tools, and how busy the machine was when it was asked. */
export async function describeMachine(now: Date): Promise<string> {
  const processors = cpus();
  const system = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux';
  const [restic, postgres, mariadb] = await Promise.all([
    askVersion('restic', ['version'], /restic ([\d.]+)/),
    askVersion(`${getPostgresFolder()}/postgres`, ['--version'], /PostgreSQL\) ([\d.]+)/),
    askVersion('mariadbd', ['--version'], /Ver ([\d.]+)/),
  ]);
  const memory = Math.round(totalmem() / 1024 ** 3);
  return (
    `Measured ${now.toISOString().slice(0, 10)}: ${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${memory} GiB, ` +
    `${system}, Linux ${release()}, Node ${process.versions.node}, restic ${restic}, PostgreSQL ${postgres}, MariaDB ${mariadb}; ` +
    `load average at the start ${loadavg()[0]?.toFixed(1) ?? '?'}.`
  );
}

async function askVersion(program: string, args: readonly string[], pattern: RegExp): Promise<string> {
  const path = program.startsWith('/') ? program : getTool(program);
  const { stdout } = await tryTool(path, args);
  return pattern.exec(stdout)?.[1] ?? 'unknown';
}
