/** Panels and what stands in them: facts, rows that ask for something, big figures. */
import { attrs, type Html, type HtmlValue, html } from '../html.ts';

/** Live content: re-fetched from `url` whenever `topic` says so, and morphed in place. Needs an id on the element. */
export type Live = { readonly topic: string; readonly url: string };

export function liveAttributes(live: Live | undefined): Readonly<Record<string, string>> {
  return live === undefined ? {} : { 'data-live': live.topic, 'data-live-get': live.url };
}

export type PanelView = {
  readonly title?: HtmlValue;
  /** At the head's end: a count, a link, a few words. */
  readonly aside?: HtmlValue;
  readonly content: HtmlValue;
  /** Below a hairline: a link onward, a button. */
  readonly foot?: HtmlValue;
  readonly id?: string | undefined;
  /** Content runs to the edges (tables). */
  readonly flush?: boolean | undefined;
  readonly tone?: 'danger' | undefined;
  readonly live?: Live | undefined;
};

export function panel(view: PanelView): Html {
  const hasHead = view.title !== undefined || view.aside !== undefined;
  const head =
    hasHead &&
    html`<header class="panel-head"><h2>${view.title}</h2>${view.aside !== undefined && html`<div class="panel-aside">${view.aside}</div>`}</header>`;
  const classes = `panel${view.flush === true ? ' panel-flush' : ''}${view.tone === 'danger' ? ' panel-danger' : ''}`;
  return html`<section class="${classes}" ${attrs({ id: view.id, ...liveAttributes(view.live) })}>${head}<div class="panel-body">${view.content}</div>${
    view.foot !== undefined && html`<footer class="panel-foot">${view.foot}</footer>`
  }</section>`;
}

export type Fact = {
  readonly label: HtmlValue;
  readonly value: HtmlValue;
  /** For facts that come, go or change places in a live part, as of a row. */
  readonly id?: string | undefined;
};

/** Label and value pairs, one per line with hairlines between. A label that is words begins with a capital; one that is a name comes as markup. */
export function facts(pairs: readonly Fact[]): Html {
  return html`<dl class="facts">${pairs.map(({ label, value, id }) => html`<div ${attrs({ id })}><dt>${typeof label === 'string' ? capitalize(label) : label}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function capitalize(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export type RowView = {
  readonly status?: HtmlValue;
  readonly title: HtmlValue;
  readonly detail?: HtmlValue;
  /** Between text and action: a bar, a figure. */
  readonly middle?: HtmlValue;
  readonly action?: HtmlValue;
  /** In a live part a row that holds a link or a button has one: a live update finds the row by it, wherever it stands by then. */
  readonly id?: string | undefined;
};

/** A list whose lines each say what is, why, and what to do. */
export function rows(items: readonly RowView[]): Html {
  return html`<ul class="rows">${items.map(
    (item) =>
      html`<li class="row" data-row ${attrs({ id: item.id })}>${item.status !== undefined && html`<div class="row-status">${item.status}</div>`}<div class="row-text"><div class="row-title">${item.title}</div>${
        item.detail !== undefined && html`<div class="row-detail">${item.detail}</div>`
      }</div>${item.middle !== undefined && html`<div class="row-middle">${item.middle}</div>`}${item.action !== undefined && html`<div class="row-action">${item.action}</div>`}</li>`,
  )}</ul>`;
}

/** One big number with what it counts. */
export function figure(view: { readonly value: HtmlValue; readonly of?: HtmlValue; readonly detail?: HtmlValue }): Html {
  return html`<div class="figure"><p><strong class="figure-value">${view.value}</strong> <span class="figure-of">${view.of}</span></p>${
    view.detail !== undefined && html`<p class="figure-detail">${view.detail}</p>`
  }</div>`;
}
