/** Getting a snapshot back: what, where to, how, and the confirmation, as one page. */
import { attrs, type Html, html } from '../../html.ts';
import { button, hiddenInputs, linkButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { errorSummary, type Field, formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { type ChoiceSearch, choiceSearch } from '../forms/choice-search.view.ts';
import { type SnapshotState, snapshotStatus } from '../snapshots/snapshots.view.ts';
import { type ChoiceView, choicePart } from './restore-choice.view.ts';
import { type PreviewView, previewPart } from './restore-preview.view.ts';
import { createPrivilegesField, createRoomField, createSpeedField } from './restore-speed.view.ts';

/** The fourth step, which a preview replaces. */
export const FILES_CONFIRM_ID = 'restore-files-confirm';

export type PlaceChoice = { readonly value: string; readonly label: string; readonly disabled?: boolean | undefined };

/** What the page shows whatever is restored. */
export type RestoreFrame = {
  readonly crumbs: readonly Crumb[];
  readonly heading: string;
  /** Of a snapshot; what is no snapshot has none. */
  readonly state?: SnapshotState | undefined;
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly action: string;
  readonly cancelHref: string;
  /** Where `cancelHref` leads; left out: `Back to the snapshot`. */
  readonly cancelLabel?: string | undefined;
  /** Other snapshots of the same source; undefined where the source is gone. */
  readonly choice?: ChoiceView | undefined;
  /** Why it cannot be restored at all; then there is no form. */
  readonly refusal?: string | undefined;
  /** With a refusal: the same backup where it can be restored from. */
  readonly elsewhere?: { readonly label: string; readonly href: string } | undefined;
};

export type RestoreView = RestoreFrame & {
  readonly places: readonly PlaceChoice[];
  readonly search?: ChoiceSearch | undefined;
  /** Where single files are chosen instead. */
  readonly filesHref: string;
  /** Why some host is not among them. */
  readonly placesHelp: string;
  /** Why another directory than usual is proposed. */
  readonly targetHelp?: string | undefined;
  readonly values: {
    readonly place: string;
    readonly target: string;
    /** As typed. */
    readonly downloadKiBps: string;
    readonly acceptLittleRoom: boolean;
    readonly keepPrivileges: boolean;
    readonly understood: boolean;
  };
  /** What the host counted for just these values; undefined until it was asked. */
  readonly preview?: PreviewView | undefined;
  /** There seems to be less room than the files need. */
  readonly isTight: boolean;
  /** What will happen, in order. */
  readonly how: readonly string[];
  readonly confirm: string;
  readonly problem?: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
};

/** The page: what is restored, and the form unless there is a reason against it. */
export function restoreFrame(shell: Shell, frame: RestoreFrame, summary: Html, content: () => Html): Html {
  const what = panel({
    title: '1 · What',
    aside: frame.state && snapshotStatus(frame.state),
    content: html`<div class="stack">${facts(frame.facts)}${frame.choice && choicePart(frame.choice)}</div>`,
  });
  const wayOn = frame.elsewhere
    ? linkButton({ ...frame.elsewhere, kind: 'primary' })
    : linkButton({ href: frame.cancelHref, label: frame.cancelLabel ?? 'Back to the snapshot' });
  const inner =
    frame.refusal !== undefined
      ? html`${callout({ tone: 'problem', text: frame.refusal, action: wayOn })}${what}`
      : html`${what}${content()}`;
  return layout(shell, {
    title: 'Restore',
    crumbs: frame.crumbs,
    heading: frame.heading,
    content: html`<div class="stack narrow">${summary}${inner}</div>`,
  });
}

export function restorePage(shell: Shell, view: RestoreView): Html {
  const part = callout({
    tone: 'notice',
    text: 'This brings back everything. Single files and directories, also in place or as an archive, are chosen among its files.',
    action: linkButton({ href: view.filesHref, label: 'Choose files…', small: true }),
  });
  const summary = html`${errorSummary(wrongFields(view.errors, LABELS), view.problem)}${view.refusal === undefined && part}`;
  return restoreFrame(shell, view, summary, () => restoreForm(view));
}

const LABELS: Readonly<Record<string, string>> = {
  place: 'Host',
  target: 'New directory',
  downloadKiBps: 'Speed limit',
  acceptLittleRoom: 'Room on the disk',
  understood: 'Confirmation',
};

function placeField(view: RestoreView): Field {
  return {
    name: 'place',
    label: 'Host',
    kind: 'select',
    required: true,
    value: view.values.place,
    options: view.places,
    help: view.placesHelp,
    error: view.errors['place'],
  };
}

function targetField(view: RestoreView): Field {
  return {
    name: 'target',
    label: 'New directory',
    kind: 'text',
    required: true,
    mono: true,
    value: view.values.target,
    help: html`An absolute path on that host that does not exist yet, or is empty.${view.targetHelp !== undefined && ` ${view.targetHelp}`}`,
    error: view.errors['target'],
  };
}

function restoreForm(view: RestoreView): Html {
  const where = panel({
    title: '2 · Where to',
    content: html`<div class="fields">${choiceSearch(view.search)}${formField(placeField(view))}${formField(targetField(view))}${formField(createPrivilegesField(view.values.keepPrivileges))}${formField(createSpeedField(view.values.downloadKiBps, view.errors['downloadKiBps']))}</div>`,
  });
  const how = panel({
    title: '3 · How',
    content: rows(
      view.how.map((step, at) => ({
        title: html`<span class="check-line"><span class="quiet num">${at + 1}</span><span>${step}</span></span>`,
      })),
    ),
  });
  return html`<form class="stack" method="post" action="${view.action}">${where}${how}${filesConfirm(view)}</form>`;
}

/** The last step, which a preview replaces; what is wrong with what was typed stands in it then. */
export function filesConfirmPart(view: RestoreView): Html {
  return html`<div id="${FILES_CONFIRM_ID}" class="stack">${errorSummary(wrongFields(view.errors, LABELS), view.problem)}${confirmStep(view)}</div>`;
}

function filesConfirm(view: RestoreView): Html {
  return html`<div id="${FILES_CONFIRM_ID}" class="stack">${confirmStep(view)}</div>`;
}

function confirmStep(view: RestoreView): Html {
  const look = html`<button class="button button-secondary" type="submit" id="look" name="act" value="look" formnovalidate hx-post="${view.action}" hx-target="#${FILES_CONFIRM_ID}" hx-swap="outerHTML" hx-sync="closest form:replace"><span>Preview it</span></button>`;
  const room =
    view.isTight &&
    html`${hiddenInputs({ roomAsked: 'true' })}${formField(createRoomField(view.values.acceptLittleRoom, view.errors['acceptLittleRoom']))}`;
  return panel({
    title: '4 · Confirm',
    content: html`<div class="stack">${view.preview && previewPart(view.preview)}${room}${confirmBox(view)}<div class="form-actions">${button({ label: 'Start the restore', kind: 'primary' })}${look}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></div>`,
  });
}

/**
 * The tick without which nothing is begun. `agreed` names what it agrees to: while that stays the same, a tick outlives looks at the target, also
 * one that was begun before it was set.
 */
export function confirmBox(view: {
  readonly confirm: string;
  readonly agreed?: string | undefined;
  readonly values: { readonly understood: boolean };
  readonly errors: Readonly<Record<string, string>>;
}): Html {
  const error = view.errors['understood'];
  const marks = {
    checked: view.values.understood,
    'aria-invalid': error === undefined ? null : 'true',
    'data-agreed': view.agreed ?? null,
  };
  return html`<div class="field"><label class="check"><input type="checkbox" name="understood" value="true" required id="f-understood" ${attrs(marks)}><span>${view.confirm}</span></label>${error !== undefined && html`<p class="error">${error}</p>`}</div>`;
}

/** The fields at fault, for the summary. */
export function wrongFields(
  errors: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): readonly Field[] {
  return Object.entries(errors).map(([name, error]) => ({ name, label: labels[name] ?? name, kind: 'text', error }));
}
