/** Every page of the product, in the order in which their paths are tried: a fixed path stands before the one whose parameter would take it. */
import type { ChannelDoor } from '../../notify/channel.ts';
import type { FireCalendar } from '../api/fire-calendar.ts';
import type { ApiEndpoint } from '../http/route.ts';
import type { AnyScreen } from '../http/screen-routes.ts';
import { createAccountScreens } from './account.ts';
import { ALERT_PAGE_SCREENS } from './alert-page.ts';
import { ALERT_RULE_SCREENS } from './alert-rules.ts';
import { ALERT_SCREENS } from './alerts.ts';
import { API_KEY_SCREENS } from './api-keys.ts';
import { AUDIT_SCREENS } from './audit.ts';
import { BOARD_SCREENS } from './board.ts';
import { createBootstrapScreens } from './bootstrap.ts';
import { BULK_SCREENS } from './bulk.ts';
import { createChannelFormScreens } from './channel-form.ts';
import { createChannelScreens } from './channels.ts';
import { COVERAGE_SCREENS } from './coverage.ts';
import { createDeliveryScreens } from './delivery-page.ts';
import { DRILL_SCREENS } from './drills.ts';
import { DUMP_FILE_SCREENS } from './dump-files.ts';
import { ADD_HOST_SCREENS } from './host-add.ts';
import { HOST_PAGE_SCREENS } from './host-page.ts';
import { HOST_SCREENS } from './hosts.ts';
import { LOCK_SCREENS } from './locks.ts';
import { LOGIN_SCREENS } from './login.ts';
import { OBJECTIVE_SCREENS } from './objectives.ts';
import { createOverviewScreens } from './overview.ts';
import { PLAN_COPY_SCREENS } from './plan-copies.ts';
import { createPlanScreens } from './plans.ts';
import { POLICY_FORM_SCREENS } from './policy-form.ts';
import { createReferenceScreens } from './reference.ts';
import { REPORT_SCREENS } from './report.ts';
import { REPOSITORY_SCREENS } from './repositories.ts';
import { REPOSITORY_CONTENTS_SCREENS } from './repository-contents.ts';
import { REPOSITORY_FORM_SCREENS } from './repository-form.ts';
import { REPOSITORY_PAGE_SCREENS } from './repository-page.ts';
import { REPOSITORY_UPKEEP_SCREENS } from './repository-upkeep.ts';
import { RESTORE_SCREENS } from './restore.ts';
import { RESTORE_CHOICE_SCREENS } from './restore-choice.ts';
import { RESTORE_DUMP_SCREENS } from './restore-dump.ts';
import { RESTORE_FILES_SCREENS } from './restore-files.ts';
import { RESTORE_START_SCREENS } from './restore-start.ts';
import { RETENTION_SCREENS } from './retention.ts';
import { RETENTION_CAP_SCREENS } from './retention-cap.ts';
import { ROUTINE_SCREENS } from './routine.ts';
import { RUN_SCREENS } from './run.ts';
import { RUNS_SCREENS } from './runs.ts';
import { SETTINGS_SCREENS } from './settings.ts';
import { NAVIGATION_SCREENS } from './shell.ts';
import { SNAPSHOT_SCREENS } from './snapshot.ts';
import { SNAPSHOT_ACT_SCREENS } from './snapshot-acts.ts';
import { SNAPSHOT_DIFF_SCREENS } from './snapshot-diff.ts';
import { SNAPSHOT_FILES_SCREENS } from './snapshot-files.ts';
import { SNAPSHOTS_SCREENS } from './snapshots.ts';
import { SOURCE_DISCOVER_SCREENS } from './source-discover.ts';
import { SOURCE_DRILL_SCREENS } from './source-drills.ts';
import { SOURCE_FORM_SCREENS } from './source-form.ts';
import { SOURCE_PAGE_SCREENS } from './source-page.ts';
import { SOURCE_SCREENS } from './sources.ts';
import { STORED_SNAPSHOT_SCREENS } from './stored-snapshot.ts';
import { WELCOME_SCREENS } from './welcome.ts';

/** What screens need of rooms they may not import; the composition root hands it in. */
export interface ScreenParts {
  checkPasswordRules: Parameters<typeof createBootstrapScreens>[0];
  fires: FireCalendar;
  channels: ChannelDoor;
  /** The table of the API, which the reference is written from. */
  endpoints: readonly ApiEndpoint[];
}

export function createScreens({ checkPasswordRules, fires, channels, endpoints }: ScreenParts): readonly AnyScreen[] {
  return [
    ...LOGIN_SCREENS,
    ...createReferenceScreens(endpoints),
    ...createBootstrapScreens(checkPasswordRules),
    ...NAVIGATION_SCREENS,
    ...createOverviewScreens(fires),
    ...WELCOME_SCREENS,
    ...HOST_SCREENS,
    ...ADD_HOST_SCREENS,
    ...HOST_PAGE_SCREENS,
    ...SOURCE_SCREENS,
    ...SOURCE_FORM_SCREENS,
    ...SOURCE_DISCOVER_SCREENS,
    ...SOURCE_DRILL_SCREENS,
    ...DRILL_SCREENS,
    ...SOURCE_PAGE_SCREENS,
    ...REPOSITORY_SCREENS,
    ...REPOSITORY_FORM_SCREENS,
    ...REPOSITORY_PAGE_SCREENS,
    ...REPOSITORY_UPKEEP_SCREENS,
    ...ROUTINE_SCREENS,
    ...LOCK_SCREENS,
    ...REPOSITORY_CONTENTS_SCREENS,
    ...STORED_SNAPSHOT_SCREENS,
    ...BULK_SCREENS,
    ...createPlanScreens(fires),
    ...RUNS_SCREENS,
    ...RUN_SCREENS,
    ...SNAPSHOTS_SCREENS,
    ...SNAPSHOT_SCREENS,
    ...SNAPSHOT_ACT_SCREENS,
    ...PLAN_COPY_SCREENS,
    ...SNAPSHOT_FILES_SCREENS,
    ...SNAPSHOT_DIFF_SCREENS,
    ...RESTORE_CHOICE_SCREENS,
    ...RESTORE_FILES_SCREENS,
    ...RESTORE_SCREENS,
    ...RESTORE_START_SCREENS,
    ...DUMP_FILE_SCREENS,
    ...RESTORE_DUMP_SCREENS,
    ...POLICY_FORM_SCREENS,
    ...RETENTION_CAP_SCREENS,
    ...RETENTION_SCREENS,
    ...OBJECTIVE_SCREENS,
    ...BOARD_SCREENS,
    ...REPORT_SCREENS,
    ...COVERAGE_SCREENS,
    ...ALERT_RULE_SCREENS,
    ...ALERT_SCREENS,
    ...ALERT_PAGE_SCREENS,
    ...createChannelFormScreens(channels),
    ...createChannelScreens(channels),
    ...createDeliveryScreens(channels),
    ...SETTINGS_SCREENS,
    ...API_KEY_SCREENS,
    ...AUDIT_SCREENS,
    ...createAccountScreens(checkPasswordRules),
  ];
}
