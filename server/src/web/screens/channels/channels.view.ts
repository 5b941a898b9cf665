/** Channels, and from when on something is an alert. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { type Field, form } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type DigestView, digestPanel } from './digest.view.ts';

export type ChannelState = 'off' | 'failing' | 'works' | 'untried';

const STATES: Readonly<Record<ChannelState, StatusView>> = {
  off: { word: 'off', tone: 'quiet', icon: 'pause' },
  failing: { word: 'failing', tone: 'unprotected', icon: 'cross' },
  works: { word: 'works', tone: 'protected', icon: 'check' },
  untried: { word: 'not used yet', tone: 'unknown', icon: 'question' },
};

export function channelStatus(state: ChannelState): Html {
  return status(STATES[state]);
}

function undeliveredStatus(count: number): Html {
  return status({ word: `${count} not delivered`, tone: 'at-risk', icon: 'warning' });
}

export type ChannelLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly kind: string;
  readonly where: string;
  readonly state: ChannelState;
  readonly failure?: string | undefined;
  /** Messages that were given up and that nobody has seen to. */
  readonly undelivered: number;
  readonly workedAt?: number | undefined;
};

export type ThresholdsView = {
  /** Undefined: only to be read. */
  readonly action?: string | undefined;
  readonly values: Readonly<
    Record<'failuresInARow' | 'silentMinutes' | 'hostDiskGib' | 'serverDiskGib' | 'certificateDays', string>
  >;
  readonly errors: Readonly<Record<string, string>>;
};

export type ChannelsView = {
  readonly face: Clockface;
  readonly here: string;
  readonly heading: string;
  readonly alertsHref: string;
  readonly addHref?: string | undefined;
  readonly rows: readonly ChannelLine[];
  readonly thresholds: ThresholdsView;
  readonly digest: DigestView;
};

export const CHANNELS_PART = 'channels';

export function channelsPage(shell: Shell, view: ChannelsView): Html {
  return layout(shell, {
    title: 'Channels',
    heading: view.heading,
    lede: 'A channel tells people or programs outside of alerts, backups and digests. One that does not work is itself an alert, told on the others.',
    actions: html`${linkButton({ href: view.alertsHref, label: 'Alerts' })}${
      view.addHref !== undefined &&
      view.rows.length > 0 &&
      linkButton({ href: view.addHref, label: 'Add channel', kind: 'primary', icon: 'plus' })
    }`,
    content: html`<div class="stack">${panel({ flush: true, content: channelsTable(view) })}${digestPanel(view.digest)}${thresholdsPanel(view.thresholds)}</div>`,
  });
}

export function channelsTable(view: ChannelsView): Html {
  return table<ChannelLine>({
    id: CHANNELS_PART,
    caption: 'Channels',
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'channels', url: view.here },
    columns: [
      { id: 'state', label: 'State', width: 'fit', cell: (row) => channelStatus(row.state) },
      {
        id: 'name',
        label: 'Channel',
        primary: true,
        cell: (row) =>
          html`<a href="${row.href}">${row.name}</a>${row.undelivered > 0 && html` ${undeliveredStatus(row.undelivered)}`}${row.failure !== undefined && html`<br><span class="quiet">${row.failure}</span>`}`,
      },
      { id: 'kind', label: 'Kind', cell: (row) => row.kind },
      { id: 'where', label: 'Leads to', cell: (row) => html`<code>${row.where}</code>` },
      { id: 'worked', label: 'Last delivered', width: 'fit', cell: (row) => relativeTime(row.workedAt, view.face, 'never') },
    ],
    empty: emptyState({
      icon: 'info',
      title: 'There is no channel yet, so alerts are seen only by who looks here.',
      text: 'Add one for alerts, and a sign of life for the day this server itself is down.',
      action: view.addHref === undefined ? undefined : linkButton({ href: view.addHref, label: 'Add channel', kind: 'primary' }),
    }),
  });
}

const FIELDS: readonly (Pick<Field, 'label' | 'help' | 'unit' | 'min' | 'max'> & {
  readonly name: keyof ThresholdsView['values'];
})[] = [
  {
    name: 'failuresInARow',
    label: 'A backup ended unclean in a row',
    unit: 'times',
    min: 1,
    max: 10,
    help: 'Of one source in one plan. With more than one, a single failure is seen on the pages and told to nobody.',
  },
  { name: 'silentMinutes', label: 'A host was silent for', unit: 'minutes', min: 2, max: 10_080 },
  {
    name: 'hostDiskGib',
    label: 'Less left on the disk of a host than',
    unit: 'GiB',
    min: 0.1,
    max: 1024,
    help: 'Where its agent keeps its state.',
  },
  { name: 'serverDiskGib', label: 'Less left on the disk of this server than', unit: 'GiB', min: 0.1, max: 1024 },
  { name: 'certificateDays', label: 'A certificate ends within', unit: 'days', min: 1, max: 90 },
];

function thresholdsPanel({ action, values, errors }: ThresholdsView): Html {
  const fields = FIELDS.map((field): Field => {
    const { name } = field;
    return { ...field, kind: 'number', required: true, value: values[name], error: errors[name], disabled: action === undefined };
  });
  const sentence = html`<p class="quiet">Everything else is an alert as soon as it is seen: missed fires, backups too old for their plan, repositories that cannot be used, retention that stands still.</p>`;
  if (action === undefined)
    return panel({ title: 'It is an alert when', content: html`<div class="stack">${sentence}${readOnly(fields)}</div>` });
  return panel({
    title: 'It is an alert when',
    content: form({ action, fields, submit: { label: 'Save', kind: 'secondary' }, outro: sentence }),
  });
}

function readOnly(fields: readonly Field[]): Html {
  return html`<dl class="facts">${fields.map((field) => html`<div><dt>${field.label}</dt><dd>${String(field.value ?? '')} ${field.unit}</dd></div>`)}</dl>`;
}
