/** The real server, which kills itself at the step of a token's rotation that its argument names. */
import { systemClock } from '@holdfast/shared/clock.ts';
import { createApp } from '../../server/src/app.ts';
import { loadConfig, readEnvironment } from '../../server/src/config.ts';
import { createLog } from '../../server/src/log.ts';

const [trip = ''] = process.argv.slice(2);

function reach(step: string): void {
  if (step === trip) process.kill(process.pid, 'SIGKILL');
}

const config = loadConfig(readEnvironment());
const app = await createApp(config, createLog({ level: config.logLevel, clock: systemClock }));
const { hosts, trail } = app.context.store;
const { insertHostToken, settleHostToken } = hosts;
const { appendAudit, appendHappening } = trail;
hosts.insertHostToken = async (token) => {
  reach('before the token is stored');
  await insertHostToken(token);
  reach('before the token is sent');
};
trail.appendAudit = async (row) => {
  if (row.action === 'host.token_rotated') reach('after the answer');
  await appendAudit(row);
};
hosts.settleHostToken = async (hash, at) => {
  reach('before the old token is dropped');
  await settleHostToken(hash, at);
  reach('after the old token is dropped');
};
trail.appendHappening = async (happening) => {
  if (happening.type === 'host.connected') reach('after the welcome');
  await appendHappening(happening);
};
await app.start();
