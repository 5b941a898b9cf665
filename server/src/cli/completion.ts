/** Completion of commands and options for bash and zsh, written from the tree of commands. */
import { type CommandNode, listNodes } from './command-tree.ts';

/** Every way to type a command's words, aliases included, as the path that the scripts keep. */
function spellings(root: CommandNode, node: CommandNode): readonly string[] {
  let [paths, here] = [[''], root];
  for (const word of node.words) {
    const child: CommandNode | undefined = here.children.find((one) => one.words.at(-1) === word);
    if (child === undefined) return paths;
    paths = paths.flatMap((path) => [word, ...child.aliases].map((name) => `${path} ${name}`));
    here = child;
  }
  return paths;
}

function wordsOf(root: CommandNode, node: CommandNode): readonly string[] {
  const global = node === root ? [] : root.options.map(({ long }) => long);
  return [
    ...node.children.flatMap((child) => child.words.at(-1) ?? []),
    ...node.options.map(({ long }) => long),
    ...global,
    '--help',
  ];
}

interface Case {
  paths: readonly string[];
  words: readonly string[];
}

function listCases(root: CommandNode): readonly Case[] {
  return listNodes(root).map((node) => ({ paths: spellings(root, node), words: [...new Set(wordsOf(root, node))] }));
}

/** One shell pattern of several paths. */
function toPattern(paths: readonly string[]): string {
  return paths.map((path) => `"${path}"`).join('|');
}

function writeBody(root: CommandNode, offer: (words: string) => string): string {
  const cases = listCases(root);
  const known = cases.flatMap(({ paths }) => paths).filter((path) => path !== '');
  return [
    '    case "$at $word" in',
    `      ${toPattern(known)}) at="$at $word" ;;`,
    '    esac',
    '  done',
    '  case "$at" in',
    ...cases.map(({ paths, words }) => `    ${toPattern(paths)}) ${offer(words.join(' '))} ;;`),
    '  esac',
  ].join('\n');
}

export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

export function writeCompletion(root: CommandNode, shell: Shell): string {
  if (shell === 'bash')
    return `# Completion of holdfast for bash: put it where bash looks, such as ~/.local/share/bash-completion/completions/holdfast
_holdfast() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" at= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${writeBody(root, (words) => `COMPREPLY=($(compgen -W "${words}" -- "$cur"))`)}
}
complete -o default -F _holdfast holdfast
`;
  return `#compdef holdfast
# Completion of holdfast for zsh: put it into a directory of fpath, as _holdfast
_holdfast() {
  local at= word
  for word in "\${words[@]:1:CURRENT-2}"; do
${writeBody(root, (words) => `compadd -- ${words}`)}
  _files
}
# Loaded by its name at the first completion it is that completion; read as a file, it says what it is for.
if [ "\${funcstack[1]}" = _holdfast ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi
`;
}
