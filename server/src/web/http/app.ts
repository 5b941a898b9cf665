/** The HTTP side put together: from tables of routes to one handler for a Node server. */
import { AppError } from '@holdfast/shared/errors.ts';
import { ENROLMENT, HTTP } from '@holdfast/shared/limits.ts';
import express, { type Express, type RequestHandler, Router } from 'express';
import type { CoreContext } from '../../core/ports.ts';
import type { ServerLog } from '../../log.ts';
import type { Assets } from '../assets.ts';
import { securityHeaders } from '../security-headers.ts';
import { API_ROOT, createUrls, DOORS } from '../urls.ts';
import { type TrustedProxies, trustProxies } from './address.ts';
import { createAdmission } from './admission.ts';
import { createAgentDoors } from './agent-doors.ts';
import { createApiFailure, createApiRouter } from './api-routes.ts';
import { createAttemptLimiter } from './attempts.ts';
import { createCookies } from './cookies.ts';
import {
  answerHealth,
  answerProbeFailure,
  createAssetDoor,
  createMetricsDoor,
  createReadinessDoor,
  type MetricsGate,
  type MetricsSource,
} from './doors.ts';
import { createLiveFeed, type LiveTellers } from './live-feed.ts';
import type { Readiness } from './readiness.ts';
import { openScopes } from './request-scope.ts';
import type { ApiEndpoint } from './route.ts';
import { type AnyScreen, createScreenFailure, createScreenRouter } from './screen-routes.ts';
import { createStreams } from './stream.ts';

export interface HttpAppOptions {
  context: CoreContext;
  /** As `config.ts` makes them. The base URL is the context's. */
  config: { trustProxy: TrustedProxies; metrics: MetricsGate };
  screens: readonly AnyScreen[];
  endpoints: readonly ApiEndpoint[];
  /** Topics whose events say what pages show of them. */
  tellers?: LiveTellers | undefined;
  /** Made for the base URL's path: `createAssets({ basePath: readBasePath(context.baseUrl) })`. */
  assets: Assets;
  metrics?: MetricsSource | undefined;
  log: ServerLog;
  readiness: Readiness;
  /** Other than the product's, where a test sits at the edge. */
  limits?: Partial<HttpLimits> | undefined;
}

export interface HttpLimits {
  loginsPerMinute: number;
  loginsPerMinutePerAddress: number;
  announcementsPerMinute: number;
}

const LIMITS: HttpLimits = {
  loginsPerMinute: HTTP.loginsPerMinute,
  loginsPerMinutePerAddress: HTTP.loginsPerMinutePerAddress,
  announcementsPerMinute: ENROLMENT.announcementsPerMinutePerAddress,
};

export interface HttpApp {
  /** For `http.createServer`. */
  handler: Express;
  /** Ends the event streams, so that the server can close. */
  close(): void;
  /** Event streams open now. */
  countStreams(): number;
}

export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { context, config, assets, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const base = new URL(context.baseUrl);
  const https = base.protocol === 'https:';
  const urls = createUrls(context.baseUrl);
  const cookies = createCookies(context.crypto, { https, basePath: urls.basePath });
  const admission = createAdmission(context, cookies, base.origin);
  const feed = createLiveFeed(context.bus, context.crypto.toHex(context.crypto.randomBytes(8)), options.tellers);
  const streams = createStreams(feed, admission, context.clock);
  const screenParts = {
    context,
    urls,
    assets: assets.paths,
    cookies,
    admission,
    baseOrigin: base.origin,
    feed,
    readiness: options.readiness,
    attempts: {
      named: createAttemptLimiter('login-name', limits.loginsPerMinute, 'too many attempts for this name'),
      address: createAttemptLimiter('login-address', limits.loginsPerMinutePerAddress, 'too many attempts from this address'),
    },
    endHolder: streams.endHolder,
  };

  const probes = Router({ caseSensitive: true });
  probes.get(DOORS.health, answerHealth);
  probes.get(DOORS.readiness, createReadinessDoor(options.readiness));
  probes.get(DOORS.metrics, createMetricsDoor(context.crypto, options.metrics, config.metrics));
  probes.use(answerProbeFailure);

  const inside = Router({ caseSensitive: true });
  inside.use(createAgentDoors(context, limits.announcementsPerMinute));
  inside.get(DOORS.stream, streams.handle);
  inside.use(API_ROOT, createApiRouter(context, admission, options.endpoints));
  inside.use('/api', refuseRest);
  inside.use('/api', createApiFailure(context));
  inside.use(createScreenRouter(screenParts, options.screens));

  const handler = express();
  configure(handler, config.trustProxy);
  handler.use(openScopes(context, log));
  handler.use(setHeaders(securityHeaders({ https })));
  handler.use(refusePreflight);
  handler.use(createAssetDoor(assets));
  // Probes run on the machine itself and know nothing of a path that a proxy serves the application under.
  handler.use(probes);
  if (urls.basePath !== '') handler.use(urls.basePath, probes);
  handler.use(urls.basePath === '' ? '/' : urls.basePath, inside);
  handler.use(refuseRest);
  handler.use(createScreenFailure(screenParts));
  return {
    handler,
    countStreams: streams.count,
    close() {
      streams.close();
      feed.close();
    },
  };
}

function configure(handler: Express, trustProxy: TrustedProxies): void {
  handler.disable('x-powered-by');
  handler.disable('etag');
  handler.enable('case sensitive routing');
  handler.set('query parser', 'simple');
  trustProxies(handler, trustProxy);
}

function setHeaders(headers: Readonly<Record<string, string>>): RequestHandler {
  return (_request, response, next) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    next();
  };
}

/** No other origin may call this server from a browser, so there is nothing a preflight could be told but no. */
const refusePreflight: RequestHandler = (request, _response, next) => {
  if (request.method === 'OPTIONS') throw new AppError('forbidden', 'other origins may not use this server from a browser');
  next();
};

const refuseRest: RequestHandler = () => {
  throw new AppError('not_found', 'there is nothing at this address');
};
