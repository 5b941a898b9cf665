/** Every end-point of `/api/v1`, listed once: routes, tests and the OpenAPI document all read this table. */
import type { ApiEndpoint } from '../http/route.ts';
import { ADAPTER_ENDPOINTS } from './adapters.ts';
import { AUDIT_ENDPOINTS } from './audit.ts';
import { ENROLMENT_ENDPOINTS } from './enrolment.ts';
import type { FireCalendar } from './fire-calendar.ts';
import { HOST_ENDPOINTS } from './hosts.ts';
import { createOpenApiDocument, type OpenApiDocument } from './openapi.ts';
import { PEOPLE_ENDPOINTS } from './people.ts';
import { createPlanEndpoints } from './plans.ts';
import { REPOSITORY_ENDPOINTS } from './repositories.ts';
import { RESTORE_ENDPOINTS } from './restores.ts';
import { RUN_ENDPOINTS } from './runs.ts';
import { SNAPSHOT_ENDPOINTS } from './snapshots.ts';
import { SOURCE_ENDPOINTS } from './sources.ts';

export interface Api {
  /** In the order in which routes are matched: a fixed path stands before the one whose parameter would take it. */
  endpoints: readonly ApiEndpoint[];
  /** The OpenAPI document, to be served bare under `/openapi.json`. `baseUrl` has no slash at the end. */
  describe(baseUrl: string): OpenApiDocument;
}

/** The API, given the room that knows when schedules are due. */
export function createApi(calendar: FireCalendar): Api {
  const endpoints: readonly ApiEndpoint[] = [
    ...ENROLMENT_ENDPOINTS,
    ...HOST_ENDPOINTS,
    ...SOURCE_ENDPOINTS,
    ...REPOSITORY_ENDPOINTS,
    ...createPlanEndpoints(calendar),
    ...RUN_ENDPOINTS,
    ...SNAPSHOT_ENDPOINTS,
    ...RESTORE_ENDPOINTS,
    ...ADAPTER_ENDPOINTS,
    ...AUDIT_ENDPOINTS,
    ...PEOPLE_ENDPOINTS,
  ];
  return { endpoints, describe: (baseUrl) => createOpenApiDocument(endpoints, baseUrl) };
}
