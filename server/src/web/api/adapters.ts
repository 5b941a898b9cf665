/** The kinds of sources and repositories with their fields, for tools that build forms or check input. */
import { REPOSITORY_ADAPTERS, SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import type { Field } from '@holdfast/shared/adapters/field.ts';
import type { RepositoryAdapter } from '@holdfast/shared/adapters/repository.ts';
import type { SourceAdapter } from '@holdfast/shared/adapters/source.ts';
import * as z from 'zod';
import { demand } from '../../core/caller.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { listOf, nameShape } from './shapes/shapes.ts';

const fieldShape = nameShape(
  'AdapterField',
  z.strictObject({
    name: z.string(),
    kind: z.enum(['text', 'secret', 'number', 'boolean', 'choice', 'multiline', 'list']),
    label: z.string(),
    help: z.string().optional(),
    placeholder: z.string().optional(),
    required: z.boolean(),
    advanced: z.boolean(),
    default: z.union([z.string(), z.number(), z.boolean()]).optional(),
    pattern: z.string().optional().meta({ description: 'A regular expression (ECMAScript, flag u)' }),
    patternHint: z.string().optional(),
    maxChars: z.int().optional(),
    multiline: z.boolean().optional().meta({ description: 'The secret may have several lines' }),
    min: z.number().optional(),
    max: z.number().optional(),
    unit: z.string().optional(),
    options: listOf(z.strictObject({ value: z.string(), label: z.string() })).optional(),
    entry: z.enum(['path', 'pattern', 'name']).optional(),
    maxEntries: z.int().optional(),
  }),
);

export const adapterFields = { kind: z.string(), label: z.string(), summary: z.string(), fields: listOf(fieldShape) };

const sourceAdapterShape = nameShape(
  'SourceAdapter',
  z.strictObject({
    ...adapterFields,
    tools: listOf(z.string()).meta({ description: 'Tools a host needs' }),
    discovers: z.string().optional().meta({ description: 'The field that discovery finds values for' }),
    restoresTo: z.enum(['directory', 'database']),
  }),
);
const repositoryAdapterShape = nameShape('RepositoryAdapter', z.strictObject(adapterFields));
const adaptersShape = nameShape(
  'Adapters',
  z.strictObject({ sources: listOf(sourceAdapterShape), repositories: listOf(repositoryAdapterShape) }),
);

export function toFieldShape(field: Field): z.infer<typeof fieldShape> {
  const { pattern, ...rest } = { pattern: undefined, ...field };
  return {
    ...rest,
    required: field.required ?? false,
    advanced: field.advanced ?? false,
    ...(pattern === undefined ? {} : { pattern: pattern.source }),
  };
}

function toSourceAdapterShape(adapter: SourceAdapter): z.infer<typeof sourceAdapterShape> {
  const { kind, label, summary, fields, tools, discovery, restore } = adapter;
  return {
    kind,
    label,
    summary,
    fields: fields.map(toFieldShape),
    tools,
    ...(discovery ? { discovers: discovery.fills } : {}),
    restoresTo: restore ? 'database' : 'directory',
  };
}

function toRepositoryAdapterShape({ kind, label, summary, fields }: RepositoryAdapter): z.infer<typeof repositoryAdapterShape> {
  return { kind, label, summary, fields: fields.map(toFieldShape) };
}

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/adapters',
  scope: 'read',
  summary: 'Describes the kinds of sources and repositories with their fields.',
  tag: 'adapters',
  reply: adaptersShape,
  async handle(_context, caller) {
    demand(caller, 'view');
    return {
      data: {
        sources: SOURCE_ADAPTERS.map(toSourceAdapterShape),
        repositories: REPOSITORY_ADAPTERS.map(toRepositoryAdapterShape),
      },
    };
  },
});

export const ADAPTER_ENDPOINTS: readonly ApiEndpoint[] = [listEndpoint];
