/** A run's stages as one bar, each as long as it took. */
import { type Html, html } from '../html.ts';
import { formatDuration } from './quantity.ts';
import type { Tone } from './status.ts';

export type StageState = 'pending' | 'running' | 'succeeded' | 'partial' | 'failed' | 'cancelled' | 'skipped' | 'unknown';
export type StageView = {
  readonly name: string;
  readonly state: StageState;
  readonly durationMs?: number | undefined;
  readonly detail?: string | undefined;
};

const TONES: Readonly<Record<StageState, Tone>> = {
  pending: 'quiet',
  running: 'active',
  succeeded: 'protected',
  partial: 'at-risk',
  failed: 'unprotected',
  cancelled: 'quiet',
  skipped: 'quiet',
  unknown: 'unknown',
};

/** The widest stage takes this many shares; the style sheet has a class for each. */
const MOST_SHARES = 16;

export function stageBar(stages: readonly StageView[]): Html {
  const longest = Math.max(1, ...stages.map((stage) => stage.durationMs ?? 0));
  return html`<ol class="stages">${stages.map((stage) => {
    const share = Math.max(1, Math.round(((stage.durationMs ?? 0) / longest) * MOST_SHARES));
    return html`<li class="stage stage-${stage.state} share-${share} tone-${TONES[stage.state]}"><span class="stage-bar"></span><span class="stage-name">${stage.name}</span><span class="stage-detail num">${detailOf(stage)}</span></li>`;
  })}</ol>`;
}

function detailOf(stage: StageView): string {
  const time = stage.durationMs === undefined ? '' : formatDuration(stage.durationMs);
  const word = stage.state === 'succeeded' && time !== '' ? '' : stage.state;
  return [word, time, stage.detail ?? ''].filter((part) => part !== '').join(' · ');
}
