/** What every page says while the server itself cannot do its work: it is read by those who would else think that all is well. */
import type { ReadinessReport } from './readiness.ts';
import type { Trouble } from './route.ts';

export function describeTrouble(checks: ReadinessReport['checks']): readonly Trouble[] {
  const { database, disk, scheduler } = checks;
  if (database !== undefined && database !== 'ok')
    return [
      {
        tone: 'problem',
        text: 'This server cannot write to its database, so nothing new is stored here and what you change is refused. Hosts go on with their backups and keep their reports until it can. Its log names the cause: make room on its disk, or put back a copy of the database.',
      },
    ];
  const isStill = scheduler !== undefined && scheduler !== 'ok';
  const isNarrow = disk !== undefined && disk !== 'ok';
  return [
    ...(isStill ? [describeStill(scheduler)] : []),
    ...(isNarrow
      ? [
          {
            tone: 'warning' as const,
            text: `The disk of this server’s database is nearly full: ${disk}. Make room before it stops storing.`,
          },
        ]
      : []),
  ];
}

function describeStill(what: string): Trouble {
  return {
    tone: 'problem',
    text: `Part of this server’s own clockwork stands still (${what}), so what it says of the fleet may be old, and alerts may not come. Hosts go on with their backups. Restart the server; its log may name the cause.`,
  };
}
