/** Kinds of source that one of two families of clients serves: which one a host works with, and what it lacks. */
import type { ToolName } from './command.ts';
import type { SourceAdapter } from './source.ts';

type ToolSets = Pick<SourceAdapter, 'tools' | 'otherTools'>;

/** The set that a host works with: the adapter's own where all of it is there, else the other one where that is, else its own. */
export function chooseTools({ tools, otherTools }: ToolSets, has: (tool: ToolName) => boolean): readonly ToolName[] {
  if (otherTools === undefined || tools.every(has)) return tools;
  return otherTools.every(has) ? otherTools : tools;
}
