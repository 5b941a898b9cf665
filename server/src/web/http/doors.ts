/** What machines ask for: health, readiness, metrics, and the files of the pages. */
import { BlockList, isIP } from 'node:net';
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Assets } from '../assets.ts';
import { logFailure } from './failure-log.ts';
import { toHttpError } from './http-error.ts';
import type { Readiness } from './readiness.ts';
import { getScope } from './request-scope.ts';

/** The text of `/metrics`. */
export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string | Uint8Array>;
}

export interface MetricsGate {
  token?: string | undefined;
  cidrs: readonly string[];
}

/** Alive: no file, no database, no lock is touched. */
export const answerHealth: RequestHandler = (_request, response) => {
  response.setHeader('Cache-Control', 'no-store').json({ status: 'ok' });
};

export function createReadinessDoor(readiness: Readiness): RequestHandler {
  return async (_request, response) => {
    const report = await readiness.check();
    response
      .status(report.ready ? 200 : 503)
      .setHeader('Cache-Control', 'no-store')
      .json({ status: report.ready ? 'ready' : 'not ready', checks: report.checks });
  };
}

/** Does not exist unless a token or networks are set; then everything that is set must be right. */
export function createMetricsDoor(crypto: Crypto, source: MetricsSource | undefined, gate: MetricsGate): RequestHandler {
  const networks = createNetworks(gate.cidrs);
  return async (request, response) => {
    if (source === undefined || (gate.token === undefined && gate.cidrs.length === 0)) {
      throw new AppError('not_found', 'there is nothing at this address');
    }
    const { address } = getScope(request).facts;
    if (gate.cidrs.length > 0 && !networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) {
      throw new AppError('forbidden', 'metrics are not for this address');
    }
    const given = /^Bearer (\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
    if (gate.token !== undefined && (given === undefined || !crypto.equalText(given, gate.token))) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      throw new AppError('unauthenticated', 'metrics need their token: Authorization: Bearer …');
    }
    const text = await source.render();
    // Ended, not sent: no digest of what may be megabytes and is never asked for twice.
    response.setHeader('Cache-Control', 'no-store').setHeader('Content-Type', source.contentType).end(text);
  };
}

function createNetworks(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
  }
  return list;
}

/** Machines read one line. */
export const answerProbeFailure: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
  const scope = getScope(request);
  const failure = toHttpError(thrown, scope.id);
  logFailure(scope, failure, thrown);
  response.status(failure.status).setHeader('Cache-Control', 'no-store').type('text/plain').send(`${failure.message}\n`);
};

/** Files under the hash of their content: kept for good, so an old address is simply gone. */
export function createAssetDoor(assets: Assets): RequestHandler {
  return (request, response, next) => {
    const asset = request.method === 'GET' || request.method === 'HEAD' ? assets.find(request.originalUrl) : undefined;
    if (asset === undefined) {
      next();
      return;
    }
    response.setHeader('Cache-Control', asset.cacheControl).setHeader('ETag', asset.etag).setHeader('Vary', 'Accept-Encoding');
    if (request.get('if-none-match') === asset.etag) {
      response.status(304).end();
      return;
    }
    // Browsers accept both alike; ours is the smaller one.
    const encoding = request.acceptsEncodings('br') === 'br' ? 'br' : request.acceptsEncodings('gzip');
    const body = encoding === 'br' ? asset.encoded.br : encoding === 'gzip' ? asset.encoded.gzip : asset.body;
    if (encoding !== false) response.setHeader('Content-Encoding', encoding);
    response.setHeader('Content-Type', asset.type).setHeader('Content-Length', body.length);
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}
