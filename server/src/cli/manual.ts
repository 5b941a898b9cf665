/** The manual page, written from the tree of commands and the exit codes. */
import { type CommandNode, listNodes } from './command-tree.ts';
import { EXIT, EXIT_WORDS } from './exit.ts';

/** Text that roff takes as it is: a line that begins with a dot or quote is no request, a backslash no escape. */
function toRoff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(['.])/gmu, '\\&$1');
}

const VARIABLES: readonly (readonly [string, string])[] = [
  ['HOLDFAST_SERVER_URL', 'address of the server, in the place of the one that login keeps'],
  ['HOLDFAST_API_KEY_FILE', 'a file with an API key that only you can read'],
  ['HOLDFAST_API_KEY', 'the API key itself'],
];

function writeCommand(node: CommandNode): readonly string[] {
  const synopsis = ['holdfast', ...node.words, ...node.args.map(({ name }) => name)].join(' ');
  return [
    '.TP',
    `.B ${toRoff(synopsis)}`,
    toRoff(`${node.description}.`),
    ...node.args
      .filter(({ description }) => description !== '')
      .flatMap(({ name, description }) => ['.br', toRoff(`${name}: ${description}`)]),
    ...node.options.flatMap(({ flags, description }) => ['.br', toRoff(`${flags}: ${description}`)]),
  ];
}

export function writeManual(root: CommandNode, version: string): string {
  const leaves = listNodes(root).filter(({ children, words }) => children.length === 0 && words.length > 0);
  return [
    `.TH HOLDFAST 1 "" "holdfast ${toRoff(version)}" "Holdfast"`,
    '.SH NAME',
    `holdfast \\- ${toRoff(root.description)}`,
    '.SH SYNOPSIS',
    '.B holdfast',
    toRoff('[--server <url>] [--json] <command> …'),
    '.SH DESCRIPTION',
    toRoff(
      'Results go to standard output, all else to standard error. Things are named by their name or id; a source as host/name.',
    ),
    '.SH OPTIONS',
    ...root.options.flatMap(({ flags, description }) => ['.TP', `.B ${toRoff(flags)}`, toRoff(description)]),
    '.SH COMMANDS',
    ...leaves.flatMap(writeCommand),
    '.SH ENVIRONMENT',
    ...VARIABLES.flatMap(([name, text]) => ['.TP', `.B ${toRoff(name)}`, toRoff(text)]),
    '.SH FILES',
    '.TP',
    `.B ${toRoff('~/.config/holdfast/login.json')}`,
    toRoff('what login keeps; refused when others can read it'),
    '.SH EXIT STATUS',
    ...Object.entries(EXIT_WORDS).flatMap(([name, text]) => ['.TP', `.B ${EXIT[name as keyof typeof EXIT]}`, toRoff(text)]),
    '',
  ].join('\n');
}
