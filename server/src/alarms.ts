/** What keeps people informed, put together: the look for trouble, and the messages about it. Part of the composition root. */
import { statfs } from 'node:fs/promises';
import { type RandomBytes, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { AlertId } from '@holdfast/shared/domain/ids.ts';
import type { ServerConfig } from './config.ts';
import { type AlertWatch, createAlertWatch } from './core/alerts/watch.ts';
import type { CoreContext } from './core/ports.ts';
import { findDatabase } from './foundation.ts';
import { createActTeller } from './notify/act-news.ts';
import { CHANNEL_KINDS } from './notify/all.ts';
import type { ChannelDoor } from './notify/channel.ts';
import { createDeliverer, type Deliverer } from './notify/deliverer.ts';
import { tellDigests } from './notify/digest.ts';
import { createGuardedHttp } from './notify/guarded-http.ts';
import { createNewsTeller, type NewsTeller } from './notify/news.ts';
import { createCertificateWatch, findCopyTimes } from './own-facts.ts';
import { SERVER_VERSION } from './version.ts';
import type { Readiness } from './web/http/readiness.ts';
import { createUrls } from './web/urls.ts';

export interface Alarms {
  watch: AlertWatch;
  deliverer: Deliverer;
  news: NewsTeller;
  /** Tells the digests that are due. */
  tellDigests(): Promise<void>;
  /** Tells of what was done since the last time. */
  tellActs(): Promise<void>;
  /** What pages and API need of channels. */
  channels: ChannelDoor;
}

export interface AlarmOptions {
  context: CoreContext;
  config: Pick<ServerConfig, 'dataDir' | 'outgoing'>;
  readiness: Readiness;
  randomBytes?: RandomBytes | undefined;
}

export function createAlarms({ context, config, readiness, randomBytes = systemRandomBytes }: AlarmOptions): Alarms {
  const { baseUrl } = context;
  const urls = createUrls(baseUrl);
  const linkAlert = ({ id }: { id: AlertId }): string => new URL(urls.alert({ alert: id }), baseUrl).href;
  const findCertificateEnd = createCertificateWatch(context.clock, baseUrl);
  const watch = createAlertWatch(context, {
    serverVersion: SERVER_VERSION,
    linkAlert,
    listensToAlerts: (kind) => CHANNEL_KINDS.some((one) => one.kind === kind && one.hears.includes('alert.raised')),
    async measureServer() {
      const { bavail, bsize } = await statfs(config.dataDir);
      const { database } = await readiness.recall();
      return {
        freeBytes: bavail * bsize,
        databaseFault: database === 'ok' ? undefined : `its database ${database}`,
        ...(await findCopyTimes(config.dataDir, findDatabase(config.dataDir))),
        certificateEndsAt: await findCertificateEnd(),
      };
    },
  });
  const deliverer = createDeliverer({
    context,
    kinds: CHANNEL_KINDS,
    http: createGuardedHttp({ allowedCidrs: config.outgoing.cidrs }),
    randomBytes,
    isHealthy: async () => (await readiness.check()).ready,
  });
  const news = createNewsTeller({
    context,
    kinds: CHANNEL_KINDS,
    linkAlert,
    linkRun: ({ id }) => new URL(urls.run({ run: id }), baseUrl).href,
  });
  return {
    watch,
    deliverer,
    news,
    tellDigests: () => tellDigests(context, CHANNEL_KINDS),
    tellActs: createActTeller(context, CHANNEL_KINDS, new URL(urls.audit(), baseUrl).href),
    channels: { kinds: CHANNEL_KINDS, sendTest: (channel) => deliverer.sendTest(channel) },
  };
}
