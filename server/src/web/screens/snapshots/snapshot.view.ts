/** One snapshot: what it is, what vouches for it, and how to get it back, with Holdfast and without. */
import type { SnapshotRecord } from '@holdfast/shared/domain/contents.ts';
import { type Html, html } from '../../html.ts';
import { linkButton, postButton } from '../../ui/button.ts';
import { copyLine } from '../../ui/copy.ts';
import { callout } from '../../ui/flash.ts';
import { icon } from '../../ui/icons.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { status } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import {
  type OwnActsView,
  ownActs,
  type PlaceLine,
  placesPanel,
  type ReadingView,
  readingStatus,
  type VerificationView,
  verificationPanel,
  verificationStatus,
} from './snapshot-acts.view.ts';
import { notesPanel } from './snapshot-notes.view.ts';
import { LEAVING, type SnapshotState, snapshotStatus } from './snapshots.view.ts';

export type SnapshotView = {
  readonly face: Clockface;
  readonly crumbs: readonly Crumb[];
  readonly title: string;
  readonly heading: string;
  readonly state: SnapshotState;
  /** What the state means for whoever needs this snapshot. */
  readonly stateWords: string;
  /** What is odd about its size, as a sentence. */
  readonly suspicion?: string | undefined;
  /** Why nobody can read it for now. */
  readonly outOfReach?: string | undefined;
  readonly at: number;
  readonly facts: readonly { readonly label: string; readonly value: string; readonly href?: string | undefined }[];
  readonly engineId: string;
  readonly tags: readonly string[];
  readonly evidence: readonly { readonly ok: boolean; readonly title: string; readonly seen: string }[];
  readonly companions: readonly { readonly href: string; readonly title: string; readonly detail: string }[];
  /** What its host noted as it made it. */
  readonly notes: SnapshotRecord;
  /** By hand, in order: what to do and the line that does it. */
  readonly byHand: readonly { readonly label: string; readonly command?: string | undefined }[];
  /** Since when it stays whatever the policy says, and who said so. */
  readonly pin?: { readonly at: number; readonly by: string } | undefined;
  /** When a drill last proved that it can be restored. */
  readonly provenAt?: number | undefined;
  /** Where it is pinned and unpinned; undefined when it must not or may not be. */
  readonly pinAction?: string | undefined;
  /** Where its files are browsed, and chosen ones restored. */
  readonly filesHref?: string | undefined;
  readonly restoreHref?: string | undefined;
  /** Undefined where no run made it. */
  readonly runHref: string | undefined;
  /** Since when it is in the ledger although no run made it, and who took it over. */
  readonly adopted?: { readonly at: number; readonly by: string } | undefined;
  /** The repositories it lies in, where there are several. */
  readonly places: readonly PlaceLine[];
  readonly verification?: VerificationView | undefined;
  readonly reading?: ReadingView | undefined;
  readonly acts?: OwnActsView | undefined;
  /** Its deletion is ordered: what that waits for, and where it is taken back while that can be. */
  readonly deletion?: { readonly text: string; readonly runHref: string; readonly cancelAction?: string | undefined } | undefined;
};

export function snapshotPage(shell: Shell, view: SnapshotView): Html {
  const main = html`<div class="stack">${view.state !== 'good' && callout({ tone: view.state === 'missing' ? 'problem' : 'warning', text: view.stateWords })}${view.deletion !== undefined && deletionCallout(view.deletion)}${view.suspicion !== undefined && callout({ tone: 'warning', text: view.suspicion })}${view.outOfReach !== undefined && callout({ tone: 'warning', text: view.outOfReach })}${view.places.length > 0 && placesPanel(view.places)}${view.verification !== undefined && verificationPanel(view.verification)}${evidencePanel(view)}${notesPanel(view.notes)}${view.companions.length > 0 && companionsPanel(view)}${byHandPanel(view)}</div>`;
  const pairs = view.facts.map((fact) => ({
    label: fact.label,
    value: fact.href === undefined ? fact.value : html`<a href="${fact.href}">${fact.value}</a>`,
  }));
  const side = html`<div class="stack">${panel({ title: 'Snapshot', content: facts(pairs) })}${panel({ title: 'Id in the repository', content: copyLine({ text: view.engineId, label: 'the snapshot id' }) })}${view.tags.length > 0 && panel({ title: 'Tags', content: html`<ul class="choices">${view.tags.map((tag) => html`<li class="mono small">${tag}</li>`)}</ul>` })}</div>`;
  return layout(shell, {
    title: view.title,
    crumbs: view.crumbs,
    heading: view.heading,
    lede: html`${snapshotStatus(view.state, view.suspicion !== undefined)}<span>made ${relativeTime(view.at, view.face)}${view.state === 'good' && html` · ${view.stateWords}`}</span>${view.deletion !== undefined && status(LEAVING)}${view.provenAt !== undefined && html`${status({ word: 'recovery proven', tone: 'protected', icon: 'shield' })}<span>${relativeTime(view.provenAt, view.face)}</span>`}${view.reading !== undefined && readingStatus(view.reading)}${view.verification !== undefined && verificationStatus(view.verification, view.face)}${view.adopted !== undefined && html`${status({ word: 'adopted', tone: 'quiet', icon: 'download' })}<span>${relativeTime(view.adopted.at, view.face)} by ${view.adopted.by}</span>`}${view.pin !== undefined && html`${status({ word: 'pinned', tone: 'quiet', icon: 'pin' })}<span>${relativeTime(view.pin.at, view.face)} by ${view.pin.by}</span>`}`,
    actions: html`${view.acts !== undefined && ownActs(view.acts)}${pinButton(view)}${view.runHref !== undefined && linkButton({ href: view.runHref, label: 'Open its run' })}${view.filesHref !== undefined && linkButton({ href: view.filesHref, label: 'Browse files' })}${view.restoreHref !== undefined && linkButton({ href: view.restoreHref, label: 'Restore this…', kind: 'primary' })}`,
    content: html`<div class="columns">${main}${side}</div>`,
  });
}

function deletionCallout({ text, runHref, cancelAction }: NonNullable<SnapshotView['deletion']>): Html {
  const back = cancelAction !== undefined && postButton({ action: cancelAction, label: 'Take it back' });
  return callout({
    tone: 'warning',
    text,
    action: html`${back}${linkButton({ href: runHref, label: 'Open its run', small: true })}`,
  });
}

/** One click, undone by another one. */
function pinButton({ pin, pinAction }: SnapshotView): Html | false {
  if (pinAction === undefined) return false;
  const isPinned = pin !== undefined;
  return postButton({
    action: pinAction,
    label: isPinned ? 'Unpin' : 'Pin',
    icon: 'pin',
    hidden: { pinned: String(!isPinned) },
  });
}

function evidencePanel(view: SnapshotView): Html {
  const held = view.evidence.filter((line) => line.ok).length;
  if (view.evidence.length === 0)
    return panel({
      title: 'Evidence',
      content: html`<p class="quiet">${view.runHref === undefined ? 'No run made it, so there is none. Reading it whole shows that it can be read.' : 'The run that made it reported no evidence.'}</p>`,
    });
  const lines = view.evidence.map((line) => ({
    title: html`<div class="check-line tone-${line.ok ? 'protected' : 'unprotected'}">${icon(line.ok ? 'check' : 'cross', line.ok ? 'held' : 'did not hold')}<div>${line.title}${line.seen !== '' && html`<div class="row-detail">${line.seen}</div>`}</div></div>`,
  }));
  return panel({ title: 'Evidence', aside: `${held} of ${view.evidence.length}`, content: rows(lines) });
}

function companionsPanel(view: SnapshotView): Html {
  const lines = view.companions.map((one) => ({ title: html`<a href="${one.href}">${one.title}</a>`, detail: one.detail }));
  return panel({ title: 'Made beside it', content: rows(lines) });
}

function byHandPanel(view: SnapshotView): Html {
  return panel({
    title: 'Restore by hand',
    aside: 'works when this server is gone',
    content: html`<div class="stack">${view.byHand.map(
      (step) =>
        html`<div class="field"><p>${step.label}</p>${step.command !== undefined && copyLine({ text: step.command, label: 'the command' })}</div>`,
    )}</div>`,
  });
}
