/**
 * The environment variables of all programs. Several of them may share a machine and its environment file; a name that begins like ours and
 * belongs to none of them is misspelt, and the program that finds it says so.
 */

export const SERVER_VARIABLES = [
  'HOLDFAST_DATA_DIR',
  'HOLDFAST_LISTEN',
  'HOLDFAST_BASE_URL',
  'HOLDFAST_MASTER_KEY',
  'HOLDFAST_MASTER_KEY_FILE',
  'HOLDFAST_METRICS_TOKEN',
  'HOLDFAST_METRICS_TOKEN_FILE',
  'HOLDFAST_METRICS_CIDR',
  'HOLDFAST_OTLP_URL',
  'HOLDFAST_TRUST_PROXY',
  'HOLDFAST_LOG_LEVEL',
  'HOLDFAST_RUN_LOG_DAYS',
  'HOLDFAST_HOST_LOG_MIB',
  'HOLDFAST_OUTGOING_CIDR',
] as const;

export const AGENT_VARIABLES = [
  'HOLDFAST_SERVER_URL',
  'HOLDFAST_STATE_DIR',
  'HOLDFAST_ENROLL_TOKEN',
  'HOLDFAST_ENROLL_TOKEN_FILE',
  'HOLDFAST_SECRETS',
  'HOLDFAST_SECRETS_FILE',
  'HOLDFAST_HOOKS_DIR',
  'HOLDFAST_SPOOL_DIR',
  'HOLDFAST_DUMP_DIRS',
  'HOLDFAST_RESTORES',
  'HOLDFAST_DRILL_DIR',
  'HOLDFAST_TOOL_PATH',
  'HOLDFAST_LOG_LEVEL',
] as const;

/** The operator's command line. */
const COMMAND_LINE_VARIABLES = ['HOLDFAST_SERVER_URL', 'HOLDFAST_API_KEY', 'HOLDFAST_API_KEY_FILE'];
const DEMO_VARIABLES = ['HOLDFAST_DEMO_DIR'];
/** What an agent gives its hooks, which may call any of the programs. */
const HOOK_VARIABLES = ['RUN', 'PLAN', 'HOST', 'PHASE', 'STATE', 'SOURCES', 'SOURCE_COUNT'].map((name) => `HOLDFAST_${name}`);

const PREFIX = 'HOLDFAST_';
const KNOWN: ReadonlySet<string> = new Set([
  ...SERVER_VARIABLES,
  ...AGENT_VARIABLES,
  ...COMMAND_LINE_VARIABLES,
  ...DEMO_VARIABLES,
  ...HOOK_VARIABLES,
]);
/** Letters by which a misspelt name may differ from the one that was meant. */
const NEAR = 4;

/** Names that begin like ours and belong to no program, in order. */
export function findUnknownVariables(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.startsWith(PREFIX) && !KNOWN.has(name)).sort();
}

/** One sentence for the log of a program. */
export function describeUnknownVariable(name: string, program: 'server' | 'agent'): string {
  const own: readonly string[] = program === 'server' ? SERVER_VARIABLES : AGENT_VARIABLES;
  const [near] = own.map((known) => ({ known, distance: countEdits(name, known) })).sort((a, b) => a.distance - b.distance);
  const hint = near !== undefined && near.distance <= NEAR ? `; did you mean ${near.known}?` : '';
  return `${name} is set but means nothing to this ${program}${hint}`;
}

/** Letters to insert, delete or replace to get from one word to the other. */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
