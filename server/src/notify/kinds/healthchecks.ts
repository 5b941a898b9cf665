/** Pings of a monitor such as Healthchecks: a plan's backups begin, succeed and fail there, each run under an id of its own. */
import { createHash } from 'node:crypto';
import type { MessageType } from '../../core/alerts/message.ts';
import { createUrlField, readAddress } from '../address.ts';
import { demandSuccess } from '../answer.ts';
import type { ChannelKind } from '../channel.ts';
import { describeMessage, fitBytes, renderPlain } from '../words.ts';

const PARTIAL = 'partial';
/** Of a ping; the monitor keeps no more. */
const BODY_BYTES = 90_000;

/** A run's id in the form that monitors want, the same for its begin and its end. */
export function toRid(run: string): string {
  const hex = createHash('sha256').update(`holdfast ${run}`).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function findSuffix(type: MessageType, partial: unknown): string {
  if (type === 'run.started') return '/start';
  if (type === 'run.succeeded') return '';
  if (type === 'run.partial') return partial === 'success' ? '' : '/fail';
  // A test must neither start nor end anything there.
  return type === 'run.failed' ? '/fail' : '/log';
}

export const HEALTHCHECKS: ChannelKind = {
  kind: 'healthchecks',
  label: 'Healthchecks (per plan)',
  summary:
    'Tells a monitor when the backups of a plan begin, succeed and fail; it alarms when it hears nothing in time. While this server is down it hears nothing of any, although hosts go on backing up.',
  hears: ['run.started', 'run.succeeded', 'run.partial', 'run.failed'],
  fields: [
    createUrlField('The ping address of one check, such as https://checks.example.com/ping/id. It is kept like a password.'),
    {
      kind: 'choice',
      name: PARTIAL,
      label: 'A partial backup counts as',
      default: 'fail',
      options: [
        { value: 'fail', label: 'failed' },
        { value: 'success', label: 'succeeded' },
      ],
    },
  ],
  check: (_config, secrets) => readAddress(secrets).host,
  async send({ message }, { config, secrets }, http) {
    const url = readAddress(secrets);
    url.pathname = `${url.pathname.replace(/\/+$/u, '')}${findSuffix(message.type, config[PARTIAL])}`;
    if (message.run !== undefined) url.searchParams.set('rid', toRid(message.run.id));
    const body = fitBytes(describeMessage(message), (left) => `${left.title}\n${renderPlain(left)}`, BODY_BYTES);
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'user-agent': 'Holdfast' };
    return demandSuccess(await http.ask({ url, method: 'POST', headers, body }));
  },
};
