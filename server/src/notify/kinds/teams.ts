/** Microsoft Teams, by a workflow that posts an adaptive card when a webhook request is received. */
import { createUrlField, readAddress } from '../address.ts';
import { demandSuccess, postJson } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { PEOPLE_HEAR } from '../hearing.ts';
import { describeMessage, fitWords, signOf, type Words } from '../words.ts';

/** Of a whole message. */
const BODY_BYTES = 27_000;
const COLORS = { good: 'Good', notice: 'Default', warning: 'Warning', critical: 'Attention' } as const;

/** Text blocks know some markdown: its characters are written with a backslash. Mentions are tags, which are not written at all. */
const escapeText = (text: string): string =>
  text
    .replace(/([\\*_~`[\]()#>|!-])/gu, '\\$1')
    .replace(/</gu, '‹')
    .replace(/\{\{/gu, '{ {');

function renderCard({ title, tone, facts, lines, log, link }: Words): unknown {
  const block = (text: string, more: object = {}) => ({ type: 'TextBlock', text, wrap: true, ...more });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            block(`${signOf({ tone })} ${escapeText(title)}`, { weight: 'Bolder', size: 'Medium', color: COLORS[tone] }),
            ...(facts.length === 0
              ? []
              : [{ type: 'FactSet', facts: facts.map(({ label, value }) => ({ title: label, value: escapeText(value) })) }]),
            ...lines.map((line) => block(`• ${escapeText(line)}`, { spacing: 'None' })),
            ...log.map((line, index) =>
              block(escapeText(line), { fontType: 'Monospace', size: 'Small', spacing: index === 0 ? 'Medium' : 'None' }),
            ),
          ],
          ...(link === undefined ? {} : { actions: [{ type: 'Action.OpenUrl', title: 'Open in Holdfast', url: link }] }),
        },
      },
    ],
  };
}

export const TEAMS: ChannelKind = {
  kind: 'teams',
  label: 'Microsoft Teams',
  summary: 'Posts an adaptive card by a workflow of a Teams channel or chat.',
  hears: PEOPLE_HEAR,
  fields: [createUrlField('Of a workflow “when a Teams webhook request is received”. It is kept like a password.')],
  check: (_config, secrets) => readAddress(secrets).host,
  async send({ message }, { secrets }, http) {
    const fits = (card: unknown) => Buffer.byteLength(JSON.stringify(card)) <= BODY_BYTES;
    const json = fitWords(describeMessage(message), renderCard, fits);
    return demandSuccess(await postJson(http, { url: readAddress(secrets), json }));
  },
};
