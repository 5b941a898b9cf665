/** Which agents use the identity of a quarantined host, and the one click that says which of them is the host. */
import { type Html, html } from '../../html.ts';
import { postButton } from '../../ui/button.ts';
import { panel, rows } from '../../ui/panel.ts';
import { badge } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';

export interface ClaimantRow {
  boot: string;
  hostname: string;
  address?: string | undefined;
  agentVersion: string;
  bootedAt: number;
  firstSeenAt: number;
  lastSeenAt: number;
  isChosen: boolean;
}

export interface ClaimantsView {
  claimants: readonly ClaimantRow[];
  /** Where the choice is posted; undefined for who may not choose. */
  chooseUrl: string | undefined;
  face: Clockface;
}

export function claimantsPanel({ claimants, chooseUrl, face }: ClaimantsView): Html {
  return panel({
    title: 'Agents with this identity',
    tone: 'danger',
    content:
      claimants.length === 0
        ? html`<p>No agent has called since this server started. An agent that is kept out calls once a minute.</p>`
        : html`<p>Say which one is the host. It gets a token of its own when it calls next, within a minute; every other copy is locked out for good. If a copy may be in wrong hands, revoke the host instead and enrol the machine anew.</p>${rows(
            claimants.map((claimant) => ({
              id: `claimant-${claimant.boot}`,
              title: html`${claimant.hostname}${claimant.address !== undefined && html` at ${claimant.address}`} ${claimant.isChosen && badge('chosen')}`,
              detail: html`Started as <code>${claimant.boot}</code>, agent ${claimant.agentVersion}, machine up since ${relativeTime(claimant.bootedAt, face)}.<br>First seen ${relativeTime(claimant.firstSeenAt, face)}, last ${relativeTime(claimant.lastSeenAt, face)}.`,
              action:
                chooseUrl !== undefined &&
                !claimant.isChosen &&
                postButton({ action: chooseUrl, label: 'This one is the host', hidden: { boot: claimant.boot } }),
            })),
          )}`,
  });
}
