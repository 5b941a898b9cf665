/** What `doctor` says of the tools of this host: one that is missing or too old is bad where something of this host needs it. */
import { findRepositoryAdapter, findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { ToolName } from '@holdfast/shared/adapters/command.ts';
import { chooseTools } from '@holdfast/shared/adapters/tool-sets.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { ToolReport } from '@holdfast/shared/protocol/messages.ts';

export interface Check {
  name: string;
  /** `note` is worth knowing and breaks nothing. */
  verdict: 'ok' | 'note' | 'bad';
  text: string;
}

type Wanted = Pick<Spec, 'sources' | 'repositories'>;

/** What does not work without each tool. restic is needed before there is anything. */
function listNeeds({ sources, repositories }: Wanted, has: (tool: ToolName) => boolean): Map<ToolName, string[]> {
  const needs = new Map<ToolName, string[]>([['restic', []]]);
  const note = (tools: readonly ToolName[] | undefined, who: string) => {
    for (const tool of tools ?? []) needs.set(tool, [...(needs.get(tool) ?? []), who]);
  };
  for (const { kind, name } of sources) {
    const adapter = findSourceAdapter(kind);
    note(adapter && chooseTools(adapter, has), `source ${name}`);
  }
  for (const { kind, name } of repositories) note(findRepositoryAdapter(kind)?.tools, `repository ${name}`);
  return needs;
}

/** One check for each report. `advice` beside a tool that was found says why it cannot be used. */
export function checkTools(reports: readonly ToolReport[], spec: Wanted | undefined): Check[] {
  const has = (tool: ToolName) => reports.some((report) => report.tool === tool && report.found);
  const needs = listNeeds(spec ?? { sources: [], repositories: [] }, has);
  return reports.map(({ tool, found, version, path, advice }): Check => {
    const seen = `${version ?? 'unknown version'} at ${path ?? '?'}`;
    if (found && advice === undefined) return { name: tool, verdict: 'ok', text: seen };
    const who = needs.get(tool);
    const needed = who?.length ? ` Needed by ${who.join(', ')}.` : '';
    const text = `${found ? `${seen}: ` : ''}${advice ?? 'not found'}${needed}`;
    return { name: tool, verdict: who === undefined ? 'note' : 'bad', text };
  });
}
