/** The databases that a typed connection offers, below the form of a new source: several are chosen, and each becomes a source. */
import { type Html, html } from '../../html.ts';
import { button } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { formField } from '../../ui/form.ts';
import { formatBytes, formatCount } from '../../ui/quantity.ts';
import type { Urls } from '../../urls.ts';
import { type FoundDatabase, type RefusedDatabase, refusals, sayFound, toDatabaseOptions } from './source-discover.view.ts';

const FOUND_ID = 'found-databases';

export interface FindView {
  urls: Urls;
  /** Where the form goes. */
  action: string;
  /** Undefined until somebody asked. */
  found?: readonly FoundDatabase[] | undefined;
  /** Values of the boxes that are ticked; all of them at first. */
  chosen?: readonly string[] | undefined;
  /** The question could not be put or was refused, or nothing was chosen. */
  problem?: string | undefined;
  refused?: readonly RefusedDatabase[] | undefined;
}

/** Stands within the form of the connection, so that what is typed there, its password too, goes with each act. */
export function findPanel(view: FindView): Html {
  const find = askButton(view, { act: 'find', label: 'Find databases', look: 'button-secondary' });
  return html`<fieldset class="fields"><legend>Several databases of this server</legend><p class="help">Lists them with the connection typed above; neither name nor database is needed for that. Each one you choose becomes a source of its own.</p><div class="form-actions">${find}</div>${foundDatabases(view)}</fieldset>`;
}

/** Asks the server again with what is typed; without JavaScript it sends the form. */
function askButton({ action }: FindView, { act, label, look }: { act: string; label: string; look: string }): Html {
  return html`<button class="button ${look}" type="submit" name="act" value="${act}" formnovalidate data-busy="Looking…" hx-post="${action}" hx-target="#${FOUND_ID}" hx-swap="outerHTML"><span>${label}</span></button>`;
}

/** What came of the question; replaced by its answer. */
export function foundDatabases(view: FindView): Html {
  const { found, problem } = view;
  const answer = problem === undefined && found !== undefined && html`<p>${sayFound(found)}</p>`;
  return html`<div class="stack" id="${FOUND_ID}">${refusals(view.refused)}<div role="status">${problem !== undefined && callout({ tone: 'problem', text: problem })}${answer}</div>${found !== undefined && choice(view, found)}${found !== undefined && known(view, found)}</div>`;
}

function choice(view: FindView, found: readonly FoundDatabase[]): Html | false {
  const options = toDatabaseOptions(found);
  if (options.length === 0) return false;
  const boxes = formField({
    name: 'database',
    label: 'Databases',
    kind: 'multiselect',
    options,
    value: view.chosen ?? options.map((option) => option.value),
  });
  const selection = [
    { act: 'find', label: 'Select all' },
    { act: 'find-none', label: 'Select none' },
  ].map((select) => askButton(view, { ...select, look: 'button-quiet button-small' }));
  const add = button({
    label: 'Add the selected ones',
    name: 'act',
    value: 'adopt',
    attributes: { formnovalidate: true },
  });
  return html`${boxes}<div class="form-actions">${add}${options.length > 1 && selection}</div>`;
}

function known({ urls }: FindView, found: readonly FoundDatabase[]): Html | false {
  const sources = found.filter((one) => one.known !== undefined);
  if (sources.length === 0) return false;
  return html`<p class="quiet">Sources already (${formatCount(sources.length)}): ${sources.map(
    (one, index) =>
      html`${index > 0 && ', '}${one.known && html`<a href="${urls.source({ source: one.known.id })}">${one.name}</a>`}${
        one.sizeBytes !== undefined && html` ${formatBytes(one.sizeBytes)}`
      }`,
  )}</p>`;
}
