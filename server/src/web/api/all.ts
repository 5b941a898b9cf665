/** Every end-point of `/api/v1`, listed once: routes, tests and the OpenAPI document all read this table. */
import type { ChannelDoor } from '../../notify/channel.ts';
import type { ApiEndpoint } from '../http/route.ts';
import { ADAPTER_ENDPOINTS } from './adapters.ts';
import { ALERT_ENDPOINTS } from './alerts.ts';
import { AUDIT_ENDPOINTS } from './audit.ts';
import { BULK_ENDPOINTS } from './bulk.ts';
import { createChannelKindEndpoints } from './channel-kinds.ts';
import { createChannelEndpoints } from './channels.ts';
import { COVERAGE_ENDPOINTS } from './coverage.ts';
import { DRILL_ENDPOINTS } from './drills.ts';
import { DUMP_FILE_ENDPOINTS } from './dump-files.ts';
import { ENROLMENT_ENDPOINTS } from './enrolment.ts';
import type { FireCalendar } from './fire-calendar.ts';
import { FLEET_SUMMARY_ENDPOINT } from './fleet.ts';
import { HOST_ENDPOINTS } from './hosts.ts';
import { LOCK_ENDPOINTS } from './locks.ts';
import { MISSED_FIRES_ENDPOINT } from './missed-fires.ts';
import { OBJECTIVE_ENDPOINTS } from './objectives.ts';
import { createOpenApiEndpoint } from './openapi/openapi-endpoint.ts';
import { PEOPLE_ENDPOINTS } from './people.ts';
import { createPlanEndpoints } from './plans.ts';
import { RECOVERY_ENDPOINTS } from './recovery.ts';
import { RECOVERY_KEY_ENDPOINTS } from './recovery-key.ts';
import { REPOSITORY_ENDPOINTS } from './repositories.ts';
import { REPOSITORY_CONTENTS_ENDPOINTS } from './repository-contents.ts';
import { RESTORE_ENDPOINTS } from './restores.ts';
import { RETENTION_CAP_ENDPOINTS } from './retention-cap.ts';
import { RETENTION_ENDPOINTS } from './retention-policies.ts';
import { ROUTINE_ENDPOINTS } from './routines.ts';
import { RUN_ENDPOINTS } from './runs.ts';
import { SETTINGS_ENDPOINTS } from './settings.ts';
import { createSharedScheduleEndpoints } from './shared-schedules.ts';
import { SNAPSHOT_CONTENT_ENDPOINTS } from './snapshot-contents.ts';
import { SNAPSHOT_ORDER_ENDPOINTS } from './snapshot-orders.ts';
import { SNAPSHOT_ENDPOINTS } from './snapshots.ts';
import { SOURCE_ENDPOINTS } from './sources.ts';
import { STATISTICS_ENDPOINT } from './statistics.ts';
import { UPKEEP_ENDPOINTS } from './upkeep.ts';

/**
 * The API, given the rooms that know when schedules are due and how channels send. In the order in which routes may be matched: a fixed path stands
 * before the one whose parameter would take it.
 */
export function createApiEndpoints(calendar: FireCalendar, channels: ChannelDoor): readonly ApiEndpoint[] {
  const endpoints: ApiEndpoint[] = [
    FLEET_SUMMARY_ENDPOINT,
    STATISTICS_ENDPOINT,
    ...BULK_ENDPOINTS,
    ...ENROLMENT_ENDPOINTS,
    ...HOST_ENDPOINTS,
    ...SOURCE_ENDPOINTS,
    ...REPOSITORY_ENDPOINTS,
    ...RECOVERY_ENDPOINTS,
    ...RECOVERY_KEY_ENDPOINTS,
    ...UPKEEP_ENDPOINTS,
    ...ROUTINE_ENDPOINTS,
    ...LOCK_ENDPOINTS,
    ...REPOSITORY_CONTENTS_ENDPOINTS,
    ...createPlanEndpoints(calendar),
    MISSED_FIRES_ENDPOINT,
    ...createSharedScheduleEndpoints(calendar),
    ...RETENTION_CAP_ENDPOINTS,
    ...RETENTION_ENDPOINTS,
    ...RUN_ENDPOINTS,
    ...SNAPSHOT_ENDPOINTS,
    ...SNAPSHOT_ORDER_ENDPOINTS,
    ...SNAPSHOT_CONTENT_ENDPOINTS,
    ...DUMP_FILE_ENDPOINTS,
    ...RESTORE_ENDPOINTS,
    ...DRILL_ENDPOINTS,
    ...OBJECTIVE_ENDPOINTS,
    ...ALERT_ENDPOINTS,
    ...COVERAGE_ENDPOINTS,
    ...createChannelEndpoints(channels),
    ...createChannelKindEndpoints(channels),
    ...ADAPTER_ENDPOINTS,
    ...AUDIT_ENDPOINTS,
    ...PEOPLE_ENDPOINTS,
    ...SETTINGS_ENDPOINTS,
  ];
  // It describes itself as well, so it is given the table it stands in.
  endpoints.push(createOpenApiEndpoint(endpoints));
  return endpoints;
}
