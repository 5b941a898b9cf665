/** What `doctor` says of hooks: one that cannot be used is bad where a plan of this host names it. */
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import type { Hooks } from '../hooks/hooks.ts';
import type { Check } from './tool-checks.ts';

/** The plans that are switched on by the hooks they name. */
function listNeeds(spec: Pick<Spec, 'plans'> | undefined): ReadonlyMap<string, readonly string[]> {
  const needs = new Map<string, string[]>();
  for (const { name, enabled, options } of spec?.plans ?? [])
    for (const hook of new Set([options.hooks.before, options.hooks.after]))
      if (enabled && hook !== undefined) needs.set(hook, [...(needs.get(hook) ?? []), name]);
  return needs;
}

/** Those that plans name first, then what else is installed. */
export function checkHooks(hooks: Pick<Hooks, 'list' | 'findProblem'>, spec: Pick<Spec, 'plans'> | undefined): Check[] {
  const needs = listNeeds(spec);
  const named = [...needs].map(([hook, plans]): Check => {
    const problem = hooks.findProblem(hook);
    const needed = `needed by ${plans.map((plan) => `plan ${plan}`).join(', ')}`;
    return {
      name: `hook ${hook}`,
      verdict: problem ? 'bad' : 'ok',
      text: problem ? `${problem} It is ${needed}.` : `can be used, ${needed}`,
    };
  });
  const listing = hooks.list();
  const { directory, problem } = listing;
  if (!listing.exists) return named;
  if (problem !== undefined)
    return [...named, { name: 'hooks', verdict: needs.size > 0 ? 'bad' : 'note', text: `${directory}: ${problem}` }];
  const others = listing.hooks.filter(({ name }) => !needs.has(name));
  return [
    ...named,
    ...others.map(
      (hook): Check => ({
        name: `hook ${hook.name}`,
        verdict: hook.problem ? 'note' : 'ok',
        text: hook.problem ?? 'can be used',
      }),
    ),
    ...(listing.omitted > 0
      ? [{ name: 'hooks', verdict: 'note' as const, text: `${listing.omitted} more in ${directory} were not looked at` }]
      : []),
  ];
}
