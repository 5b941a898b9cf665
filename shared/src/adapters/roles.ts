/**
 * Roles of a database server, as they were stored beside a database and as they are made on another server. Roles that exist there are never
 * changed. Everything stored is hostile text: it is read as statements of known forms, and written anew.
 */
import type { Command } from './command.ts';
import type { PlanInput } from './plan-input.ts';

/** A role as it was stored. */
export interface StoredRole {
  name: string;
  /** Making one takes more than the right to make roles. */
  isPowerful: boolean;
  /** Roles it is a member of. */
  memberOf: readonly string[];
}

/** What was stored, as far as it was understood. */
export interface StoredRoles {
  roles: readonly StoredRole[];
  /** Statements of forms nobody knows: never executed, only counted. */
  unknown: number;
  /** What must not be shown: passwords, as hashed as they were stored. */
  secrets: readonly string[];
}

/** What the server of a target says about its roles. */
export interface ServerRoles {
  names: readonly string[];
  /** The restoring user. */
  user: string;
  isSuperuser: boolean;
  mayCreate: boolean;
}

export interface DatabaseRoles {
  /** Reads the `globals` artifact. */
  parse(globals: string): StoredRoles;
  planInspect(input: PlanInput): Command;
  parseInspect(stdout: string): ServerRoles;
  /** Reads the data artifact on standard input as far as needed, and writes what `findNamed` reads. */
  planNamed(input: PlanInput): Command;
  /** Which of `candidates` the owners and grants of the data name. */
  findNamed(definitions: string, candidates: readonly string[]): readonly string[];
  /**
   * Makes `names` out of `globals`, all or none, each marked as made by `run`, with passwords, settings and what they are members of. Fails
   * where one of them has come up meanwhile.
   */
  planMake(input: PlanInput, make: { globals: string; names: readonly string[]; run: string }): Command;
  /** Takes the marks of `run` away: its roles stay. */
  planKeep(input: PlanInput, keep: { globals: string; names: readonly string[]; run: string }): Command;
  /** Drops the roles that bear the mark of `run`; those that something depends on meanwhile stay, without it. */
  planTakeBack(input: PlanInput, run: string): Command;
}

/** The roles that a choice asks for and that `standing` lacks, by name; those that the chosen ones are members of come along. */
export function chooseRoles(
  stored: readonly StoredRole[],
  standing: readonly string[],
  named: readonly string[] | undefined,
): string[] {
  const missing = new Map(stored.filter(({ name }) => !standing.includes(name)).map((role) => [role.name, role]));
  if (named === undefined) return [...missing.keys()];
  const chosen = new Set<string>();
  const waiting = [...named];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const role = missing.get(name);
    if (!role || chosen.has(name)) continue;
    chosen.add(name);
    waiting.push(...role.memberOf);
  }
  return [...missing.keys()].filter((name) => chosen.has(name));
}
