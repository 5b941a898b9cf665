/** What the tool that failed was at: programs tell a database from a storage by it, whatever the tool said. */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { AppError } from '@holdfast/shared/errors.ts';

/** In the details of `tool_failed`, under `place`. */
export const TOOL_PLACES = ['database', 's3'] as const;
export type ToolPlace = (typeof TOOL_PLACES)[number];

export function findSourcePlace(kind: string): ToolPlace | undefined {
  return findSourceAdapter(kind)?.restore === undefined ? undefined : 'database';
}

export function findRepositoryPlace(kind: string): ToolPlace | undefined {
  return kind === 's3' ? 's3' : undefined;
}

/** The answer of a host; where its tool failed, the error says at what. */
export async function namePlace<T>(place: ToolPlace | undefined, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    if (place === undefined || !(thrown instanceof AppError) || thrown.code !== 'tool_failed') throw thrown;
    const { code, message, retry, details } = thrown;
    throw new AppError(code, message, { retry, details: { ...details, place }, cause: thrown });
  }
}
