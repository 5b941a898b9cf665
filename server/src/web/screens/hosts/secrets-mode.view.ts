/** The words for where a host has its secrets, and what that costs. */
import type { SecretsMode } from '@holdfast/shared/domain/plan.ts';
import type { FieldOption } from '../../ui/form.ts';

export const SECRETS_WORDS: Readonly<Record<SecretsMode, string>> = {
  kept: 'kept on the host, sealed to it',
  just_in_time: 'not kept: no backup without this server',
};

/** What a person who chooses has to know. */
export const SECRETS_COST =
  'A host that keeps no secrets gets them from this server at each connection and holds them in memory. No backup runs on it while this server is away: runs wait, and those that wait longer than their plan’s grace fail.';

export const SECRETS_CHANGE =
  'What it kept until now is removed from its disk; passwords that were once there should be changed all the same.';

/** `canDoWithout`: whether the host's agent can be handed its secrets. What is chosen already stays to be chosen. */
export function listSecretsOptions(chosen: string, canDoWithout: boolean): readonly FieldOption[] {
  const isOpen = canDoWithout || chosen === 'just_in_time';
  return [
    { value: 'kept', label: 'Kept on the host, sealed' },
    {
      value: 'just_in_time',
      label: isOpen ? 'Not kept: in memory only' : 'Not kept: needs a newer agent',
      disabled: !isOpen,
    },
  ];
}
