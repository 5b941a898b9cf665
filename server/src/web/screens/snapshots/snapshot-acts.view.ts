/** Acts on snapshots: the bar below a list, the buttons and places on the page of one, and the question before several are deleted. */
import { type Html, html } from '../../html.ts';
import { button, confirmButton, hiddenInputs, linkButton, postButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { askCopy, hasSeconds, type SecondChoice } from './snapshot-copy.view.ts';
import { type HandsView, handsFields } from './snapshot-hands.view.ts';

/** The form that the boxes before the rows of a list belong to. */
export const SNAPSHOT_ACTS = 'snapshot-acts';

export type SnapshotActsView = {
  readonly action: string;
  readonly mayPin: boolean;
  readonly mayVerify: boolean;
  readonly mayDelete: boolean;
};

/** One form for all that was ticked; each button says what is done with it. */
export function snapshotActsBar(view: SnapshotActsView): Html | false {
  if (!view.mayPin && !view.mayVerify && !view.mayDelete) return false;
  const act = (value: string, label: string, kind?: 'danger') =>
    button({ label, name: 'act', value, small: true, ...(kind ? { kind } : {}) });
  return html`<form class="form-actions" id="${SNAPSHOT_ACTS}" method="post" action="${view.action}" aria-label="Chosen snapshots"><span class="quiet">With the ticked ones:</span>${
    view.mayPin && html`${act('pin', 'Pin')}${act('unpin', 'Unpin')}`
  }${view.mayVerify && act('verify', 'Read whole')}${view.mayDelete && act('delete', 'Delete…', 'danger')}</form>`;
}

export type VerificationView = {
  readonly ok: boolean;
  readonly at: number;
  readonly seen: string;
  readonly sha256?: string | undefined;
  readonly runHref: string;
};

const READ_WHOLE: StatusView = { word: 'read back whole', tone: 'protected', icon: 'check' };
const UNREADABLE: StatusView = { word: 'cannot be read', tone: 'unprotected', icon: 'cross' };

export function verificationStatus({ ok, at }: VerificationView, face: Clockface): Html {
  return html`${status(ok ? READ_WHOLE : UNREADABLE)}<span>${relativeTime(at, face)}</span>`;
}

/** A reading that was asked for and has not ended. */
export type ReadingView = { readonly isRunning: boolean; readonly runHref: string };

const WAITING: StatusView = { word: 'waits to be read whole', tone: 'quiet', icon: 'queued' };
const READING: StatusView = { word: 'being read whole', tone: 'quiet', icon: 'running' };

export function readingStatus({ isRunning, runHref }: ReadingView): Html {
  return html`${status(isRunning ? READING : WAITING)}<span><a href="${runHref}">its run</a></span>`;
}

export function verificationPanel(view: VerificationView): Html {
  const sum = view.sha256 !== undefined && html`<p class="small">SHA-256 <code class="mono">${view.sha256}</code></p>`;
  const link = html`<p><a href="${view.runHref}">Its run</a></p>`;
  const text = view.ok ? html`<p>${view.seen}</p>` : callout({ tone: 'problem', text: view.seen });
  return panel({ title: 'Last reading of all of it', content: html`<div class="stack">${text}${sum}${link}</div>` });
}

export type PlaceLine = {
  readonly href: string;
  readonly repository: string;
  readonly detail: string;
  readonly restoreHref?: string | undefined;
};

/** Where the same backup lies; shown once there is more than one place. */
export function placesPanel(places: readonly PlaceLine[]): Html {
  const lines = places.map((place) => ({
    title: html`<a href="${place.href}">${place.repository}</a>`,
    detail: place.detail,
    ...(place.restoreHref === undefined
      ? {}
      : { action: linkButton({ href: place.restoreHref, label: 'Restore from here…', small: true }) }),
  }));
  return panel({ title: 'Lies in', aside: formatNoun(places.length, 'repository', 'repositories'), content: rows(lines) });
}

export type OwnActsView = SnapshotActsView & {
  readonly snapshot: string;
  readonly source: string;
  readonly repository: string;
  /** The other repositories that it lies in. */
  readonly elsewhere: readonly string[];
  readonly seconds: SecondChoice;
};

/** Leaves the copies where they are unless it is ticked. */
const copiesField = (label: string, isChosen = false): Field => ({
  name: 'copies',
  label,
  kind: 'checkbox',
  value: isChosen ? 'true' : '',
});

/** The acts of one snapshot; what cannot be undone asks first, and names what it does. */
export function ownActs(view: OwnActsView): Html {
  const { action, snapshot, elsewhere } = view;
  const verify = view.mayVerify && postButton({ action, label: 'Read whole', hidden: { act: 'verify', snapshots: snapshot } });
  const copy =
    view.mayVerify && hasSeconds(view.seconds) && confirmButton({ id: 'copy-snapshot', label: 'Copy…', confirm: askCopy(view) });
  const remove =
    view.mayDelete &&
    confirmButton({
      id: 'delete-snapshot',
      label: 'Delete…',
      kind: 'danger',
      confirm: {
        title: `Delete this snapshot of ${view.source}?`,
        effect: html`It goes from ${view.repository} for good. Its line stays here, with who deleted it and when. The space comes back when the repository is pruned.`,
        verb: 'Delete 1 snapshot',
        action,
        hidden: { act: 'delete', snapshots: snapshot },
        typedName: 'delete 1',
        ...(elsewhere.length === 0
          ? {}
          : {
              fields: formField(
                copiesField(`Also from the other repositories it lies in (${elsewhere.length}): ${elsewhere.join(', ')}`),
              ),
            }),
      },
    });
  return html`${verify}${copy}${remove}`;
}

export type DeletionView = {
  readonly crumbs: readonly Crumb[];
  readonly action: string;
  readonly cancelHref: string;
  readonly phrase: string;
  readonly lines: readonly { readonly id: string; readonly title: string; readonly detail: string }[];
  /** Where else the same backups lie; they go too where that is chosen. */
  readonly elsewhere: {
    readonly lines: readonly { readonly title: string; readonly detail: string }[];
    readonly isChosen: boolean;
  };
  readonly hands?: HandsView | undefined;
  /** As it was typed before a search among hosts. */
  readonly typed: string;
  readonly error?: string | undefined;
};

export function deletionPage(shell: Shell, view: DeletionView): Html {
  const count = formatNoun(view.lines.length, 'snapshot');
  const { lines: others, isChosen } = view.elsewhere;
  const elsewhere =
    others.length > 0 &&
    panel({ title: 'Also in other repositories', aside: formatNoun(others.length, 'snapshot'), content: rows(others) });
  const tick =
    others.length > 0 && formField(copiesField(`Also from the other repositories they lie in (${others.length})`, isChosen));
  const typed: Field = {
    name: 'confirm',
    label: `Type ${view.phrase} to confirm`,
    kind: 'text',
    required: true,
    autocomplete: 'off',
    value: view.typed,
    error: view.error,
  };
  const chosen = view.lines.map(({ id }) => hiddenInputs({ snapshots: id }));
  const content = html`<div class="stack">${panel({ title: 'What goes', aside: count, content: rows(view.lines) })}${elsewhere}<form class="form" method="post" action="${view.action}">${hiddenInputs({ act: 'delete' })}${chosen}${handsFields(view.hands)}${tick}${formField(typed)}<div class="form-actions">${button({ label: `Delete ${count}`, kind: 'danger' })}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></form></div>`;
  return layout(shell, {
    title: `Delete ${count}`,
    crumbs: view.crumbs,
    heading: `Delete ${count} for good?`,
    lede: 'They go from their repositories. Their lines stay here, with who deleted them and when.',
    content,
  });
}
