/** Choosing what is brought back: the newest good snapshot, one on the line of time, or what there was at some point of it. */
import { type Html, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { type Clockface, formatOffset, relativeTime } from '../../ui/time.ts';
import { momentsLine, type SnapshotPoint } from '../snapshots/moments.view.ts';

export type ChoiceView = {
  readonly face: Clockface;
  /** Whether the page is about the newest good one; undefined where there is none. */
  readonly newest?: { readonly isChosen: boolean; readonly at: number; readonly href: string } | undefined;
  /** Oldest first. */
  readonly points: readonly SnapshotPoint[];
  /** There are older ones than the line shows. */
  readonly hasOlder: boolean;
  readonly olderHref: string;
  /** Takes `asOf`, in wall-clock time of the reader's zone. */
  readonly action: string;
  readonly asOf: string;
};

/** What is chosen, in a sentence, and the way to the newest one. */
function sentence({ newest, face }: ChoiceView): Html {
  if (newest === undefined) return html`<p>No clean run vouches for any snapshot of this source without a doubt.</p>`;
  if (newest.isChosen) return html`<p>This is the newest good one, made ${relativeTime(newest.at, face)}.</p>`;
  return html`<div class="choice-newest"><p>This is not the newest good one, which was made ${relativeTime(newest.at, face)}.</p>${linkButton({ href: newest.href, label: 'Take the newest good one', small: true })}</div>`;
}

export function choicePart(view: ChoiceView): Html {
  const { points, face, action, asOf, hasOlder, olderHref } = view;
  const older = hasOlder && html` <a href="${olderHref}">Older ones</a>`;
  const line = points.length > 1 && momentsLine(points, face);
  return html`<div class="stack choice">${sentence(view)}${line}<form class="choice-as-of" method="get" action="${action}"><label for="f-as-of">As it was on</label><input id="f-as-of" class="input" type="datetime-local" name="asOf" value="${asOf}" required aria-describedby="f-as-of-help">${button({ label: 'Find', small: true })}</form><p class="help" id="f-as-of-help">The newest good snapshot made no later than that (${formatOffset(face.now, face.zone)}).${older}</p></div>`;
}
