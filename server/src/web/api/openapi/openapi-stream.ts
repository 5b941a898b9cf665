/** The description of `/stream`, which answers without end and is therefore in no table. */
import { LOG_LEVELS } from '@holdfast/shared/domain/run.ts';
import { TOPIC_FORMS } from '../../../core/bus.ts';

/** One operation of the OpenAPI document, without the error replies that all share. */
export const STREAM_OPERATION = {
  operationId: 'getStream',
  summary: 'What happens, as it happens: server-sent events that a client may take up again where it was cut off.',
  description: [
    'The name of an event is its topic, its data one JSON object.',
    '`refresh` says that what the topic shows has changed: read it again. With `gap`, something of the topic was lost on the way: read again also what only grows, such as a log.',
    '`counts` says what the side bar counts, by its lines: `{"count"?, "alarm"?}` of each; it comes in place of a refresh of the topic `counts`.',
    '`log` brings new lines of a run under `run:<id>`; `progress` how far that run is, by `percent`, `text` and `brief`, at most once a second, and is never repeated.',
    '`position` comes every few seconds: everything up to its id has been told.',
    'After a cut, send the last id: what was missed comes first, or a `refresh` of each topic when that is too long ago.',
  ].join(' '),
  tags: ['reference'],
  parameters: [
    {
      name: 'topics',
      in: 'query',
      required: true,
      description: `With commas between, and refused where one is none of these: ${TOPIC_FORMS.map((form) => `\`${form}\``).join(', ')}`,
      schema: { type: 'string' },
    },
    {
      name: 'lastEventId',
      in: 'query',
      required: false,
      description: 'For clients that cannot send the header',
      schema: { type: 'string', maxLength: 60 },
    },
    {
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      description: 'The id of the last event seen',
      schema: { type: 'string', maxLength: 60 },
    },
  ],
  responses: {
    '200': {
      description: 'Events without end',
      content: {
        'text/event-stream': {
          schema: {
            type: 'object',
            description: 'The data of one event',
            properties: {
              kind: { type: 'string', enum: ['refresh', 'counts', 'log', 'progress', 'position'] },
              gap: { type: 'boolean', description: 'Of a refresh: something of the topic was lost on the way' },
              percent: {
                type: 'number',
                minimum: 0,
                maximum: 100,
                description: 'Of progress: how much is done; missing while no total is known',
              },
              text: { type: 'string', description: 'Of progress: how far it is, in words, such as `71 % · 18.2 of 25.6 GiB`' },
              brief: { type: 'string', description: 'Of progress: the same in few words, such as `71 %, 1 m 19 s left`' },
              items: {
                type: 'object',
                description: 'Of counts: the lines of the side bar',
                additionalProperties: {
                  type: 'object',
                  properties: { count: { type: ['integer', 'string'] }, alarm: { type: 'string' } },
                },
              },
              lines: {
                type: 'array',
                description: 'Of log',
                items: {
                  type: 'object',
                  properties: {
                    n: { type: 'integer' },
                    at: { type: 'integer' },
                    level: { type: 'string', enum: LOG_LEVELS },
                    text: { type: 'string' },
                  },
                  required: ['n', 'at', 'level', 'text'],
                },
              },
            },
            required: ['kind'],
          },
        },
      },
    },
  },
} as const;
