/**
 * The store's door: one interface per aggregate, each method one whole domain step, each a promise although SQLite is
 * synchronous, so that another engine can come under the same contract suite. Every method is one transaction.
 * Failures are AppErrors: `conflict`, `not_found`, `unavailable` (disk full, database busy), `internal`.
 */
import type { AlertStore } from './alerts.ts';
import type { AnswerStore } from './answers.ts';
import type { ChangeStore } from './changes.ts';
import type { ChannelStore } from './channels.ts';
import type { CoverageStore } from './coverage.ts';
import type { DrillStore } from './drills.ts';
import type { EventStore } from './events.ts';
import type { FigureStore } from './figures.ts';
import type { FireStore } from './fires.ts';
import type { HealthStore } from './health.ts';
import type { HistoryStore } from './history.ts';
import type { HostStore } from './hosts.ts';
import type { LogStore } from './logs.ts';
import type { MaintenanceStore } from './maintenance.ts';
import type { OrderStore } from './orders.ts';
import type { PeopleStore } from './people.ts';
import type { PlanStore } from './plans.ts';
import type { PolicyStore } from './policies.ts';
import type { RecoveryStore } from './recovery.ts';
import type { RepositoryStore } from './repositories.ts';
import type { RepositoryLookStore } from './repository-looks.ts';
import type { RoutineStore } from './routines.ts';
import type { RunStore } from './runs.ts';
import type { SharedScheduleStore } from './shared-schedules.ts';
import type { SnapshotStore } from './snapshots.ts';
import type { SourceStore } from './sources.ts';
import type { StandingStore } from './standings.ts';
import type { SettingStore, TrailStore } from './trail.ts';

export interface Store {
  people: PeopleStore;
  hosts: HostStore;
  sources: SourceStore;
  repositories: RepositoryStore;
  recovery: RecoveryStore;
  policies: PolicyStore;
  sharedSchedules: SharedScheduleStore;
  plans: PlanStore;
  events: EventStore;
  orders: OrderStore;
  runs: RunStore;
  logs: LogStore;
  snapshots: SnapshotStore;
  standings: StandingStore;
  fires: FireStore;
  drills: DrillStore;
  maintenance: MaintenanceStore;
  routines: RoutineStore;
  alerts: AlertStore;
  coverage: CoverageStore;
  health: HealthStore;
  repositoryLooks: RepositoryLookStore;
  history: HistoryStore;
  figures: FigureStore;
  channels: ChannelStore;
  answers: AnswerStore;
  changes: ChangeStore;
  trail: TrailStore;
  settings: SettingStore;
  /**
   * Gets everything ready that is otherwise got ready when it is first used: for a server at its start. Throws `integrity` when the schema
   * lacks what this version has, which also takes the store out of service.
   */
  prepare(): void;
  /** Writes and reads one value; throws when the store could not take a row right now. For readiness. */
  probe(): Promise<void>;
  /** Schema version now and the newest this build knows. */
  readonly schema: { current: number; newest: number };
  close(): Promise<void>;
}
