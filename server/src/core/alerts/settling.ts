/** What is needed to bring alerts into step with their signs and to tell of them. */
import type { TenantId } from '@holdfast/shared/domain/ids.ts';
import type { Alert } from '../../store/alerts.ts';
import type { CoreContext } from '../ports.ts';

export interface Settling {
  context: CoreContext;
  tenant: TenantId;
  /** Where the page of an alert is, for messages. */
  linkAlert(alert: Alert): string;
  /** Kinds of channel that are told of alerts. */
  listensToAlerts(kind: string): boolean;
}
