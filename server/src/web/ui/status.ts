/** Status is never colour alone: icon, word and tone together, always the same words. */
import type { HostCondition } from '@holdfast/shared/domain/ailments.ts';
import { type Html, html } from '../html.ts';
import { type IconName, icon } from './icons.ts';

export type Tone = 'protected' | 'at-risk' | 'unprotected' | 'unknown' | 'active' | 'quiet';
export type ProtectionState = 'protected' | 'at_risk' | 'unprotected' | 'unknown' | 'paused';
/** As it is shown: `unknown` is under way on a host that says nothing. */
export type RunState =
  | 'queued'
  | 'running'
  | 'finalizing'
  | 'succeeded'
  | 'partial'
  | 'failed'
  | 'cancelled'
  | 'skipped'
  | 'unknown';
export type HostState = 'pending' | 'online' | 'degraded' | 'offline' | 'quarantined' | 'revoked' | 'rejected' | 'expired';

export type StatusView = { readonly word: string; readonly tone: Tone; readonly icon: IconName };

const PROTECTION: Readonly<Record<ProtectionState, StatusView>> = {
  protected: { word: 'protected', tone: 'protected', icon: 'check' },
  at_risk: { word: 'at risk', tone: 'at-risk', icon: 'warning' },
  unprotected: { word: 'unprotected', tone: 'unprotected', icon: 'cross' },
  unknown: { word: 'unknown', tone: 'unknown', icon: 'question' },
  paused: { word: 'paused', tone: 'quiet', icon: 'pause' },
};

const RUN: Readonly<Record<RunState, StatusView>> = {
  queued: { word: 'queued', tone: 'quiet', icon: 'queued' },
  running: { word: 'running', tone: 'active', icon: 'running' },
  finalizing: { word: 'finalizing', tone: 'active', icon: 'finalizing' },
  succeeded: { word: 'succeeded', tone: 'protected', icon: 'check' },
  partial: { word: 'partial', tone: 'at-risk', icon: 'partial' },
  failed: { word: 'failed', tone: 'unprotected', icon: 'cross' },
  cancelled: { word: 'cancelled', tone: 'quiet', icon: 'cancelled' },
  skipped: { word: 'skipped', tone: 'quiet', icon: 'skipped' },
  unknown: { word: 'unknown', tone: 'unknown', icon: 'question' },
};

const HOST: Readonly<Record<HostState, StatusView>> = {
  pending: { word: 'pending', tone: 'unknown', icon: 'question' },
  online: { word: 'online', tone: 'protected', icon: 'online' },
  degraded: { word: 'degraded', tone: 'at-risk', icon: 'warning' },
  offline: { word: 'offline', tone: 'unknown', icon: 'offline' },
  quarantined: { word: 'quarantined', tone: 'unprotected', icon: 'warning' },
  revoked: { word: 'revoked', tone: 'quiet', icon: 'cancelled' },
  rejected: { word: 'rejected', tone: 'quiet', icon: 'cancelled' },
  expired: { word: 'expired', tone: 'quiet', icon: 'queued' },
};

/** Any status: icon, word, tone. */
export function status(view: StatusView): Html {
  return html`<span class="status tone-${view.tone}">${icon(view.icon)}<span>${view.word}</span></span>`;
}

export function protectionStatus(state: ProtectionState): Html {
  return status(PROTECTION[state]);
}

export function runStatus(state: RunState): Html {
  return status(RUN[state]);
}

/** A host that is online looks green only where its condition is known to be good, or does not matter (left out). */
export function hostStatus(state: HostState, condition: HostCondition = 'good'): Html {
  if (state !== 'online' || condition === 'good') return status(HOST[state]);
  return status(condition === 'degraded' ? HOST.degraded : { ...HOST.online, tone: 'unknown' });
}

/** The look of a run state, for charts and rows that draw it themselves. */
export function viewOfRun(state: RunState): StatusView {
  return RUN[state];
}

export function viewOfProtection(state: ProtectionState): StatusView {
  return PROTECTION[state];
}

/** A small label: a tag, a kind, a mode. */
export function badge(text: string, tone: Tone = 'quiet'): Html {
  return html`<span class="badge tone-${tone}">${text}</span>`;
}
