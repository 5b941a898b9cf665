import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createAssets } from '../assets.ts';
import { html } from '../html.ts';
import { confirmButton } from './button.ts';
import { gantt, sparkline, stackedBar } from './charts.ts';
import { galleryPage } from './gallery.view.ts';
import { layout, type Shell, sideNav } from './layout.ts';
import { logView } from './log.ts';
import { progressText } from './progress.ts';
import { stageBar } from './stages.ts';
import { protectionStatus, runStatus } from './status.ts';
import { table } from './table.ts';

const NOW = Date.UTC(2026, 10, 20, 8);
const HOUR = 3_600_000;
const HOSTILE = '"><script>alert(1)</script>';

const SHELL: Shell = {
  assets: createAssets().paths,
  homeHref: '/',
  current: 'hosts',
  zone: 'UTC',
  now: NOW,
  streamUrl: '/api/v1/stream',
  navUrl: '/fragments/nav',
  user: { name: HOSTILE, role: 'viewer' },
  nav: [
    { items: [{ id: 'hosts', label: 'Hosts', href: '/hosts', count: 31 }] },
    { label: 'Trust', items: [] },
    { label: 'Setup', items: [{ id: 'a', label: 'Alerts', href: '/alerts', count: 3, alarm: 'open alerts' }] },
  ],
};

describe('The page shell', () => {
  const page = layout(SHELL, { title: HOSTILE, heading: HOSTILE, content: html`<p>${HOSTILE}</p>` }).toString();

  it('runs no script but its own files, and none inline', () => {
    const scripts = [...page.matchAll(/<script[^>]*>/g)].map(([tag]) => tag);
    assert.equal(scripts.length, 6);
    for (const tag of scripts) assert.match(tag, /^<script src="\/assets\/[a-z]+-[\w-]{16}\.js"( defer)?>$/);
    assert.doesNotMatch(page, /<style|\sstyle=|\son[a-z]+=/);
  });

  it('marks the current page, leaves out empty groups and is live where told', () => {
    const nav = sideNav(SHELL).toString();
    assert.match(nav, /aria-current="page"[^>]*><span>Hosts/);
    assert.doesNotMatch(nav, /Trust/);
    assert.match(nav, /data-live="navigation" data-live-counts="counts" data-live-get="\/fragments\/nav"/);
    assert.match(nav, /3<span class="visually-hidden"> open alerts<\/span>/);
  });

  it('gives each element id once, also with every component on it', () => {
    const ids = [
      ...galleryPage(SHELL, { now: NOW, zone: 'UTC' }, { settings: '/settings', action: '/settings/design', themes: [] })
        .toString()
        .matchAll(/\sid="([^"]+)"/g),
    ].map((match) => match[1]);
    assert.ok(ids.length > 60);
    assert.deepEqual(
      ids.filter((id, at) => ids.indexOf(id) !== at),
      [],
    );
  });
});

/** Exported functions of a file that give markup. */
function listComponents(text: string): readonly string[] {
  const found: string[] = [];
  let name: string | undefined;
  for (const line of text.split('\n')) {
    name = /^export function (\w+)/u.exec(line)?.[1] ?? name;
    if (name === undefined || !/\): .* \{$/u.test(line)) continue;
    if (/\): Html(?: \| false)? \{$/u.test(line)) found.push(name);
    name = undefined;
  }
  return found;
}

describe('The gallery', () => {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  const texts = files.map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'));
  /** What pages without a side bar are made of: the gallery has one. */
  const elsewhere = new Set(['bareLayout', 'galleryPage']);

  it('shows each component there is, by itself or within another one', () => {
    const components = texts.flatMap(listComponents);
    assert.ok(components.length > 45, `${components.length} components were found`);
    const all = texts.join('\n').replaceAll(/^import [^;]*;$/gmu, '');
    const idle = components.filter(
      (name) => !elsewhere.has(name) && (all.match(new RegExp(`\\b${name}[(<)]`, 'gu'))?.length ?? 0) < 2,
    );
    assert.deepEqual(idle, []);
  });

  it('shows the states that scenes leave out', () => {
    const page = galleryPage(
      SHELL,
      { now: NOW, zone: 'UTC' },
      { settings: '/settings', action: '/settings/design', themes: [] },
    ).toString();
    for (const seen of [
      /stage-unknown/,
      /tone-unknown"><svg[^>]*><use href="#i-online"/,
      /Not enough history yet/,
      /aria-label="nothing yet"/,
      /Waiting for the first line/,
      /This run wrote no log/,
      /aria-sort="descending"/,
      /rel="prev"[\s\S]*aria-disabled="true"/,
      /<details class="fold"\s+open/,
      /disabled[^>]*name="text-off"|name="text-off"[^>]*disabled/,
      /9 fields need another look/,
    ])
      assert.match(page, seen);
  });
});

describe('A status', () => {
  it('is an icon, a word and a tone together', () => {
    assert.match(protectionStatus('at_risk').toString(), /tone-at-risk.*#i-warning.*at risk/s);
    assert.match(runStatus('partial').toString(), /tone-at-risk.*#i-partial.*partial/s);
  });

  it('is never green for what is not proven', () => {
    for (const markup of [
      protectionStatus('unknown'),
      protectionStatus('paused'),
      runStatus('running'),
      runStatus('finalizing'),
      runStatus('partial'),
      runStatus('cancelled'),
    ]) {
      assert.doesNotMatch(markup.toString(), /tone-protected/);
    }
  });
});

describe('Progress', () => {
  it('names what is known and nothing else', () => {
    const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
    assert.equal(
      plain(progressText({ doneBytes: 18.2 * 2 ** 30, totalBytes: 25.6 * 2 ** 30, bytesPerSecond: 96 * 2 ** 20, etaMs: 79_000 })),
      '71 % · 18.2 of 25.6 GiB · 96 MiB/s · 1 m 19 s left',
    );
    assert.equal(plain(progressText({ doneBytes: 2 ** 30, totalBytes: 4 * 2 ** 30, estimated: true })), '1 GiB of about 4 GiB');
    assert.equal(progressText({}), 'starting');
  });
});

describe('Stages', () => {
  it('are as long as they took, and the shortest is still seen', () => {
    const markup = stageBar([
      { name: 'a', state: 'succeeded', durationMs: 1 },
      { name: 'b', state: 'succeeded', durationMs: 64_000 },
      { name: 'c', state: 'pending' },
    ]).toString();
    assert.deepEqual(
      [...markup.matchAll(/share-(\d+)/g)].map((match) => match[1]),
      ['1', '16', '1'],
    );
  });
});

describe('A table', () => {
  const columns = [{ id: 'name', label: 'Name', primary: true, sortable: true, cell: (row: string) => row }];

  it('with no row shows the way on instead', () => {
    assert.doesNotMatch(table({ id: 't', caption: 'T', columns, rows: [], empty: html`<p>None yet</p>` }).toString(), /<table/);
  });

  it('turns the sort of its active column around, and says which it is', () => {
    const markup = table({
      id: 't',
      caption: 'T',
      columns,
      rows: ['a'],
      sort: { column: 'name', direction: 'asc', href: (column, direction) => `?s=${column}.${direction}` },
    }).toString();
    assert.match(markup, /aria-sort="ascending".*href="\?s=name\.desc"/s);
  });
});

describe('A dangerous act', () => {
  it('asks for the exact name, in a pattern no name can break', () => {
    const markup = confirmButton({
      id: 'c',
      label: 'Delete',
      confirm: { title: 'T', effect: 'E', verb: 'Delete', action: '/x', typedName: 'db-1.*(a|b)/[c]' },
    }).toString();
    const pattern = /pattern="([^"]+)"/.exec(markup)?.[1] ?? '';
    const expression = new RegExp(`^(?:${pattern})$`, 'v');
    assert.ok(expression.test('db-1.*(a|b)/[c]'));
    assert.ok(!expression.test('db-1xa'));
  });
});

describe('Drawings', () => {
  it('show one failure among thousands', () => {
    const markup = stackedBar({
      parts: [
        { count: 5_000, word: 'protected', tone: 'protected' },
        { count: 1, word: 'unprotected', tone: 'unprotected' },
      ],
    }).toString();
    const width = Number(/tone-unprotected" x="[\d.]+%" width="([\d.]+)%"/.exec(markup)?.[1]);
    assert.ok(width >= 1.2, `${width}`);
    assert.match(markup, /aria-label="5000 protected, 1 unprotected"/);
  });

  it('stay inside their frame and escape their names', () => {
    const markup = gantt({
      rows: [
        {
          label: HOSTILE,
          bars: [
            { start: NOW - 50 * HOUR, end: NOW + 50 * HOUR, tone: 'protected', title: HOSTILE },
            { start: NOW - 90 * HOUR, end: NOW - 80 * HOUR, tone: 'protected', title: 'outside' },
          ],
        },
      ],
      from: NOW - 24 * HOUR,
      to: NOW,
      now: NOW,
      zone: 'Asia/Kathmandu',
      label: 'Night',
    }).toString();
    assert.doesNotMatch(markup, /<script|outside/);
    assert.match(markup, /x="0%" y="6" width="100%"/);
    assert.match(markup, /\d\d:00</);
  });

  it('do not draw a line through nothing', () => {
    assert.doesNotMatch(sparkline({ values: [1], label: 'x' }).toString(), /<svg/);
    assert.doesNotMatch(sparkline({ values: [5, 5, 5], label: 'x' }).toString(), /NaN|Infinity/);
  });
});

describe('A log', () => {
  it('shows hostile text as text', () => {
    const markup = logView({
      id: 'l',
      zone: 'UTC',
      lines: [{ n: 1, at: NOW, level: 'error', text: `${HOSTILE}\u001b[31m\u202e` }],
    }).toString();
    assert.doesNotMatch(markup, /<script|\u001b|\u202e/);
    assert.match(markup, /08:00:00\.000/);
  });
});
