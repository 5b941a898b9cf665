/** Names, tags and notes that people give: every use case that stores one checks it here, whatever its boundary did. */
import { nameSchema, tagSchema } from '@holdfast/shared/domain/plan.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { createFieldsError } from './adapters/adapter-input.ts';

const tagsSchema = z.array(tagSchema).max(TEXT.tags, `there may be ${TEXT.tags} tags at most`);

/** What something is for: one line, which may be empty. */
export const descriptionSchema = z.union([z.literal(''), nameSchema]);

function check<T>(schema: z.ZodType<T>, value: unknown, field: string, label: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw createFieldsError({ [field]: `${label}: ${parsed.error.issues[0]?.message ?? 'is not well-formed'}` });
}

/** The trimmed name; `invalid` naming the field `name` when it is empty, too long or not one plain line. */
export function checkName(name: string): string {
  return check(nameSchema, name, 'name', 'Name');
}

/** The trimmed tags without repeats; `invalid` naming the field `tags`. */
export function checkTags(tags: readonly string[]): readonly string[] {
  return [...new Set(check(tagsSchema, tags, 'tags', 'Tags'))];
}

/** Like a name, but may be empty; `invalid` naming the field `description`. */
export function checkDescription(text: string): string {
  return text.trim() === '' ? '' : check(nameSchema, text, 'description', 'Description');
}

/** Like a name, but may be empty; `invalid` naming the field `note`. */
export function checkNote(note: string): string {
  return note.trim() === '' ? '' : check(nameSchema, note, 'note', 'Note');
}
