/** Every page of the product, in the order in which their paths are tried: a fixed path stands before the one whose parameter would take it. */
import type { ChannelDoor } from '../../notify/channel.ts';
import type { FireCalendar } from '../api/fire-calendar.ts';
import type { ApiEndpoint } from '../http/route.ts';
import type { AnyScreen } from '../http/screen-routes.ts';
import { createAccountScreens } from './accounts/account.ts';
import { API_KEY_SCREENS } from './accounts/api-keys.ts';
import { createBootstrapScreens } from './accounts/bootstrap.ts';
import { LOGIN_SCREENS } from './accounts/login.ts';
import { createPasswordLinkScreens } from './accounts/password-link.ts';
import { PEOPLE_SCREENS } from './accounts/people.ts';
import { ALERT_PAGE_SCREENS } from './alerts/alert-page.ts';
import { ALERT_RULE_SCREENS } from './alerts/alert-rules.ts';
import { ALERT_SCREENS } from './alerts/alerts.ts';
import { AUDIT_SCREENS } from './audit/audit.ts';
import { BULK_SCREENS } from './bulk/bulk.ts';
import { createChannelFormScreens } from './channels/channel-form.ts';
import { createChannelScreens } from './channels/channels.ts';
import { createDeliveryScreens } from './channels/delivery-page.ts';
import { COVERAGE_SCREENS } from './coverage/coverage.ts';
import { DRILL_HISTORY_SCREENS } from './drills/drill-history.ts';
import { DRILL_SCREENS } from './drills/drills.ts';
import { ADD_HOST_SCREENS } from './hosts/host-add.ts';
import { HOST_PAGE_SCREENS } from './hosts/host-page.ts';
import { HOST_SCREENS } from './hosts/hosts.ts';
import { OBJECTIVE_SCREENS } from './objectives/objectives.ts';
import { BOARD_SCREENS } from './overview/board.ts';
import { createOverviewScreens } from './overview/overview.ts';
import { PLAN_COPY_SCREENS } from './plans/plan-copies.ts';
import { createPlanScreens } from './plans/plans.ts';
import { createReferenceScreens } from './reference/reference.ts';
import { REPORT_SCREENS } from './reports/report.ts';
import { LOCK_SCREENS } from './repositories/locks.ts';
import { RECOVERY_KEY_SCREENS } from './repositories/recovery-key.ts';
import { REPOSITORY_SCREENS } from './repositories/repositories.ts';
import { REPOSITORY_ACT_SCREENS } from './repositories/repository-acts.ts';
import { REPOSITORY_CONTENTS_SCREENS } from './repositories/repository-contents.ts';
import { REPOSITORY_FORM_SCREENS } from './repositories/repository-form.ts';
import { REPOSITORY_PAGE_SCREENS } from './repositories/repository-page.ts';
import { REPOSITORY_PASSWORD_SCREENS } from './repositories/repository-password.ts';
import { REPOSITORY_UPKEEP_SCREENS } from './repositories/repository-upkeep.ts';
import { ROUTINE_SCREENS } from './repositories/routine.ts';
import { STORED_SNAPSHOT_SCREENS } from './repositories/stored-snapshot.ts';
import { DUMP_FILE_SCREENS } from './restores/dump-files.ts';
import { RESTORE_SCREENS } from './restores/restore.ts';
import { RESTORE_CHOICE_SCREENS } from './restores/restore-choice.ts';
import { RESTORE_DUMP_SCREENS } from './restores/restore-dump.ts';
import { RESTORE_FILES_SCREENS } from './restores/restore-files.ts';
import { RESTORE_START_SCREENS } from './restores/restore-start.ts';
import { POLICY_FORM_SCREENS } from './retention/policy-form.ts';
import { RETENTION_SCREENS } from './retention/retention.ts';
import { RETENTION_CAP_SCREENS } from './retention/retention-cap.ts';
import { RUN_SCREENS } from './runs/run.ts';
import { RUNS_SCREENS } from './runs/runs.ts';
import { SETTINGS_SCREENS } from './settings/settings.ts';
import { NAVIGATION_SCREENS } from './shell.ts';
import { SNAPSHOT_SCREENS } from './snapshots/snapshot.ts';
import { SNAPSHOT_ACT_SCREENS } from './snapshots/snapshot-acts.ts';
import { SNAPSHOT_DIFF_SCREENS } from './snapshots/snapshot-diff.ts';
import { SNAPSHOT_FILES_SCREENS } from './snapshots/snapshot-files.ts';
import { SNAPSHOTS_SCREENS } from './snapshots/snapshots.ts';
import { SOURCE_DISCOVER_SCREENS } from './sources/source-discover.ts';
import { SOURCE_DRILL_SCREENS } from './sources/source-drills.ts';
import { SOURCE_FORM_SCREENS } from './sources/source-form.ts';
import { SOURCE_PAGE_SCREENS } from './sources/source-page.ts';
import { SOURCE_SCREENS } from './sources/sources.ts';
import { WELCOME_SCREENS } from './welcome/welcome.ts';

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
    ...createPasswordLinkScreens(checkPasswordRules),
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
    ...DRILL_HISTORY_SCREENS,
    ...DRILL_SCREENS,
    ...SOURCE_PAGE_SCREENS,
    ...REPOSITORY_SCREENS,
    ...REPOSITORY_FORM_SCREENS,
    ...REPOSITORY_PASSWORD_SCREENS,
    ...RECOVERY_KEY_SCREENS,
    ...REPOSITORY_PAGE_SCREENS,
    ...REPOSITORY_ACT_SCREENS,
    ...REPOSITORY_UPKEEP_SCREENS,
    ...ROUTINE_SCREENS,
    ...LOCK_SCREENS,
    ...REPOSITORY_CONTENTS_SCREENS,
    ...STORED_SNAPSHOT_SCREENS,
    ...BULK_SCREENS,
    ...createPlanScreens(fires, channels.kinds),
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
    ...PEOPLE_SCREENS,
    ...API_KEY_SCREENS,
    ...AUDIT_SCREENS,
    ...createAccountScreens(checkPasswordRules),
  ];
}
