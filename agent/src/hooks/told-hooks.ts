/** What the server is told of the installed hooks, so that it can say which plans name one that cannot be used. */
import { hookNameSchema } from '@holdfast/shared/domain/plan.ts';
import { HOOKS, TEXT } from '@holdfast/shared/limits.ts';
import type { HostHooks } from '@holdfast/shared/protocol/host-hooks.ts';
import type { HookListing } from './hooks.ts';

/** Within the limits of the facts. What has no name that a plan can give is left out. */
export function toHostHooks({ directory, problem, hooks, omitted }: HookListing): HostHooks {
  const nameable = hooks.filter(({ name }) => hookNameSchema.safeParse(name).success);
  const unusable = nameable.flatMap((hook) =>
    hook.problem === undefined ? [] : [{ name: hook.name, problem: hook.problem.slice(0, HOOKS.problemChars) }],
  );
  return {
    directory: directory.slice(0, TEXT.pathChars),
    ...(problem === undefined ? {} : { problem: problem.slice(0, HOOKS.problemChars) }),
    usable: nameable.filter((hook) => hook.problem === undefined).map(({ name }) => name),
    unusable: unusable.slice(0, HOOKS.unusableTold),
    isWhole: omitted === 0 && unusable.length <= HOOKS.unusableTold,
  };
}
