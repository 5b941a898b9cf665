/** Getting chosen files back: what, where to and how, what it would do in numbers, and the confirmation. */
import { attrs, type Html, html } from '../../html.ts';
import { button, hiddenInputs, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { errorSummary, type Field, formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type ChoiceSearch, choiceSearch } from '../forms/choice-search.view.ts';
import { type PreviewView, previewPart } from './restore-preview.view.ts';
import { createPrivilegesField, createRoomField, createSpeedField } from './restore-speed.view.ts';

export type FileWay = 'directory' | 'in_place' | 'tar' | 'zip' | 'file';

export type RestoreFilesView = {
  readonly crumbs: readonly Crumb[];
  readonly heading: string;
  readonly action: string;
  readonly backHref: string;
  /** The chosen paths, as sent and as shown; those beyond the first are counted in `moreChosen`. */
  readonly paths: readonly string[];
  readonly shownPaths: readonly string[];
  readonly moreChosen?: string | undefined;
  readonly hosts: readonly { readonly value: string; readonly label: string; readonly disabled?: boolean | undefined }[];
  readonly search?: ChoiceSearch | undefined;
  readonly hostsHelp: string;
  /** Why another directory than usual is proposed. */
  readonly targetHelp?: string | undefined;
  readonly ways: readonly {
    readonly value: FileWay;
    readonly label: string;
    readonly help: string;
    /** Why the chosen host refuses it. */
    readonly refusal?: string | undefined;
  }[];
  readonly values: {
    readonly way: FileWay;
    readonly host: string;
    readonly target: string;
    readonly hostName: string;
    readonly safetyBackup: boolean;
    /** As typed. */
    readonly downloadKiBps: string;
    readonly acceptLittleRoom: boolean;
    readonly keepPrivileges: boolean;
  };
  /** What the host counted for just these values. */
  readonly preview?: PreviewView | undefined;
  /** Undefined until everything was counted; then the verb on the button. */
  readonly start?: string | undefined;
  /** There seems to be less room than the files need. */
  readonly isTight: boolean;
  /** The name to type, where files are replaced. */
  readonly typedName?: string | undefined;
  /** Where a safety backup goes; undefined where nothing is replaced. */
  readonly safetyPlace?: string | undefined;
  readonly problem?: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
};

const LABELS: Readonly<Record<string, string>> = {
  host: 'Host',
  target: 'Path on the host',
  hostName: 'Name of the host',
  way: 'How',
  paths: 'What was chosen',
  downloadKiBps: 'Speed limit',
  acceptLittleRoom: 'Room on the disk',
};

export function restoreFilesPage(shell: Shell, view: RestoreFilesView): Html {
  const wrong: Field[] = Object.entries(view.errors).map(([name, error]) => ({
    name,
    label: LABELS[name] ?? name,
    kind: 'text',
    error,
  }));
  return layout(shell, {
    title: 'Restore files',
    crumbs: view.crumbs,
    heading: view.heading,
    actions: view.paths.length > 0 && linkButton({ href: view.backHref, label: 'Choose others' }),
    content:
      view.paths.length === 0
        ? nothingChosen(view)
        : html`<form class="stack" method="post" action="${view.action}">${view.paths.map((path) => hiddenInputs({ path }))}${errorSummary(wrong, view.problem)}${whatPanel(view)}${wherePanel(view)}${effectPanel(view)}${confirmPanel(view)}</form>`,
  });
}

/** Only the step that can be taken. */
function nothingChosen({ backHref }: RestoreFilesView): Html {
  const content = emptyState({
    icon: 'folder',
    title: 'Nothing was ticked.',
    text: 'Tick files and directories of the snapshot; where they go and what that does is asked then.',
    action: linkButton({ href: backHref, label: 'Choose files', kind: 'primary' }),
  });
  return panel({ title: '1 · What', content });
}

function whatPanel(view: RestoreFilesView): Html {
  const { shownPaths, moreChosen } = view;
  return panel({
    title: '1 · What',
    content: html`<ul class="choices">${shownPaths.map((path) => html`<li class="mono small">${path}</li>`)}${moreChosen !== undefined && html`<li class="quiet">${moreChosen}</li>`}</ul>`,
  });
}

function wherePanel({ ways, values, hosts, search, hostsHelp, targetHelp, errors }: RestoreFilesView): Html {
  const choices = ways.map(
    ({ value, label, help, refusal }) =>
      html`<label class="check"><input type="radio" name="way" ${attrs({ value, checked: value === values.way, disabled: refusal !== undefined })}><span>${label}<span class="help choice-help">${refusal === undefined ? help : `Not available: ${refusal}.`}</span></span></label>`,
  );
  const host = formField({
    name: 'host',
    label: 'On the host',
    kind: 'select',
    required: true,
    options: hosts,
    value: values.host,
    help: hostsHelp,
    error: errors['host'],
  });
  const target = formField({
    name: 'target',
    label: 'Path on the host',
    unneeded: 'not for in place',
    kind: 'text',
    mono: true,
    value: values.target,
    help: html`A new directory, or the name of the new file; the user that the agent runs as must be allowed to make it.${targetHelp !== undefined && ` ${targetHelp}`}`,
    error: errors['target'],
  });
  const privileges = values.way === 'directory' && formField(createPrivilegesField(values.keepPrivileges));
  const speed = formField(createSpeedField(values.downloadKiBps, errors['downloadKiBps']));
  const way = html`<fieldset class="field" id="f-way" tabindex="-1"><legend>How</legend><div class="choices">${choices}</div></fieldset>`;
  return panel({
    title: '2 · Where to',
    content: html`<div class="fields">${way}${choiceSearch(search)}${host}${target}${privileges}${speed}</div>`,
  });
}

function effectPanel({ preview }: RestoreFilesView): Html {
  const look = button({
    label: preview === undefined ? 'Preview it' : 'Preview again',
    kind: preview === undefined ? 'primary' : 'secondary',
    name: 'act',
    value: 'look',
  });
  const content =
    preview === undefined
      ? html`<div class="stack"><p>The host counts what would be written, and what stands in its place. The preview changes nothing.</p><div class="form-actions">${look}</div></div>`
      : html`<div class="stack">${previewPart(preview)}<div class="form-actions">${look}</div></div>`;
  return panel({ title: '3 · What it does', content });
}

function confirmPanel(view: RestoreFilesView): Html | false {
  const { start, isTight, typedName, safetyPlace, values, errors } = view;
  if (start === undefined) return false;
  const safety =
    safetyPlace !== undefined &&
    html`${hiddenInputs({ safetyAsked: 'true' })}${formField({
      name: 'safetyBackup',
      label: 'Back up what stands there first',
      kind: 'checkbox',
      value: values.safetyBackup,
      help: `Everything at the chosen paths goes into ${safetyPlace}, as a run of its own, before the first file is replaced; when that fails, nothing is replaced. No retention removes it.`,
    })}`;
  const room =
    isTight &&
    html`${hiddenInputs({ roomAsked: 'true' })}${formField(createRoomField(values.acceptLittleRoom, errors['acceptLittleRoom']))}`;
  const typed =
    typedName !== undefined &&
    formField({
      name: 'hostName',
      label: `Type ${typedName} to replace files on it`,
      kind: 'text',
      required: true,
      value: values.hostName,
      autocomplete: 'off',
      attributes: { spellcheck: 'false' },
      error: errors['hostName'],
    });
  const act = button({
    label: start,
    kind: typedName === undefined ? 'primary' : 'danger',
    name: 'act',
    value: 'start',
  });
  return panel({
    title: '4 · Confirm',
    content: html`<div class="stack">${room}${safety}${typed}<div class="form-actions">${act}${linkButton({ href: view.backHref, label: 'Cancel', kind: 'quiet' })}</div></div>`,
  });
}
