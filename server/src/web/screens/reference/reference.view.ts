/** The reference of the API: every end-point with what it takes, what it gives, and a line to try it with. */
import { attrs, type Html, html } from '../../html.ts';
import { copyLine } from '../../ui/copy.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { table } from '../../ui/table.ts';

export type FieldLine = {
  /** `schedule.cron`; `sources[]` where it is one of a list. */
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
};

export type EndpointView = {
  /** Its id in the document, and the anchor of its place on the page. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly FieldLine[];
  readonly body: readonly FieldLine[];
  /** What `data` of the answer is, in a word or two. */
  readonly reply: string;
  readonly replyFields: readonly FieldLine[];
  readonly status: string;
  /** One line for a shell; the key comes from a file. */
  readonly curl: string;
};

export type ChapterLine = { readonly name: string; readonly description: string; readonly href: string };

export type ReferenceIndexView = {
  readonly chapters: readonly (ChapterLine & {
    readonly entries: readonly {
      readonly method: string;
      readonly path: string;
      readonly summary: string;
      readonly href: string;
    }[];
  })[];
  readonly count: number;
  readonly root: string;
  readonly documentHref: string;
  readonly key: string;
  readonly header: string;
  /** Headers that calls may carry, wherever they fit. */
  readonly headers: readonly { readonly name: string; readonly description: string }[];
};

export type ReferenceChapterView = {
  readonly chapter: ChapterLine;
  readonly entries: readonly EndpointView[];
  readonly indexHref: string;
};

export function referenceIndexPage(shell: Shell, view: ReferenceIndexView): Html {
  return layout(shell, {
    title: 'API reference',
    heading: `${view.count} end-points do everything the pages do.`,
    content: html`<div class="stack">${panel({
      title: 'Begin',
      content: html`<div class="stack"><p>They lie below <code class="mono">${view.root}</code>. Make a key on the server, and keep the header in a file that only you can read:</p>${copyLine(
        { text: view.key, label: 'the command that makes a key' },
      )}${copyLine({ text: view.header, label: 'the command that writes the header' })}<p class="quiet">Programs read the same from <a href="${view.documentHref}">the OpenAPI document</a>. Every answer is <code>{success, data, error, meta}</code>; lists go on with <code>meta.next</code> as <code>cursor</code>.</p>${told(view.headers.map(({ name, description }) => ({ label: html`<code>${name}</code>`, value: prose(description) })))}</div>`,
    })}${view.chapters.map((chapter) =>
      panel({
        title: html`<a href="${chapter.href}">${chapter.name}</a>`,
        aside: chapter.description,
        content: told(
          chapter.entries.map((entry) => ({
            label: html`<a class="mono" href="${entry.href}">${entry.method} ${entry.path}</a>`,
            value: prose(entry.summary),
          })),
        ),
      }),
    )}</div>`,
  });
}

export function referenceChapterPage(shell: Shell, view: ReferenceChapterView): Html {
  return layout(shell, {
    title: `API: ${view.chapter.name}`,
    heading: `API of ${view.chapter.name}`,
    lede: `${view.chapter.description}.`,
    crumbs: [{ label: 'API reference', href: view.indexHref }],
    content: html`<div class="stack">${view.entries.map(endpoint)}</div>`,
  });
}

/** Names, each with what is told of it. */
function told(pairs: readonly { readonly label: Html; readonly value: Html }[]): Html {
  return html`<dl>${pairs.map(({ label, value }) => html`<div class="told-line"><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** What stands between back quotes in a description is code. */
function prose(text: string): Html {
  return html`<span>${text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))}</span>`;
}

function endpoint(entry: EndpointView): Html {
  return panel({
    id: entry.id,
    title: html`<code class="mono">${entry.method} ${entry.path}</code>`,
    content: html`<div class="stack"><p>${prose(entry.summary)}</p>${copyLine({ text: entry.curl, label: `curl for ${entry.method} ${entry.path}` })}${
      entry.parameters.length > 0 && fields(entry, 'parameters', 'Parameters', entry.parameters)
    }${entry.body.length > 0 && fields(entry, 'body', 'Body', entry.body)}<p>Answers <code class="mono">${entry.status}</code> with <span class="mono">${entry.reply}</span>.</p>${
      entry.replyFields.length > 0 &&
      html`<details class="fold"><summary>${entry.replyFields.length === 1 ? '1 field' : `${entry.replyFields.length} fields`} of the answer</summary>${told(
        entry.replyFields.map((line) => ({
          label: html`<code>${line.name}</code>`,
          value: html`${line.type}${line.description !== '' && html`. <span class="quiet">${prose(line.description)}</span>`}`,
        })),
      )}</details>`
    }</div>`,
  });
}

function fields(entry: EndpointView, part: string, title: string, lines: readonly FieldLine[]): Html {
  return html`<div ${attrs({ role: 'group', 'aria-label': `${title} of ${entry.method} ${entry.path}` })}>${table<FieldLine>({
    id: `${entry.id}-${part}`,
    caption: `${title} of ${entry.method} ${entry.path}`,
    rows: lines,
    columns: [
      {
        id: 'name',
        label: title,
        primary: true,
        width: 'fit',
        cell: (line) =>
          html`<code class="mono">${line.name}</code>${line.required && html` <span class="quiet">required</span>`}`,
      },
      { id: 'type', label: 'Is', cell: (line) => line.type },
      { id: 'description', label: 'Means', width: 'wide', cell: (line) => line.description !== '' && prose(line.description) },
    ],
  })}</div>`;
}
