/** What the HTTP side knows of a visit that every page shows around its content: files, zone, a message from the last act. */
import type { CoreContext } from '../../core/ports.ts';
import { createAssets } from '../assets.ts';
import type { Visit } from '../http/route.ts';
import type { AssetPaths } from '../ui/layout.ts';

export interface ShellFrame {
  /** Public paths of the page's own files, as the running server publishes them. */
  assets?: AssetPaths | undefined;
  /** IANA zone in which this person reads times: their own setting, else the browser's. UTC when nobody said. */
  zone?: string | undefined;
  /** What the last act left to say; shown once. */
  flash?: readonly { tone: 'good' | 'bad'; text: string }[] | undefined;
}

/** A visit as the HTTP side makes it. The frame is optional, so that a handler can be tested with a bare visit. */
export type FramedVisit = Visit & { frame?: ShellFrame | undefined };

export function frameOf(visit: Visit): ShellFrame {
  return (visit as FramedVisit).frame ?? {};
}

/** Where the application is mounted: `''`, or `/backup` without a slash at the end. */
export function basePathOf(context: Pick<CoreContext, 'baseUrl'>): string {
  return new URL(context.baseUrl).pathname.replace(/\/+$/, '');
}

// The files' names are hashes of their content: the same for every server of this release, so they are computed once.
const published = new Map<string, AssetPaths>();

export function assetPathsOf(context: Pick<CoreContext, 'baseUrl'>, visit: Visit): AssetPaths {
  const given = frameOf(visit).assets;
  if (given !== undefined) return given;
  const basePath = basePathOf(context);
  const known = published.get(basePath);
  if (known !== undefined) return known;
  const { paths } = createAssets({ basePath });
  published.set(basePath, paths);
  return paths;
}
