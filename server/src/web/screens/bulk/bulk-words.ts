/** What acts on many things are called, and what they come to. */
import type { BulkNoun } from '../../../core/bulk.ts';

export interface ActWords {
  /** On the button of the bar. */
  label: string;
  /** `Pause`: with the number of things behind it. */
  verb: string;
  effect: string;
  /** `theirWindow` is one of those that the chosen ones have. */
  field?: 'tag' | 'minutes' | 'days' | 'window' | 'theirWindow' | 'sharedSchedule' | 'snooze' | 'why';
  /** The act that takes it back. */
  undo?: string;
  isDangerous?: true;
  /** Why nothing can be asked, where its field has nothing to choose from. */
  nothing?: string;
  /** What its results are called; `done` and `not done` where nothing is said. */
  results?: { done: string; refused: string };
}

interface NounWords {
  one: string;
  /** The title of the list. */
  list: string;
  acts: Readonly<Record<string, ActWords>>;
}

export const BULK_WORDS: Readonly<Record<BulkNoun, NounWords>> = {
  hosts: {
    one: 'host',
    list: 'Hosts',
    acts: {
      drain: {
        label: 'Drain…',
        verb: 'Drain',
        effect: 'They take no new runs for as long as you say; what runs ends, what is due waits.',
        field: 'minutes',
        undo: 'resume',
      },
      resume: { label: 'Resume…', verb: 'Resume', effect: 'They take runs again, and what waited begins.' },
      tag: {
        label: 'Add tag…',
        verb: 'Tag',
        effect: 'Alert rules and objectives that go by this tag hold for them from now on.',
        field: 'tag',
        undo: 'untag',
      },
      untag: {
        label: 'Remove tag…',
        verb: 'Untag',
        effect: 'Alert rules and objectives that go by this tag no longer hold for them.',
        field: 'tag',
        undo: 'tag',
      },
    },
  },
  sources: {
    one: 'source',
    list: 'Sources',
    acts: {
      run: {
        label: 'Back up now…',
        verb: 'Back up',
        effect: 'Each is backed up now by the plans it is in. What is under way already is not started twice.',
      },
      test: {
        label: 'Test…',
        verb: 'Test',
        effect:
          'Each is connected to from its own host, now, with what is saved of it. It takes up to a minute, and nothing is changed.',
        results: { done: 'passed', refused: 'failed' },
      },
      schedule_drills: {
        label: 'Schedule drills…',
        verb: 'Schedule drills of',
        effect:
          'A drill restores the newest good backup of each into a place of its own and looks at what came back. What is asked at it, and where it takes place, stays as it is.',
        field: 'days',
      },
    },
  },
  plans: {
    one: 'plan',
    list: 'Plans',
    acts: {
      run: {
        label: 'Run now…',
        verb: 'Run',
        effect: 'Each runs now, whatever its schedule says. What is under way already is not started twice.',
      },
      pause: {
        label: 'Pause…',
        verb: 'Pause',
        effect: 'None of them runs by itself until it is enabled again. What runs now ends as usual.',
        undo: 'enable',
      },
      enable: { label: 'Enable…', verb: 'Enable', effect: 'They run by their schedules again, from now on.', undo: 'pause' },
      add_blackout: {
        label: 'Add window…',
        verb: 'Add a blackout window to',
        effect:
          'Their schedules begin nothing in this window: what falls into it begins when the window ends, if that is within the grace of the plan. Whatever other windows they have stay.',
        field: 'window',
        undo: 'remove_blackout',
      },
      remove_blackout: {
        label: 'Remove window…',
        verb: 'Remove a blackout window from',
        effect: 'Their schedules begin what is due in these hours again. Whatever other windows they have stay.',
        field: 'theirWindow',
        nothing: 'None of them has a blackout window.',
        undo: 'add_blackout',
      },
      share_schedule: {
        label: 'Share schedule…',
        verb: 'Give one shared schedule to',
        effect:
          'They are due when it says, from now on, and move with it whenever it is changed. The times they have now are gone.',
        field: 'sharedSchedule',
        nothing: 'There is no shared schedule yet: make one first, below Plans.',
      },
    },
  },
  alerts: {
    one: 'alert',
    list: 'Alerts',
    acts: {
      acknowledge: {
        label: 'Acknowledge…',
        verb: 'Acknowledge',
        effect:
          'You see to them: they no longer ask for a person, and are told to nobody further. Each resolves when its cause is gone.',
        undo: 'reopen',
      },
      snooze: {
        label: 'Snooze…',
        verb: 'Snooze',
        effect: 'They ask for nobody and tell nobody until then. What still holds is open again after that, and told again.',
        field: 'snooze',
        undo: 'reopen',
      },
      reopen: {
        label: 'Open again…',
        verb: 'Reopen',
        effect: 'Acknowledgement and snooze are taken back: they ask for a person.',
      },
    },
  },
  findings: {
    one: 'thing',
    list: 'Coverage',
    acts: {
      protect: {
        label: 'Make sources…',
        verb: 'Make sources of',
        effect: 'Each becomes a source, with the connection it was found through. A plan that backs them up is made next.',
      },
      add_to_plans: {
        label: 'Add to plans…',
        verb: 'Add to plans',
        effect:
          'Each becomes a source, in the plan of the source it was found through, or of the other directories of its host. The next backup has it.',
      },
      ignore: {
        label: 'Leave alone…',
        verb: 'Leave alone',
        effect: 'They are no longer counted, and the reason is kept with your name.',
        field: 'why',
        undo: 'watch',
      },
      watch: { label: 'Show again…', verb: 'Show again', effect: 'They are counted as unprotected again.' },
    },
  },
  runs: {
    one: 'run',
    list: 'Runs',
    acts: {
      cancel: {
        label: 'Cancel…',
        verb: 'Cancel',
        effect:
          'Hosts that are online stop within a few seconds, others as soon as they are back. Nothing half-written becomes a snapshot; what has ended stays as it is.',
        isDangerous: true,
      },
      retry: {
        label: 'Run again…',
        verb: 'Repeat',
        effect: 'Backups that did not end clean run again, where their plan has not run since.',
      },
    },
  },
};
