/** Getting a database back: what, where to, how, and the confirmation, as one page. */
import type { RestoreMode, RoleChoice } from '@holdfast/shared/domain/restore.ts';
import { attrs, type Html, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { callout, type Flash } from '../../ui/flash.ts';
import { errorSummary, type Field, type FieldSection, fieldSection, formField } from '../../ui/form.ts';
import type { Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type ChoiceSearch, choiceSearch } from '../forms/choice-search.view.ts';
import { confirmBox, type PlaceChoice, type RestoreFrame, restoreFrame, wrongFields } from './restore.view.ts';
import { createSpeedField } from './restore-speed.view.ts';

/** The fourth step, which a look at the target replaces. */
export const CONFIRM_ID = 'restore-confirm';

export type DatabaseRestoreView = RestoreFrame & {
  readonly places: readonly PlaceChoice[];
  readonly search?: ChoiceSearch | undefined;
  /** Why some host is not among them. */
  readonly placesHelp: string;
  readonly modes: readonly {
    readonly value: RestoreMode;
    readonly label: string;
    readonly consequence: string;
    /** Why the host of the chosen connection refuses it. */
    readonly refusal?: string | undefined;
  }[];
  /** Why others are not among them, or what they all have in common. */
  readonly modesHelp?: string | undefined;
  /** Read before anybody decides, as a sentence above the form. */
  readonly warning?: string | undefined;
  /** Where a safety backup may go; undefined where that is no choice. */
  readonly repositories?: readonly PlaceChoice[] | undefined;
  /** Whether the name of the database has to be typed once more. */
  readonly needsName?: boolean | undefined;
  /** Options that there are not here. */
  readonly without?: ReadonlySet<string> | undefined;
  /** Whether sessions can be ended here; `onlyWait`: they are no reason to refuse. */
  readonly sessions: { readonly canEnd: boolean; readonly onlyWait: boolean };
  /** Tables of this engine lie in schemas. */
  readonly hasSchemas: boolean;
  /** Whether the dump can also be restored from the host's disk. */
  readonly canJump: boolean;
  /** The most connections one may wish. */
  readonly jobsMax: number;
  /** Whether roles were stored beside the data. */
  readonly hasRoles: boolean;
  readonly values: {
    readonly place: string;
    readonly target: string;
    readonly mode: RestoreMode;
    /** As typed, one a line. */
    readonly tables: string;
    readonly endSessions: boolean;
    readonly safetyBackup: boolean;
    readonly readFirst: boolean;
    readonly owners: boolean;
    readonly acceptOlderServer: boolean;
    readonly acceptLittleRoom: boolean;
    /** As typed. */
    readonly downloadKiBps: string;
    /** As typed. */
    readonly jobs: string;
    /** Empty: none are made. */
    readonly roles: RoleChoice | '';
    /** The id of the one a safety backup goes to; empty where that is no choice. */
    readonly repository: string;
    /** Whom to connect as; empty: the connection's own user. What was typed as the password is no value of a view. */
    readonly connectAs: string;
    /** As typed, where it has to be. */
    readonly databaseName: string;
    readonly understood: boolean;
  };
  /** What the host found at the target; empty before it was asked. */
  readonly seen: readonly Flash[];
  readonly confirm: string;
  /** Names what the tick agrees to: another name for another sentence, target, way or finding. */
  readonly agreed: string;
  readonly problem?: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
};

const LABELS: Readonly<Record<string, string>> = {
  place: 'Server connection',
  target: 'Database',
  connectAs: 'User',
  password: 'Password',
  mode: 'Way',
  tables: 'Tables',
  downloadKiBps: 'Speed limit',
  jobs: 'Connections',
  roles: 'Roles',
  repository: 'Safety backup',
  databaseName: 'Name of the database',
  understood: 'Confirmation',
};

export function databaseRestorePage(shell: Shell, view: DatabaseRestoreView): Html {
  const summary = errorSummary(wrongFields(view.errors, LABELS), view.problem);
  return restoreFrame(
    shell,
    view,
    summary,
    () =>
      html`${view.warning !== undefined && callout({ tone: 'notice', text: view.warning })}<form class="stack" method="post" action="${view.action}">${wherePanel(view)}${howPanel(view)}${confirmPanel(view)}</form>`,
  );
}

function wherePanel({ values, places, search, placesHelp, errors }: DatabaseRestoreView): Html {
  const place: Field = {
    name: 'place',
    label: 'Server connection',
    kind: 'select',
    required: true,
    value: values.place,
    options: places,
    help: placesHelp,
    error: errors['place'],
  };
  const target: Field = {
    name: 'target',
    label: 'Database',
    kind: 'text',
    required: true,
    mono: true,
    value: values.target,
    help: 'A new name leaves everything that exists alone. The name of a database that exists is for the other ways below.',
    error: errors['target'],
  };
  const as = fieldSection(connectAsSection(values.connectAs, errors));
  return panel({
    title: '2 · Where to',
    content: html`<div class="fields">${choiceSearch(search)}${formField(place)}${formField(target)}${as}</div>`,
  });
}

/** Said where a page is shown anew of a form that had one. */
export const PASSWORD_AGAIN = 'Type it once more: no page gives it back.';

/** Another user than the connection's own. Neither field is what a browser keeps or fills in by itself. */
const connectAsSection = (user: string, errors: Readonly<Record<string, string>>): FieldSection => ({
  title: 'Connect as another user',
  help: 'Where the connection’s own user may only read. The password goes to the host sealed, for this restore alone, and is kept nowhere. What is made belongs to this user, but for what owners and grants say.',
  folded: true,
  open: user !== '',
  fields: [
    {
      name: 'connectAs',
      label: 'User',
      kind: 'text',
      mono: true,
      autocomplete: 'off',
      value: user,
      help: 'Empty: the connection’s own user.',
      error: errors['connectAs'],
    },
    {
      name: 'password',
      label: 'Password',
      kind: 'password',
      unneeded: 'with a user',
      autocomplete: 'new-password',
      secret: { stored: false },
      help: user !== '' && errors['password'] === undefined ? PASSWORD_AGAIN : undefined,
      error: errors['password'],
    },
  ],
});

function howPanel(view: DatabaseRestoreView): Html {
  const { values, modes, errors, action } = view;
  const error = errors['mode'];
  const choices = modes.map(
    ({ value, label, consequence, refusal }) =>
      html`<label class="check"><input type="radio" name="mode" ${attrs({ value, checked: value === values.mode, disabled: refusal !== undefined })}><span>${label} <span class="quiet">${refusal === undefined ? consequence : `Not available: ${refusal}.`}</span></span></label>`,
  );
  const only = view.modesHelp !== undefined && html`<p class="help">${view.modesHelp}</p>`;
  const ways = html`<fieldset class="field" id="f-mode" tabindex="-1"><legend>Way</legend><div class="choices">${choices}</div>${only}${error !== undefined && html`<p class="error">${error}</p>`}</fieldset>`;
  const has = (mode: RestoreMode) => modes.some(({ value }) => value === mode);
  const tables: Field = {
    name: 'tables',
    label: 'Tables',
    kind: 'textarea',
    mono: true,
    value: values.tables,
    placeholder: view.hasSchemas ? 'public.orders' : 'orders',
    help: `For “Chosen tables”: one a line${view.hasSchemas ? ', with its schema before a dot' : ''}; odd names in double quotes.`,
    error: errors['tables'],
  };
  const overwriting = modes.length > 1 ? listOverwriting(view).map(formField) : [];
  const options = fieldSection({ title: 'More options', folded: true, fields: listOptions(view) });
  return panel({
    title: '3 · How',
    content: html`<div class="fields" hx-post="${action}" hx-trigger="change" hx-include="closest form" hx-target="#${CONFIRM_ID}" hx-swap="outerHTML" hx-sync="closest form:replace">${ways}${has('tables') && formField(tables)}${overwriting}${options}</div>`,
  });
}

type Tick = 'safetyBackup' | 'endSessions' | 'readFirst' | 'owners' | 'acceptOlderServer' | 'acceptLittleRoom';

const createTick = ({ values }: DatabaseRestoreView, name: Tick, label: string, help: string): Field => ({
  name,
  label,
  kind: 'checkbox',
  value: values[name],
  help,
});

const createRepositoryField = ({ values, errors }: DatabaseRestoreView, options: readonly PlaceChoice[]): Field => ({
  name: 'repository',
  label: 'Into the repository',
  kind: 'select',
  required: true,
  value: values.repository,
  options,
  help: 'Where the safety backup goes. Nothing else of this restore touches it.',
  error: errors['repository'],
});

/** What matters where something exists. */
const listOverwriting = (view: DatabaseRestoreView): readonly Field[] => [
  createTick(
    view,
    'safetyBackup',
    'Back up what is there first',
    view.repositories === undefined
      ? 'Into the same repository, before anything is changed; when that fails, nothing is changed. No retention removes it.'
      : 'Before anything is changed; when that fails, nothing is changed. No retention removes it.',
  ),
  ...(view.repositories === undefined ? [] : [createRepositoryField(view, view.repositories)]),
  ...(view.sessions.canEnd
    ? [
        createTick(
          view,
          'endSessions',
          'End sessions in the database',
          view.sessions.onlyWait
            ? 'Right before the new tables take their place. Otherwise that step waits half a minute for tables in use, and then gives up. Takes a user who may end them.'
            : 'Otherwise the restore is refused while others are connected, where the way needs the database for itself.',
        ),
      ]
    : []),
];

const createRolesField = ({ values, errors }: DatabaseRestoreView): Field => ({
  name: 'roles',
  label: 'Roles',
  kind: 'select',
  value: values.roles,
  options: [
    { value: '', label: 'make none' },
    { value: 'needed', label: 'make those that owners and grants name' },
    { value: 'all', label: 'make all that were stored' },
  ],
  help: 'Before the database, where they are missing. Roles that exist stay as they are. Takes a user with CREATEROLE.',
  error: errors['roles'],
});

const createJobsField = ({ values, errors, jobsMax }: DatabaseRestoreView): Field => ({
  name: 'jobs',
  label: 'Connections',
  kind: 'number',
  min: 1,
  max: jobsMax,
  value: values.jobs,
  help: 'With a number the dump is brought to the host’s disk first, which takes room for it, and restored from there. Clean, append and data only are one transaction: one connection. Empty: it streams.',
  error: errors['jobs'],
});

function listOptions(view: DatabaseRestoreView): readonly Field[] {
  const all: readonly Field[] = [
    createTick(
      view,
      'readFirst',
      'Read the whole backup first',
      'Once all of it is read nothing that exists has changed anyway; with this nothing new is made before either. It reads the repository twice.',
    ),
    createTick(
      view,
      'owners',
      'Owners and grants',
      'Where the roles exist on that server. Without it everything belongs to the restoring user.',
    ),
    ...(view.hasRoles ? [createRolesField(view)] : []),
    ...(view.canJump ? [createJobsField(view)] : []),
    createTick(
      view,
      'acceptLittleRoom',
      'Accept a disk that seems too small',
      'Otherwise the restore is refused where the server’s disk has less room than the backup needs, as far as the host sees.',
    ),
    createTick(view, 'acceptOlderServer', 'Accept an older server', 'It may not understand everything that a newer one wrote.'),
    createSpeedField(view.values.downloadKiBps, view.errors['downloadKiBps']),
  ];
  return all.filter(({ name }) => view.without?.has(name) !== true);
}

const createNameField = ({ values, errors }: DatabaseRestoreView): Field => ({
  name: 'databaseName',
  label: 'Name of the database',
  kind: 'text',
  required: true,
  mono: true,
  autocomplete: 'off',
  value: values.databaseName,
  help: 'Once more, because this way changes what is in it.',
  error: errors['databaseName'],
});

/** What stands at the target, and the tick without which nothing is begun. */
export function confirmPanel(view: DatabaseRestoreView): Html {
  const seen = view.seen.map((flash) => callout(flash));
  const name = view.needsName === true && formField(createNameField(view));
  const lookButton = html`<button class="button button-secondary" type="submit" id="look" name="act" value="look" formnovalidate hx-post="${view.action}" hx-target="#${CONFIRM_ID}" hx-swap="outerHTML" hx-sync="closest form:replace"><span>Look at the target</span></button>`;
  return html`<div id="${CONFIRM_ID}">${panel({
    title: '4 · Confirm',
    content: html`<div class="stack"><div class="stack" aria-live="polite">${seen}</div>${name}${confirmBox(view)}<div class="form-actions">${button({ label: 'Start the restore', kind: 'primary' })}${lookButton}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></div>`,
  })}</div>`;
}
