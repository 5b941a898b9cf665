/** The steps of a first start in words. */
import type { Visit } from '../../http/route.ts';
import { formatSpan } from '../../ui/quantity.ts';
import { WELCOME_STEPS, type WelcomeStep, type WelcomeView } from './welcome.view.ts';
import { isDone, type WelcomeProgress } from './welcome-progress.ts';

export const STEP_TITLES: Readonly<Record<WelcomeStep, string>> = {
  host: 'Let a host join',
  source: 'Say what is protected',
  repository: 'Say where backups go',
  plan: 'Make a plan',
  run: 'Back up for the first time',
  proof: 'Prove that it can be restored',
};

/** What another step waits for. */
export const STEP_NEEDS: Readonly<Record<WelcomeStep, string>> = {
  host: 'a host',
  source: 'a source',
  repository: 'a repository',
  plan: 'a plan',
  run: 'a first backup',
  proof: 'a proof',
};

/** All steps, with what was made in each. */
export function listLines(visit: Visit, progress: WelcomeProgress): WelcomeView['steps'] {
  const { host, source, repository, plan, proven } = progress;
  const made: Readonly<Record<WelcomeStep, string | undefined>> = {
    host: host?.name,
    source: source?.name,
    repository: repository?.name,
    plan: plan?.name,
    run: undefined,
    proof: proven && `in ${formatSpan(proven.restoreMs)}`,
  };
  return WELCOME_STEPS.map((step) => ({
    step,
    title: STEP_TITLES[step],
    made: made[step],
    done: isDone(step, progress),
    href: visit.urls.welcomeStep({ step }),
  }));
}

/** What a proven first backup leads to. */
export function listNext(visit: Visit): WelcomeView['next'] {
  const { urls } = visit;
  return [
    {
      title: 'See how everything stands',
      text: 'The overview says what is protected, and what needs you.',
      href: urls.overview(),
      label: 'Open the overview',
    },
    {
      title: 'Be told when something is wrong',
      text: 'By mail, chat or phone; a backup that did not run is told as well.',
      href: urls.channels(),
      label: 'Add a channel',
    },
    { title: 'Get a file back', text: 'Choose a snapshot and look into it.', href: urls.restores(), label: 'Restore' },
    { title: 'Protect more', text: 'Other hosts, databases and folders.', href: urls.addHost(), label: 'Add host' },
  ];
}
