/** The locks of a repository: who holds each, whether that holder is still there, and what can be done about it. */
import { type Html, type HtmlValue, html } from '../../html.ts';
import { confirmButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import type { ChoiceSearch } from '../forms/choice-search.view.ts';
import type { HostChoice } from '../sources/source-form.view.ts';
import { hostLookPanel } from './host-look.view.ts';

export type HolderWord = 'running' | 'gone' | 'other' | 'unseen' | 'elsewhere' | 'unasked' | 'unknown';

export interface LockRow {
  id: string;
  /** As the lock says; hostile text. */
  hostname: string;
  username: string;
  pid: number;
  createdAt: number;
  exclusive: boolean;
  holder: { id: string; name: string } | undefined;
  word: HolderWord;
}

export interface LocksView {
  urls: Urls;
  face: Clockface;
  repository: { id: string; name: string };
  hosts: readonly HostChoice[];
  chosenHost: string | undefined;
  /** Where there are more than the select offers. */
  search: ChoiceSearch | undefined;
  /** Undefined until somebody looked. */
  locks: readonly LockRow[] | undefined;
  problem: string | undefined;
}

const WORDS: Readonly<Record<HolderWord, StatusView & { meaning: string }>> = {
  running: {
    word: 'at work',
    tone: 'protected',
    icon: 'play',
    meaning: 'The agent there runs it. Wait for it, or cancel its run.',
  },
  gone: {
    word: 'gone',
    tone: 'at-risk',
    icon: 'check',
    meaning: 'The agent there had started it, and it has ended. Nobody needs this lock.',
  },
  other: {
    word: 'another process',
    tone: 'unknown',
    icon: 'question',
    meaning: 'A process of this number runs there that the agent did not start, such as a restic by hand. Look on that host.',
  },
  unseen: {
    word: 'not seen',
    tone: 'unknown',
    icon: 'question',
    meaning: 'No process of this number runs there. It may have run in a container, or before the agent was installed.',
  },
  elsewhere: { word: 'elsewhere', tone: 'unknown', icon: 'question', meaning: 'The host answers to another name by now.' },
  unasked: {
    word: 'not asked',
    tone: 'unknown',
    icon: 'question',
    meaning: 'That host is not connected, or its agent is too old to say.',
  },
  unknown: {
    word: 'unknown host',
    tone: 'unknown',
    icon: 'question',
    meaning: 'No host of this name has joined. Find it by its name.',
  },
};

export function locksPage(shell: Shell, view: LocksView): Html {
  const { urls, repository } = view;
  return layout(shell, {
    title: `Locks of ${repository.name}`,
    heading: answerOf(view),
    crumbs: [
      { label: 'Repositories', href: urls.repositories() },
      { label: repository.name, href: urls.repository({ repository: repository.id }) },
      { label: 'Locks' },
    ],
    content: html`<div class="stack">${view.problem !== undefined && callout({ tone: 'problem', text: view.problem })}${lookPanel(view)}${
      view.locks !== undefined && view.locks.length > 0 && listPanel(view, view.locks)
    }</div>`,
  });
}

function answerOf({ locks, repository, problem }: LocksView): string {
  if (problem !== undefined) return `Nobody could look at the locks of ${repository.name}.`;
  if (locks === undefined) return `Who works in ${repository.name}?`;
  if (locks.length === 0) return `Nothing locks ${repository.name}.`;
  const working = locks.filter(({ word }) => word === 'running').length;
  if (working === locks.length) return `${formatNoun(locks.length, 'lock')} in ${repository.name}, all of processes at work.`;
  if (locks.every(({ word }) => word === 'gone'))
    return `${formatNoun(locks.length, 'lock')} in ${repository.name}, left by processes that are gone.`;
  return `${formatNoun(locks.length, 'lock')} in ${repository.name}; not every holder is known to be gone.`;
}

function lookPanel({ urls, repository, hosts, chosenHost, search, locks }: LocksView): Html {
  return hostLookPanel({
    ...{
      hosts,
      chosenHost,
      search,
      addHostHref: urls.addHost(),
      method: 'post',
      action: urls.repositoryLocks({ repository: repository.id }),
    },
    help: 'It opens the repository without taking a lock. Then the hosts that the locks name are asked about their processes.',
    label: locks === undefined ? 'Look at the locks' : 'Look again',
    kind: locks === undefined || locks.length === 0 ? 'primary' : 'secondary',
  });
}

function describeHolder(lock: LockRow, urls: Urls): HtmlValue {
  const process = html`<br><span class="quiet">process ${lock.pid} of ${lock.username === '' ? 'an unnamed account' : lock.username}</span>`;
  const name = lock.hostname === '' ? html`<span class="quiet">an unnamed host</span>` : html`<code>${lock.hostname}</code>`;
  if (lock.holder === undefined) return html`${name}${process}`;
  return html`<a href="${urls.host({ host: lock.holder.id })}">${lock.holder.name}</a>${process}`;
}

function listPanel(view: LocksView, locks: readonly LockRow[]): Html {
  const { urls, face } = view;
  return panel({
    title: 'Locks',
    content: table({
      id: 'locks',
      caption: 'Locks in the repository, oldest first',
      rows: locks,
      columns: [
        { id: 'holder', label: 'Held by', primary: true, cell: (lock) => describeHolder(lock, urls) },
        { id: 'since', label: 'Since', width: 'fit', cell: (lock) => relativeTime(lock.createdAt, face) },
        { id: 'kind', label: 'Kind', width: 'fit', cell: (lock) => (lock.exclusive ? 'keeps all others out' : 'shared') },
        {
          id: 'state',
          label: 'Its process',
          width: 'wide',
          cell: ({ word }) => html`${status(WORDS[word])}<br><span class="quiet">${WORDS[word].meaning}</span>`,
        },
      ],
    }),
    foot: clearButton(view, locks),
  });
}

function clearButton({ urls, repository, chosenHost }: LocksView, locks: readonly LockRow[]): Html {
  const isProven = locks.every(({ word }) => word === 'gone');
  const what = locks.length === 1 ? 'the lock' : `all ${locks.length} locks`;
  const fields = html`${locks.map(({ id }) => html`<input type="hidden" name="lock" value="${id}">`)}`;
  return confirmButton({
    id: 'clear-locks',
    label: `Remove ${what}…`,
    kind: isProven ? 'primary' : 'danger',
    confirm: {
      title: html`Remove ${what} of ${repository.name}?`,
      effect: isProven
        ? 'The hosts say that the processes that took them are gone. Runs that wait for the repository can go on.'
        : 'Not every holder is known to be gone. If one of them still writes, and a prune runs meanwhile, snapshots can be lost. Make sure on those hosts that no restic works in this repository.',
      verb: `Remove ${what}`,
      kind: isProven ? 'primary' : 'danger',
      action: urls.clearRepositoryLocks({ repository: repository.id }),
      hidden: { host: chosenHost ?? '' },
      fields,
      ...(isProven ? {} : { typedName: repository.name }),
    },
  });
}
