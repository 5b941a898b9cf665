/**
 * What every store must do, whatever engine it stands on: the behaviour of each method, at its edges too.
 * A second implementation exists when it passes this suite.
 */
import { describe } from 'node:test';
import { checkAlerts } from './contract/alerts.ts';
import { checkAnswers } from './contract/answers.ts';
import { checkAttempts } from './contract/attempts.ts';
import { checkBatches } from './contract/batches.ts';
import { checkChanges } from './contract/changes.ts';
import { checkChannels } from './contract/channels.ts';
import { checkContents } from './contract/contents.ts';
import { checkCopies } from './contract/copies.ts';
import { checkCoverage } from './contract/coverage.ts';
import { checkDrills } from './contract/drills.ts';
import { checkEnrolment } from './contract/enrolment.ts';
import { checkFigures } from './contract/figures.ts';
import { checkFires } from './contract/fires.ts';
import { checkGatheredLogs } from './contract/gathered-logs.ts';
import { checkHealth } from './contract/health.ts';
import { checkHistory } from './contract/history.ts';
import { checkHosts } from './contract/hosts.ts';
import { checkLedger } from './contract/ledger.ts';
import { checkLists } from './contract/lists.ts';
import { checkLogs } from './contract/logs.ts';
import { checkMaintenance } from './contract/maintenance.ts';
import { checkNonsense } from './contract/nonsense.ts';
import { checkOrders } from './contract/orders.ts';
import { checkPeople } from './contract/people.ts';
import { checkPlans } from './contract/plans.ts';
import { checkPolicies } from './contract/policies.ts';
import { checkPresumedEnds } from './contract/presumed-ends.ts';
import { checkRecovery } from './contract/recovery.ts';
import { checkReplay } from './contract/replay.ts';
import { checkRepositories } from './contract/repositories.ts';
import { checkRepositoryLooks } from './contract/repository-looks.ts';
import { checkRetention } from './contract/retention.ts';
import { checkRoutines } from './contract/routines.ts';
import { checkSearch } from './contract/search.ts';
import { checkSharedSchedules } from './contract/shared-schedules.ts';
import { checkSources } from './contract/sources.ts';
import { checkStream } from './contract/stream.ts';
import { checkSuspicion } from './contract/suspicion.ts';
import { checkTrail } from './contract/trail.ts';
import type { Store } from './store.ts';

/** Registers the suite; `open` gives an empty store each time, which the suite closes. */
export function checkStore(open: () => Promise<Store>): void {
  describe('store contract', () => {
    checkPeople(open);
    checkHosts(open);
    checkEnrolment(open);
    checkSources(open);
    checkRepositories(open);
    checkRecovery(open);
    checkPlans(open);
    checkBatches(open);
    checkStream(open);
    checkLedger(open);
    checkAttempts(open);
    checkSuspicion(open);
    checkMaintenance(open);
    checkRoutines(open);
    checkPolicies(open);
    checkRetention(open);
    checkSharedSchedules(open);
    checkDrills(open);
    checkCopies(open);
    checkContents(open);
    checkOrders(open);
    checkPresumedEnds(open);
    checkLists(open);
    checkSearch(open);
    checkFigures(open);
    checkFires(open);
    checkAlerts(open);
    checkCoverage(open);
    checkHealth(open);
    checkRepositoryLooks(open);
    checkHistory(open);
    checkChannels(open);
    checkAnswers(open);
    checkChanges(open);
    checkLogs(open);
    checkGatheredLogs(open);
    checkReplay(open);
    checkNonsense(open);
    checkTrail(open);
  });
}
