/** The commands that the documents tell people to type, taken from fenced `sh` blocks. A block that is no command is fenced as `text`. */

export type GuideCommand = {
  readonly document: string;
  readonly line: number;
  /** Variables set before the command or by `export`, by name. */
  readonly variables: readonly string[];
  /** Empty for a line that only sets variables. */
  readonly words: readonly string[];
};

/** Every command of every `sh` block, those on both sides of `|`, `&&` and `;` apart. */
export function listGuideCommands(document: string, text: string): GuideCommand[] {
  const found: GuideCommand[] = [];
  let isInside = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('```')) isInside = !isInside && line.trim() === '```sh';
    else if (isInside && line.trim() !== '' && !line.trim().startsWith('#'))
      for (const words of splitCommands(line)) found.push(readCommand(document, index + 1, words));
  }
  return found;
}

/** Splits a line of shell into commands of words. Knows quotes, pipes and redirections, and nothing more. */
export function splitCommands(line: string): string[][] {
  const commands: string[][] = [[]];
  let skipsNext = false;
  for (const [token = ''] of line.matchAll(/\|\||&&|[|;<>]|(?:[^\s|;&<>"']|"[^"]*"|'[^']*'|&(?!&))+/g)) {
    if (['|', '||', '&&', ';'].includes(token)) commands.push([]);
    else if (token === '>' || token === '<') skipsNext = true;
    else if (skipsNext) skipsNext = false;
    else commands.at(-1)?.push(token.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'));
  }
  return commands.filter((words) => words.length > 0);
}

function readCommand(document: string, line: number, words: readonly string[]): GuideCommand {
  const rest = words.slice(countPrefix(words));
  const firstPlain = rest.findIndex((word) => !/^[A-Z][A-Z0-9_]*=/.test(word));
  const count = firstPlain === -1 ? rest.length : firstPlain;
  const variables = rest.slice(0, count).map((word) => word.slice(0, word.indexOf('=')));
  const [first = '', second = '', third = '', ...more] = rest.slice(count);
  const isWorkspace = first === 'npm' && second === 'run' && (third === 'server' || third === 'agent');
  const plain = isWorkspace
    ? [`holdfast-${third}`, ...more.filter((word, index) => index > 0 || word !== '--')]
    : rest.slice(count);
  return { document, line, variables, words: plain };
}

/** Words before a command that are none of its own: `export`, `sudo`, `sudo -u somebody`. */
function countPrefix([first, second]: readonly string[]): number {
  if (first === 'export') return 1;
  if (first !== 'sudo') return 0;
  return second === '-u' ? 3 : 1;
}

/** The options a command is given, without their values. */
export function listOptions(words: readonly string[]): string[] {
  return words.filter((word) => /^--?[a-zA-Z]/.test(word)).map((word) => word.replace(/=.*$/s, ''));
}

/** The words before the first option: program and subcommands. */
export function listSubcommands(words: readonly string[]): string[] {
  const first = words.findIndex((word) => word.startsWith('-'));
  return [...(first === -1 ? words : words.slice(0, first))];
}

/** Whether a help text names an option as a whole. */
export function namesOption(help: string, option: string): boolean {
  return new RegExp(`(^|[\\s,\\[|])${option.replaceAll(/[^\w-]/g, '')}(?![\\w-])`, 'm').test(help);
}
