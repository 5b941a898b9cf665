/** What is told of each host, source, plan and repository: gauges, one series for each row that has a value. */
import type { HostFigures, RepositoryFigures, SourceFigures } from '../store/figures.ts';
import type { Family } from './exposition.ts';

export interface HostRow extends HostFigures {
  isOnline: boolean;
  isDraining: boolean;
  /** Events it has still to report, by its newest sign of life; undefined while it is not online. */
  outboxEvents?: number | undefined;
}

export interface SourceRow extends SourceFigures {
  /** The shortest of the longest waits of its plans; what the server goes by where they all run only by hand. */
  expectedMs?: number | undefined;
  /** The most its newest clean backup may be old, where an operator said so: it stands above `expectedMs`. */
  objectiveMs?: number | undefined;
  /** Whether it answers its host; undefined where nobody looked lately. */
  isUp?: boolean | undefined;
}

export interface PlanRow {
  plan: string;
  nextFireAt?: number | undefined;
  expectedMs?: number | undefined;
}

const toSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
const toFlag = (is: boolean): number => (is ? 1 : 0);

export const HOST_FAMILIES: readonly Family<HostRow>[] = [
  {
    name: 'holdfast_host_online',
    help: 'Whether the host is connected and gave a sign of life.',
    read: (row) => toFlag(row.isOnline),
  },
  {
    name: 'holdfast_host_last_seen_timestamp_seconds',
    help: 'Last sign of life of the host.',
    read: (row) => toSeconds(row.lastSeenAt),
  },
  {
    name: 'holdfast_host_spec_drift',
    help: 'Whether the host works by an older spec than it should.',
    read: (row) => toFlag(row.hasDrift),
  },
  {
    name: 'holdfast_host_draining',
    help: 'Whether the host is drained: it takes no new runs for a while.',
    read: (row) => toFlag(row.isDraining),
  },
  {
    name: 'holdfast_host_degraded',
    help: 'Whether something of the host is broken that endangers its backups; no value while it is not online or was not looked over.',
    read: (row) => (row.isOnline && row.isAiling !== undefined ? toFlag(row.isAiling) : undefined),
  },
  {
    name: 'holdfast_host_outbox_events',
    help: 'Events that the host has still to report, by its newest sign of life; no value while it is not online.',
    read: (row) => row.outboxEvents,
  },
];

export const SOURCE_FAMILIES: readonly Family<SourceRow>[] = [
  {
    name: 'holdfast_source_last_success_timestamp_seconds',
    help: 'End of the newest clean backup of the source.',
    read: (row) => toSeconds(row.goodAt),
  },
  {
    name: 'holdfast_source_last_success_bytes',
    help: 'Size of the newest clean backup of the source.',
    read: (row) => row.goodBytes,
  },
  {
    name: 'holdfast_source_last_success_duration_seconds',
    help: 'How long the newest clean backup of the source took.',
    read: (row) => toSeconds(row.goodDurationMs),
  },
  {
    name: 'holdfast_source_last_verified_timestamp_seconds',
    help: 'When a backup of the source was last read whole and found as it was made.',
    read: (row) => toSeconds(row.verifiedAt),
  },
  {
    name: 'holdfast_source_last_proof_timestamp_seconds',
    help: 'End of the newest drill that proved a backup of the source.',
    read: (row) => toSeconds(row.provenAt),
  },
  {
    name: 'holdfast_source_last_proof_restore_seconds',
    help: 'How long the restore of that drill took.',
    read: (row) => toSeconds(row.restoreMs),
  },
  {
    name: 'holdfast_source_expected_interval_seconds',
    help: 'Longest wait between two backups of the source by the schedules of its plans.',
    read: (row) => toSeconds(row.expectedMs),
  },
  {
    name: 'holdfast_source_objective_seconds',
    help: 'How old the newest clean backup of the source may be by its objective, which stands above the schedules.',
    read: (row) => toSeconds(row.objectiveMs),
  },
  {
    name: 'holdfast_source_up',
    help: 'Whether the source answers its host: 0 from the third look in a row that failed.',
    read: (row) => (row.isUp === undefined ? undefined : toFlag(row.isUp)),
  },
];

export const PLAN_FAMILIES: readonly Family<PlanRow>[] = [
  {
    name: 'holdfast_plan_next_fire_timestamp_seconds',
    help: 'When the plan is due next by its schedule.',
    read: (row) => toSeconds(row.nextFireAt),
  },
  {
    name: 'holdfast_plan_expected_interval_seconds',
    help: 'Longest wait between two of the next fires of the plan.',
    read: (row) => toSeconds(row.expectedMs),
  },
];

export const REPOSITORY_FAMILIES: readonly Family<RepositoryFigures>[] = [
  {
    name: 'holdfast_snapshots',
    help: 'Snapshots listed in the ledger.',
    read: (row) => row.snapshots,
  },
  {
    name: 'holdfast_repository_size_bytes',
    help: 'What the repository took in storage when it was last measured.',
    read: (row) => row.sizeBytes,
  },
  {
    name: 'holdfast_repository_measured_timestamp_seconds',
    help: 'When the repository was last measured.',
    read: (row) => toSeconds(row.measuredAt),
  },
];

/** What waits longest: without a series where nothing waits. */
export interface WaitingRow {
  queuedSince?: number | undefined;
  messageWaitingSince?: number | undefined;
}

export const WAITING_FAMILIES: readonly Family<WaitingRow>[] = [
  {
    name: 'holdfast_oldest_queued_run_timestamp_seconds',
    help: 'When the run was made that waits longest for its turn or its host.',
    read: (row) => toSeconds(row.queuedSince),
  },
  {
    name: 'holdfast_oldest_waiting_message_timestamp_seconds',
    help: 'When the message was made that waits longest for its channel.',
    read: (row) => toSeconds(row.messageWaitingSince),
  },
];
