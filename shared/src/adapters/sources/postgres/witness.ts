/**
 * PostgreSQL gives each transaction that writes a number, shows it beside the session while the transaction goes on, and remembers for a long time
 * how it ended.
 */
import { AppError } from '../../../errors.ts';
import type { TransactionWitness } from '../../witness.ts';
import { createPsqlCommand, getMaintenanceDatabase } from './connection.ts';
import { quoteLiteral } from './sql.ts';

const WATCHING = 'watching';
const MARK = /^mark (\d{1,20})$/;

/** As `pg_stat_activity` shows it. */
const nameSession = (run: string): string => `holdfast ${run}`;

/**
 * The session shows the lower half of the number; the upper one is that of the numbers that are given out now. The look keeps no number for itself,
 * and ends before it would hold back a vacuum for long.
 */
const createWatchSql = (session: string): string => `SET statement_timeout = 0;
SELECT '${WATCHING}';
DO $holdfast$
DECLARE
  seen bigint;
  ahead bigint;
BEGIN
  PERFORM set_config('holdfast.mark', '', false);
  WHILE seen IS NULL AND clock_timestamp() < now() + interval '10 minutes' LOOP
    PERFORM pg_stat_clear_snapshot();
    SELECT min(backend_xid::text::bigint) INTO seen FROM pg_stat_activity
      WHERE application_name = ${quoteLiteral(session)} AND usename = current_user;
    IF seen IS NULL THEN PERFORM pg_sleep(0.005); END IF;
  END LOOP;
  IF seen IS NOT NULL THEN
    ahead := txid_snapshot_xmax(txid_current_snapshot());
    seen := seen + (ahead >> 32 << 32);
    PERFORM set_config('holdfast.mark', (CASE WHEN seen > ahead THEN seen - 4294967296 ELSE seen END)::text, false);
  END IF;
END $holdfast$;
SELECT 'mark ' || current_setting('holdfast.mark');
`;

/** A number that was never given out is of another server's life: nothing is known of it. */
const createAskSql = (
  session: string,
  mark: string,
): string => `SELECT count(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
  WHERE application_name = ${quoteLiteral(session)} AND usename = current_user AND pid <> pg_backend_pid() \\gset
DO $holdfast$
BEGIN
  PERFORM set_config('holdfast.end', 'unknown', false);
  IF ${mark} < txid_snapshot_xmax(txid_current_snapshot()) THEN
    FOR tries IN 1..300 LOOP
      PERFORM set_config('holdfast.end', coalesce(txid_status(${mark}), 'unknown'), false);
      EXIT WHEN current_setting('holdfast.end') <> 'in progress';
      PERFORM pg_sleep(0.1);
    END LOOP;
  END IF;
END $holdfast$;
SELECT current_setting('holdfast.end');
`;

export const postgresWitness: TransactionWitness = {
  name: (command, run) => ({ ...command, env: { ...command.env, PGAPPNAME: nameSession(run) } }),
  planWatch: (input, run) => createPsqlCommand(input, getMaintenanceDatabase(input), 'watch', createWatchSql(nameSession(run))),
  readLine(line) {
    if (line === WATCHING) return {};
    const mark = MARK.exec(line)?.[1];
    return mark === undefined ? undefined : { mark };
  },
  planAsk(input, run, mark) {
    if (!/^\d{1,20}$/.test(mark)) throw new AppError('invalid', 'this is no number of a transaction');
    return createPsqlCommand(input, getMaintenanceDatabase(input), 'ask', createAskSql(nameSession(run), mark));
  },
  parseAsk(stdout) {
    switch (stdout.trim()) {
      case 'committed':
        return 'carried_out';
      case 'aborted':
        return 'taken_back';
      default:
        return 'unknown';
    }
  },
};
