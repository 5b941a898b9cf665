/** The recovery sheet, made to be printed: what opens each repository without Holdfast. No password is in it. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatCount } from '../../ui/quantity.ts';
import { type Clockface, stampTime } from '../../ui/time.ts';
import { type PasswordView, passwordLine } from './repository-password.view.ts';

export interface SheetSourceView {
  id: string;
  title: string;
  kind: string;
  newest: { engineId: string; createdAt: number } | undefined;
  lines: readonly string[];
}

export interface SheetRepositoryView {
  id: string;
  name: string;
  href: string;
  kind: string;
  where: string;
  onHost: string | undefined;
  engineId: string | undefined;
  password: PasswordView;
  /** When what opens it was sealed to the recovery key; undefined: it is not, as it is now. */
  sealedAt: number | undefined;
  /** Undefined for who may not, and while no host has opened it. */
  proveHref: string | undefined;
  opening: readonly string[];
  blanks: readonly { word: string; label: string }[];
  sources: readonly SheetSourceView[];
  more: number;
}

export interface RecoverySheetView {
  face: Clockface;
  crumbs: readonly Crumb[];
  madeAt: number;
  repositories: readonly SheetRepositoryView[];
  addHref: string | undefined;
  recoveryKey: { href: string; recipient: string | undefined };
}

export function recoverySheetPage(shell: Shell, view: RecoverySheetView): Html {
  const { repositories, face, madeAt, addHref, recoveryKey } = view;
  return layout(shell, {
    title: 'Recovery sheet',
    heading: answerOf(repositories),
    lede: html`<span>Made ${stampTime(madeAt, face)}. Print it, write each password beside its repository or where it is kept, and keep the paper where neither this server nor its hosts are needed to read it.</span>`,
    crumbs: view.crumbs,
    actions: linkButton({ href: recoveryKey.href, label: 'Recovery key' }),
    content: html`<div class="stack">${
      repositories.length === 0
        ? html`<section class="panel">${emptyState({
            icon: 'lock',
            title: 'There is no repository yet',
            text: 'The sheet says how each is opened with restic alone.',
            action: addHref === undefined ? undefined : linkButton({ href: addHref, label: 'Add repository', kind: 'primary' }),
          })}</section>`
        : html`${callout({
            tone: 'notice',
            text: 'Restore into a new place, and take a snapshot that a clean run vouches for where you know it: one of the list may be partial, and one tagged plan:safety is what a restore was about to change.',
          })}${keyNote(recoveryKey)}${repositories.map((repository) => repositoryPanel(repository, face))}`
    }</div>`,
  });
}

function keyNote({ href, recipient }: RecoverySheetView['recoveryKey']): Html {
  return callout({
    tone: 'notice',
    text:
      recipient === undefined
        ? html`With a <a href="${href}">recovery key</a>, what stands here is also sealed, passwords included, and lies in every copy of this server’s database and on the hosts: a key that you keep then opens it.`
        : html`Sealed copies for the recovery key <code>${recipient}</code> lie in every copy of this server’s database, and on the hosts that use a repository. <code>age -d -i recovery-key.txt</code> opens them.`,
  });
}

function answerOf(repositories: readonly SheetRepositoryView[]): string {
  const open = repositories.filter(({ password }) => password.standing === 'never' || password.standing === 'old').length;
  if (repositories.length === 0) return 'There is nothing to recover yet.';
  if (open === 0) return 'What opens your repositories without Holdfast.';
  const whose = open === 1 ? 'one repository' : `${formatCount(open)} repositories`;
  return `Nobody has proven lately that the password of ${whose} is kept elsewhere.`;
}

function repositoryPanel(view: SheetRepositoryView, face: Clockface): Html {
  const { id, name, href, kind, where, onHost, engineId, password, sealedAt, proveHref, opening, blanks, sources, more } = view;
  return panel({
    id: `sheet-${id}`,
    title: html`<a href="${href}">${name}</a>`,
    aside: kind,
    content: html`<div class="stack">${facts([
      { label: 'Address', value: html`<code>${where}</code>${onHost !== undefined && html` on the disk of ${onHost}`}` },
      {
        label: 'restic’s id',
        value:
          engineId === undefined ? html`<span class="quiet">not opened yet</span>` : html`<code class="mono">${engineId}</code>`,
      },
      { label: 'Password', value: passwordLine(password, face) },
      ...(sealedAt === undefined ? [] : [{ label: 'Sealed copy', value: stampTime(sealedAt, face) }]),
      { label: 'It is kept', value: html`<span class="quiet">to be filled in by hand: ________________________________</span>` },
    ])}<p>On any machine with restic 0.14 or newer, these lines open it; what is indented goes on with the line above:</p>${shellLines([...opening, 'restic snapshots'])}${
      blanks.length > 0 &&
      html`<p>In them replace ${blanks.map(({ word, label }, place) => html`${place > 0 && ', '}<code>${word}</code> (${label})`)}.</p>`
    }${sources.map((source) => sourcePart(source, face))}${
      more > 0 &&
      html`<p class="quiet">${formatCount(more)} more sources are not named here; <code>restic snapshots</code> lists all.</p>`
    }</div>`,
    foot: proveHref === undefined ? undefined : linkButton({ href: proveHref, label: 'Prove the password…', small: true }),
  });
}

function sourcePart({ id, title, kind, newest, lines }: SheetSourceView, face: Clockface): Html {
  const known =
    newest === undefined
      ? html`no good backup is known yet`
      : html`newest good backup <code>${newest.engineId.slice(0, 16)}</code> of ${stampTime(newest.createdAt, face)}`;
  return html`<div><h3>${title}</h3><p class="quiet">${kind} · ${known}</p>${shellLines([`restic snapshots --tag source:${id},role:data`, ...lines])}</div>`;
}

/** For paper, from which somebody types: a line that wraps goes on indented, so that it does not look like two. */
function shellLines(lines: readonly string[]): Html {
  return html`<pre class="shell-lines">${lines.map((line) => html`<span>${line}</span>`)}</pre>`;
}
