/** What is asked at every drill of a source, and how often one is due. */
import { type Html, html } from '../../html.ts';
import { type Field, type FieldOption, form } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { type ChoiceSearch, choiceSearch, orNone, searchedField } from '../forms/choice-search.view.ts';

/** Of the form that starts one drill: two forms of the page have a server, and this one its own name before it. */
export const NOW = 'now';
export const NOW_SERVER = `${NOW}-server`;

export type OnServerView = {
  readonly action: string;
  readonly servers: readonly FieldOption[];
  readonly chosen: string | undefined;
  /** Where there are more than the select offers. */
  readonly search: ChoiceSearch | undefined;
};

export type QuestionText = { readonly sql: string; readonly operator: string; readonly value: string };

export type SourceDrillsView = {
  readonly name: string;
  readonly crumbs: readonly Crumb[];
  readonly action: string;
  readonly cancelHref: string;
  /** Where the rhythm that holds now comes from; undefined where drills take place only by hand. */
  readonly rhythm:
    | { readonly kind: 'own' }
    | { readonly kind: 'plan'; readonly words: string; readonly name: string; readonly href: string }
    | undefined;
  readonly everyDays: string;
  readonly withinDays: string;
  readonly everyRuns: string;
  /** The chosen one of `hosts`. */
  readonly host: string;
  readonly hosts: readonly FieldOption[];
  /** Where there are more than the select offers. */
  readonly search: ChoiceSearch | undefined;
  /** The chosen one of `servers`, which is empty where nothing could be restored into one. */
  readonly server: string;
  readonly servers: readonly FieldOption[];
  /** Where there are more servers than the select offers. */
  readonly serverSearch: ChoiceSearch | undefined;
  /** With empty ones to fill in; undefined where nothing can be asked. */
  readonly questions: readonly QuestionText[] | undefined;
  readonly operators: readonly FieldOption[];
  /** Servers into which a drill can restore, and where one is started; undefined where there is none. */
  readonly onServer: OnServerView | undefined;
  readonly daysMax: number;
  readonly runsMax: number;
  readonly problem: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
};

function questionFields(view: SourceDrillsView, question: QuestionText, index: number): readonly Field[] {
  const number = index + 1;
  return [
    {
      kind: 'textarea',
      name: `sql-${index}`,
      label: `Question ${number}`,
      value: question.sql,
      mono: true,
      placeholder: "select count(*) from orders where created > now() - interval '2 days'",
      attributes: { rows: 2 },
    },
    {
      kind: 'select',
      name: `operator-${index}`,
      label: `Answer ${number} must be`,
      required: true,
      value: question.operator,
      options: view.operators,
    },
    { kind: 'text', name: `value-${index}`, label: `Value ${number}`, value: question.value, mono: true, placeholder: '0' },
  ];
}

/** Why drills are due when they are. */
function rhythmText(rhythm: SourceDrillsView['rhythm']): Html {
  if (rhythm === undefined) return html``;
  if (rhythm.kind === 'own')
    return html`<p>This source has a rhythm of its own: what its plans say of drills does not count for it.</p>`;
  return html`<p>Drills are due ${rhythm.words}, as the plan <a href="${rhythm.href}">${rhythm.name}</a> says. Days or backups entered here count instead.</p>`;
}

export function sourceDrillsPage(shell: Shell, view: SourceDrillsView): Html {
  const days = { kind: 'number', unit: 'days', min: 1, max: view.daysMax } as const;
  return layout(shell, {
    title: `Drills of ${view.name}`,
    crumbs: view.crumbs,
    heading: html`How shall ${view.name} prove that it can be recovered?`,
    content: html`<div class="stack"><div class="panel narrow">${form({
      action: view.action,
      cancelHref: view.cancelHref,
      submit: { label: 'Save' },
      intro: rhythmText(view.rhythm),
      problem: view.problem,
      after: choiceSearch(view.search),
      sections: [
        {
          fields: [
            {
              ...days,
              name: 'everyDays',
              label: 'A drill every',
              value: view.everyDays,
              error: view.errors['everyDays'],
              help: 'Empty, as the next one: what a plan of the source says, or only by hand. One that is due while its host is away waits for it.',
            },
            {
              kind: 'number',
              unit: 'clean backups',
              min: 1,
              max: view.runsMax,
              name: 'everyRuns',
              label: 'A drill after',
              value: view.everyRuns,
              error: view.errors['everyRuns'],
              help: 'Counted since the last drill began. Empty: backups bring none about.',
            },
            {
              ...days,
              name: 'withinDays',
              label: 'A proof counts for',
              value: view.withinDays,
              error: view.errors['withinDays'],
              help: 'An older proof puts the source at risk. Empty: as its plan, a tag or the fleet says, and where none of them does, a proof counts for ever.',
            },
            {
              kind: 'select',
              name: 'host',
              label: 'Drills take place on',
              required: true,
              value: view.host,
              options: view.hosts,
              error: view.errors['host'],
              help: 'Another host needs the tools and a way to the repository, and gets its secrets for the time of the drill.',
            },
            ...(view.servers.length === 0 ? [] : [searchedField(serverField(view), view.serverSearch)]),
          ],
        },
        ...(view.questions === undefined
          ? []
          : [
              {
                title: 'Questions',
                help: 'SQL that gives one value, asked of the restored database and never of the live one, by an account that can only read. An empty question is left out.',
                fields: view.questions.flatMap((question, index) => questionFields(view, question, index)),
              },
            ]),
      ],
    })}</div>${view.onServer !== undefined && onServerPanel(view.onServer)}</div>`,
  });
}

export function serverField({ server, servers, errors }: SourceDrillsView): Field {
  return {
    kind: 'select',
    name: 'server',
    label: 'Drills restore into',
    required: true,
    value: server,
    options: servers,
    error: errors['server'],
    help: 'A database server of the host on which drills take place: into a new database of its own, which is dropped whatever happens. Everything is done with the rights of that connection.',
  };
}

export function nowServerField({ servers, chosen, search }: OnServerView): Field {
  return { kind: 'select', name: NOW_SERVER, label: 'Server', required: true, ...orNone(servers, chosen, search) };
}

/** One drill, at once; what is typed above is not saved by it. */
function onServerPanel(view: OnServerView): Html {
  return html`<div class="panel narrow">${form({
    action: view.action,
    submit: { label: 'Drill there now', kind: 'secondary' },
    sections: [
      {
        title: 'Into a database of a server',
        help: 'The newest good backup is restored into a new database of this server, looked at, and dropped again. Everything is done with the rights of the connection, which needs those to create databases.',
        fields: [searchedField(nowServerField(view), view.search)],
      },
    ],
  })}</div>`;
}
