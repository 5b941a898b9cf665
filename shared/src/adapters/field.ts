/**
 * Fields: the one description from which forms, schemas, API documents and masking are made.
 * An adapter lists its fields; nothing else in the product knows their names.
 */
import * as z from 'zod';
import { TEXT } from '../limits.ts';

interface FieldShape {
  /** Name in config, forms and API; camelCase. */
  name: string;
  /** What a person reads above the input. */
  label: string;
  help?: string;
  placeholder?: string;
  required?: boolean;
  /** Shown folded away under "more options". */
  advanced?: boolean;
}

export type Field =
  /** One line without control characters. */
  | (FieldShape & { kind: 'text'; default?: string; pattern?: RegExp; patternHint?: string; maxChars?: number })
  /** Encrypted at rest, sealed to the host, never shown again. May have several lines (keys, certificates). */
  | (FieldShape & { kind: 'secret'; multiline?: boolean })
  | (FieldShape & { kind: 'number'; default?: number; min: number; max: number; unit?: string })
  | (FieldShape & { kind: 'boolean'; default: boolean })
  | (FieldShape & { kind: 'choice'; default: string; options: readonly { value: string; label: string }[] })
  /** Several lines of text that are no secret (CA certificate, known hosts). */
  | (FieldShape & { kind: 'multiline'; maxChars?: number })
  /** A list, one a line in forms. `entry` says what an entry is: an absolute path, a pattern, a name. */
  | (FieldShape & { kind: 'list'; entry: 'path' | 'pattern' | 'name'; maxEntries: number });

/** Public values of an adapter, by field name. Secrets are kept apart from the first moment on. */
export type Config = Readonly<Record<string, string | number | boolean | readonly string[]>>;
export type Secrets = Readonly<Record<string, string>>;

const noControl = /^[^\u0000-\u001f\u007f]*$/u;
const noNul = /^[^\u0000]*$/u;
const absolutePath = z
  .string()
  .max(TEXT.pathChars)
  .regex(noNul, 'must not contain a NUL byte')
  .startsWith('/', 'must be an absolute path');

function createFieldSchema(field: Field): z.ZodType {
  switch (field.kind) {
    case 'text': {
      let text = z
        .string()
        .max(field.maxChars ?? 1000)
        .regex(noControl, 'must be one line without control characters');
      if (field.pattern) text = text.regex(field.pattern, field.patternHint ?? 'has an unexpected form');
      if (field.required) text = text.min(1, 'is needed');
      return field.default === undefined && !field.required
        ? text.optional()
        : field.default === undefined
          ? text
          : text.default(field.default);
    }
    case 'secret': {
      // One that is left empty is not sent at all: the schema's own words for that are for programmers.
      const error = ({ input }: { input?: unknown }) => (input === undefined ? 'is needed' : undefined);
      const secret = z.string({ error }).max(TEXT.fieldChars).regex(noNul, 'must not contain a NUL byte');
      return field.required ? secret.min(1, 'is needed') : secret.optional();
    }
    case 'number': {
      const number = z.int().min(field.min).max(field.max);
      return field.default === undefined ? (field.required ? number : number.optional()) : number.default(field.default);
    }
    case 'boolean':
      return z.boolean().default(field.default);
    case 'choice':
      return z.enum(field.options.map((option) => option.value) as [string, ...string[]]).default(field.default);
    case 'multiline': {
      const text = z
        .string()
        .max(field.maxChars ?? TEXT.fieldChars)
        .regex(noNul, 'must not contain a NUL byte');
      return field.required ? text.min(1, 'is needed') : text.optional();
    }
    case 'list': {
      const entry =
        field.entry === 'path'
          ? absolutePath
          : z
              .string()
              .min(1)
              .max(TEXT.pathChars)
              .regex(/^[^\u0000\n\r]*$/u, 'must be one line');
      const list = z.array(entry).max(field.maxEntries);
      return field.required ? list.min(1, 'needs at least one entry') : list.default([]);
    }
  }
}

/** The strict schema of an adapter's public config: unknown names are refused by name. */
export function createConfigSchema(fields: readonly Field[]): z.ZodType<Config> {
  const shape = Object.fromEntries(
    fields.filter((field) => field.kind !== 'secret').map((field) => [field.name, createFieldSchema(field)]),
  );
  return z.strictObject(shape) as unknown as z.ZodType<Config>;
}

/** The strict schema of an adapter's secrets. */
export function createSecretsSchema(fields: readonly Field[]): z.ZodType<Secrets> {
  const shape = Object.fromEntries(
    fields.filter((field) => field.kind === 'secret').map((field) => [field.name, createFieldSchema(field)]),
  );
  return z.strictObject(shape) as unknown as z.ZodType<Secrets>;
}
