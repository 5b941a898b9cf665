/** The commands as a tree of plain values: what completions and the manual are written from. */
import type { Command } from 'commander';

export interface CommandNode {
  /** `holdfast plans diff`, word by word, without the program's own name. */
  words: readonly string[];
  aliases: readonly string[];
  description: string;
  /** `<plan>`, `[snapshot]`, `<id...>`. */
  args: readonly { name: string; description: string }[];
  options: readonly { flags: string; long: string; short?: string | undefined; description: string }[];
  children: readonly CommandNode[];
}

export function readTree(command: Command, words: readonly string[] = []): CommandNode {
  return {
    words,
    aliases: command.aliases(),
    description: command.description(),
    args: command.registeredArguments.map((argument) => {
      const dots = argument.variadic ? '...' : '';
      const name = argument.required ? `<${argument.name()}${dots}>` : `[${argument.name()}${dots}]`;
      return { name, description: argument.description };
    }),
    options: command.options.map(({ flags, long, short, description }) => ({ flags, long: long ?? '', short, description })),
    children: command.commands.map((child) => readTree(child, [...words, child.name()])),
  };
}

/** The command itself and all below it. */
export function listNodes(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.children.flatMap(listNodes)];
}
