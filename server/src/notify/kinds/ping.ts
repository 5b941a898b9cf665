/** A dead-man switch: an address that is asked again and again while this server works, and raises an alarm of its own when that ends. */
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { createUrlField, readAddress } from '../address.ts';
import { demandSuccess } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';

const EVERY_FIELD = 'everyMinutes';
const USUAL_MINUTES = 5;

export const PING: ChannelKind = {
  kind: 'ping',
  label: 'Sign of life',
  summary:
    'Asks for an address every few minutes while this server works. What waits there raises the alarm when this server cannot.',
  hears: ['server.alive'],
  fields: [
    createUrlField('Of a monitor that alarms when it hears nothing, such as a Healthchecks check. It is kept like a password.'),
    {
      kind: 'number',
      name: EVERY_FIELD,
      label: 'Every',
      default: USUAL_MINUTES,
      min: 1,
      max: 1440,
      unit: 'minutes',
      help: 'Set the monitor to at least twice this time.',
    },
  ],
  check(_config, secrets) {
    return readAddress(secrets).host;
  },
  everyMs(config) {
    const minutes = config[EVERY_FIELD];
    return (typeof minutes === 'number' ? minutes : USUAL_MINUTES) * MINUTE_MS;
  },
  async send(_sending, { secrets }, http) {
    return demandSuccess(await http.ask({ url: readAddress(secrets), method: 'GET', headers: { 'user-agent': 'Holdfast' } }));
  },
};
