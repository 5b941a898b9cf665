/** Every component in every state on one page, with invented figures and hostile names: for the eye and for axe. */
import { attrs, type Html, type HtmlValue, html } from '../html.ts';
import { confirmButton, linkButton, onward, postButton } from './button.ts';
import { copyLine } from './copy.ts';
import { emptyState } from './empty.ts';
import { fingerprint, fingerprintLine } from './fingerprint.ts';
import { callout } from './flash.ts';
import { galleryCharts } from './gallery-charts.ts';
import { galleryForms } from './gallery-forms.ts';
import { galleryStates } from './gallery-states.ts';
import { ICON_NAMES, icon } from './icons.ts';
import { layout, type Shell } from './layout.ts';
import { logView } from './log.ts';
import { facts, figure, panel, rows } from './panel.ts';
import { progressBar } from './progress.ts';
import { type StageView, stageBar } from './stages.ts';
import { badge, type HostState, hostStatus, type ProtectionState, protectionStatus, type RunState, runStatus } from './status.ts';
import { filterSelect, searchInput, table, toolbar } from './table.ts';
import { type Clockface, relativeTime } from './time.ts';

const GIB = 1024 ** 3;
const MINUTE_MS = 60_000;
const HOSTILE_NAME = '<script>alert("db")</script>';

const PROTECTIONS: readonly ProtectionState[] = ['protected', 'at_risk', 'unprotected', 'unknown', 'paused'];
const RUNS: readonly RunState[] = [
  'queued',
  'running',
  'finalizing',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
  'skipped',
  'unknown',
];
const HOSTS: readonly HostState[] = ['pending', 'online', 'degraded', 'offline', 'quarantined', 'revoked', 'rejected', 'expired'];

export type GalleryTheme = 'light' | 'dark';

export interface GalleryWays {
  readonly settings: string;
  /** Where buttons lead, which do nothing. */
  readonly action: string;
  readonly themes: readonly { readonly label: string; readonly href: string; readonly isChosen: boolean }[];
  /** Parts that several screens share; ticked rows of the table of hosts belong to the form `bulk`. */
  readonly shared?: HtmlValue;
}

/** The whole gallery. `shell` gives the side bar; `face` the clock all figures hang on; `theme` holds for the components alone. */
export function galleryPage(shell: Shell, face: Clockface, ways: GalleryWays, theme?: GalleryTheme): Html {
  const parts = html`${needsYou(face)}${runPanels(face)}${galleryCharts(face)}${hostTable(face)}${messages()}${acts(ways.action)}${galleryForms(ways.action)}${ways.shared}${galleryStates(face, ways.action)}${words()}`;
  return layout(shell, {
    title: 'Design',
    heading: 'Every component, in every state.',
    lede: html`${protectionStatus('protected')}<span>for the eye, and for axe · <strong>invented figures</strong></span>`,
    crumbs: [{ label: 'Settings', href: ways.settings }, { label: 'Design' }],
    actions: html`${ways.themes.map(({ label, href, isChosen }) =>
      linkButton({
        href,
        label,
        kind: isChosen ? 'primary' : 'secondary',
        attributes: { 'aria-current': isChosen ? 'true' : null },
      }),
    )}`,
    content: html`<div class="stack gallery ${theme !== undefined && 'gallery-theme'}" ${attrs({ 'data-theme': theme })}>${parts}</div>`,
  });
}

function needsYou(face: Clockface): Html {
  const waiting = rows([
    {
      status: protectionStatus('unprotected'),
      title: 'db-2.fra / orders',
      detail: html`pg_dump: password authentication failed for user “backup” · 3 runs since 21:00 · last good ${relativeTime(face.now - 26 * 60 * MINUTE_MS, face)}, objective 24 h`,
      action: linkButton({ href: '#', label: 'Open run' }),
    },
    {
      status: protectionStatus('at_risk'),
      title: 'files-ber / home',
      detail: '14 files could not be read in the last run',
      action: linkButton({ href: '#', label: 'See files' }),
    },
    {
      status: protectionStatus('unknown'),
      title: HOSTILE_NAME,
      detail: `a-host-with-a-name-that-never-seems-to-end.${'very-long-label.'.repeat(6)}example.test`,
      action: linkButton({ href: '#', label: 'Open host' }),
    },
    {
      status: hostStatus('pending'),
      title: 'web-3 wants to join',
      detail: html`${fingerprintLine(['otter', 'lamp', 'violin', 'seven', 'chalk', 'orbit'])} · Debian 12 · 10.2.0.17`,
      action: linkButton({ href: '#', label: 'Compare and approve', kind: 'primary' }),
    },
  ]);
  const side = html`<div class="stack">${panel({ title: 'Recovery proven', aside: 'drills', content: figure({ value: '43', of: 'of 44 within 7 days', detail: 'median time to restore 41 s · slowest erp-prod / erp 12 m 05 s' }) })}${panel(
    {
      title: 'Not in any plan',
      content: html`<p>3 databases on db-2.fra and 1 folder on web-1 have no backup.</p>${onward({ href: '#', label: 'Make a plan for them' })}`,
    },
  )}${panel({
    title: 'Next',
    content: facts([
      { label: html`mail / postgres`, value: relativeTime(face.now + 8 * MINUTE_MS, face) },
      { label: html`web-1 / www`, value: relativeTime(face.now + 23 * MINUTE_MS, face) },
      { label: 'check s3-eu (2/14)', value: '03:00' },
    ]),
  })}</div>`;
  const running = rows([
    {
      title: 'git / repositories',
      detail: 'restic · s3-eu',
      middle: progressBar({
        label: 'git / repositories',
        doneBytes: 18.2 * GIB,
        totalBytes: 25.6 * GIB,
        bytesPerSecond: 96 * 1024 ** 2,
        etaMs: 79_000,
      }),
    },
    {
      title: 'db-1.fra / app',
      detail: 'pg_dump → restic',
      middle: progressBar({
        label: 'db-1.fra / app',
        doneBytes: 1.4 * GIB,
        totalBytes: 3.6 * GIB,
        estimated: true,
        bytesPerSecond: 88 * 1024 ** 2,
      }),
    },
    { title: 'mail / postgres', detail: 'pre-flight', middle: progressBar({ label: 'mail / postgres' }) },
  ]);
  return html`<div class="columns"><div class="stack">${panel({ title: 'Needs you', aside: '4', content: waiting })}${panel({ title: 'Running now', aside: '3', content: running })}</div>${side}</div>`;
}

function runPanels(face: Clockface): Html {
  const done: readonly StageView[] = [
    { name: 'Pre-flight', state: 'succeeded', durationMs: 400 },
    { name: 'Dump and store', state: 'succeeded', durationMs: 72_000 },
    { name: 'Evidence', state: 'succeeded', durationMs: 1_100 },
    { name: 'Retention', state: 'succeeded', durationMs: 2_000 },
  ];
  const live: readonly StageView[] = [
    { name: 'Pre-flight', state: 'succeeded', durationMs: 400 },
    { name: 'Dump and store', state: 'running', durationMs: 31_000 },
    { name: 'Evidence', state: 'pending' },
    { name: 'Retention', state: 'pending' },
  ];
  const failed: readonly StageView[] = [
    { name: 'Pre-flight', state: 'succeeded', durationMs: 400 },
    { name: 'Dump and store', state: 'failed', durationMs: 3_000, detail: 'exit 1' },
    { name: 'Evidence', state: 'skipped' },
    { name: 'Retention', state: 'skipped' },
  ];
  const at = face.now - 75_000;
  const log = logView({
    id: 'gallery-log',
    zone: face.zone,
    lines: [
      { n: 1, at, level: 'info', text: 'pre-flight: server 15.8, client 15.8, 3.6 GiB, role backup (pg_read_all_data)' },
      { n: 2, at: at + 459, level: 'debug', text: 'pg_dump --format=custom --compress=0 app → restic (run_01JD…)' },
      {
        n: 3,
        at: at + 40_595,
        level: 'warn',
        text: 'pg_dump: warning: there are circular foreign-key constraints on this table: nodes',
      },
      { n: 4, at: at + 73_408, level: 'error', text: `could not read ${HOSTILE_NAME} \u202e\u0007` },
      { n: 5, at: at + 75_490, level: 'info', text: 'retention: 1 removed (hourly bucket 08), 37 kept, 2 proven kept' },
    ],
  });
  const evidence = rows(
    [
      'Every stage exited 0',
      '3.58 GiB, usual 3.4 to 3.7 GiB',
      'Snapshot 608d753f read back',
      'Format and header as expected',
    ].map((title) => ({ title: html`<span class="check-line tone-protected">${icon('check', 'passed')}${title}</span>` })),
  );
  return html`${panel({ content: html`<div class="stack">${stageBar(done)}${stageBar(live)}${stageBar(failed)}</div>` })}<div class="columns">${panel({ title: 'Log', aside: html`<span>5 lines · 1 warning</span><a href="#">download</a>`, content: log })}<div class="stack">${panel({ title: 'Evidence', aside: '4 of 4', content: evidence })}${panel(
    {
      title: 'Figures',
      content: facts([
        { label: 'read', value: '3.58 GiB · 50.9 MiB/s' },
        { label: 'added / stored', value: '212 MiB / 61 MiB' },
        { label: 'recovery proven', value: 'yesterday, in 41 s' },
      ]),
    },
  )}</div></div>`;
}

type HostRow = {
  readonly name: string;
  readonly state: ProtectionState;
  readonly tags: readonly string[];
  readonly sources: number;
  readonly goodMs: number | null;
};

function hostTable(face: Clockface): Html {
  const hosts: readonly HostRow[] = [
    { name: 'db-1.fra', state: 'protected', tags: ['prod', 'postgres'], sources: 4, goodMs: 8 * MINUTE_MS },
    { name: HOSTILE_NAME, state: 'at_risk', tags: ['prod'], sources: 2, goodMs: 300 * MINUTE_MS },
    { name: `a-host-with-a-long-name.${'label.'.repeat(8)}example.test`, state: 'unknown', tags: [], sources: 12, goodMs: null },
  ];
  const content = table<HostRow>({
    id: 'gallery-hosts',
    caption: 'Hosts',
    rows: hosts,
    rowId: (row) => `gallery-${hosts.indexOf(row)}`,
    sort: { column: 'name', direction: 'asc', href: (column, direction) => `?sort=${column}&direction=${direction}` },
    select: { form: 'bulk', name: 'host', value: (row) => row.name, label: (row) => `Choose ${row.name}` },
    columns: [
      { id: 'name', label: 'Host', primary: true, sortable: true, cell: (row) => html`<a href="#">${row.name}</a>` },
      { id: 'state', label: 'Protection', sortable: true, width: 'fit', cell: (row) => protectionStatus(row.state) },
      { id: 'tags', label: 'Tags', cell: (row) => row.tags.map((tag) => badge(tag)) },
      { id: 'sources', label: 'Sources', align: 'end', cell: (row) => row.sources },
      {
        id: 'good',
        label: 'Newest good backup',
        align: 'end',
        sortable: true,
        cell: (row) => relativeTime(row.goodMs === null ? null : face.now - row.goodMs, face, 'never'),
      },
    ],
    pager: { summary: '1–3 of 5,000', nextHref: '?after=3' },
  });
  const bar = toolbar({
    action: '#',
    label: 'Filter hosts',
    controls: html`${searchInput({ name: 'q', label: 'Search hosts' })}${filterSelect({
      name: 'state',
      label: 'Protection',
      options: [
        { value: '', label: 'Any protection' },
        { value: 'at_risk', label: 'At risk' },
      ],
    })}`,
    end: linkButton({ href: '#', label: 'Export' }),
  });
  const none = table<HostRow>({
    id: 'gallery-none',
    caption: 'Plans',
    rows: [],
    columns: [],
    empty: emptyState({
      icon: 'shield',
      title: 'No plan yet.',
      text: 'A plan says what is backed up, where to and when.',
      action: linkButton({ href: '#', label: 'Make the first plan', kind: 'primary' }),
    }),
  });
  return html`<div>${bar}${panel({ flush: true, title: 'Hosts', aside: '3 of 5,000', content })}</div>${panel({ title: 'Plans', content: none })}`;
}

function messages(): Html {
  return html`<div class="stack">${callout({ tone: 'done', text: 'Plan “hourly” is saved. Two hosts will have it within a minute.' })}${callout({ tone: 'notice', text: 'The clock goes back on 25 October: this plan fires once at 02:30, not twice.' })}${callout(
    { tone: 'warning', text: 'Retention is on hold: the newest run is partial.', action: html`<a href="#">See why</a>` },
  )}${callout({ tone: 'problem', text: html`The repository refused the password. Store the right one under <a href="#">s3-eu</a>, then test again.` })}</div>`;
}

function acts(action: string): Html {
  const danger = confirmButton({
    id: 'gallery-delete',
    label: 'Delete host…',
    kind: 'danger',
    confirm: {
      title: 'Delete host db-2.fra?',
      effect:
        'Deletes 3 sources and 14 snapshots, frees about 3 GiB. The agent on the host keeps running but is no longer trusted.',
      verb: 'Delete host',
      action,
      typedName: 'db-2.fra',
    },
  });
  return html`<div class="halves">${panel({ title: 'Add a host', content: html`<div class="stack">${copyLine({ text: 'curl -fsS https://backup.example.com/install | sh -s -- --server https://backup.example.com', label: 'the command' })}${fingerprint(['otter', 'lamp', 'violin', 'seven', 'chalk', 'orbit'])}</div>` })}${panel(
    {
      title: 'Danger zone',
      tone: 'danger',
      content: html`<div class="cluster">${danger}${postButton({ action, label: 'Pause plan', icon: 'pause' })}${postButton({ action, label: 'Not now', disabled: true })}${postButton({ action, label: 'Quiet', kind: 'quiet' })}</div>`,
    },
  )}</div>`;
}

function words(): Html {
  const line = (label: string, items: readonly Html[]): { label: string; value: Html } => ({
    label,
    value: html`<span class="cluster">${items}</span>`,
  });
  return panel({
    title: 'Words and icons',
    content: facts([
      line('protection', PROTECTIONS.map(protectionStatus)),
      line('runs', RUNS.map(runStatus)),
      line(
        'hosts',
        HOSTS.map((state) => hostStatus(state)),
      ),
      line(
        'icons',
        ICON_NAMES.map((name) => icon(name, name)),
      ),
    ]),
  });
}
