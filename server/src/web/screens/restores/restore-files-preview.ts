/** What a restore of chosen files would do, as its host counted it. Pure. */
import type { RestorePreview } from '@holdfast/shared/protocol/browse.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import type { FileWay, RestoreFilesView } from './restore-files.view.ts';

/** Whether the sizes of the files are more than there is room for. */
export const isTight = ({ freeBytes, bytes }: RestorePreview): boolean => freeBytes !== undefined && freeBytes < bytes;

/** Asked for by a tick, where the host counted too little room. */
export const ROOM_REFUSED = 'The files need more room than that disk has: make room, choose another place, or accept it.';

/** What the host counted, in words. */
export function describePreview(way: FileWay, host: string, preview: RestorePreview): RestoreFilesView['preview'] {
  const { files, others, bytes, existing, complete, freeBytes, conflicts } = preview;
  const least = complete ? '' : 'at least ';
  const what = `${least}${formatNoun(files, 'file')}${others > 0 ? ` and ${formatNoun(others, 'link or device', 'links and devices')}` : ''}, ${formatBytes(bytes)}`;
  const lead =
    way === 'in_place'
      ? existing === 0
        ? `Nothing is replaced on ${host}: ${what} come back where they were.`
        : `${least}${formatCount(existing)} of ${formatCount(files + others)} will be replaced on ${host} by what the snapshot has, after what stands there was backed up (unless you untick that below).`
      : `${what} will be written on ${host}. Nothing is overwritten.`;
  return {
    lead: lead.replace(/^./u, (letter) => letter.toUpperCase()),
    facts: [
      { label: 'to be written', value: what },
      ...(way === 'in_place' ? [{ label: 'to be replaced', value: `${least}${formatCount(existing)}` }] : []),
      ...(freeBytes === undefined
        ? []
        : [
            {
              label: 'room on that disk',
              value: `${formatBytes(freeBytes)}${isTight(preview) ? ', less than the files need' : ''}`,
            },
          ]),
    ],
    conflicts,
  };
}

/** The verb on the button; undefined where it cannot be begun. */
export function nameStart(way: FileWay, host: string, preview: RestorePreview): string | undefined {
  if (preview.conflicts.length > 0) return undefined;
  if (way !== 'in_place') return 'Start the restore';
  return preview.existing === 0 ? `Restore on ${host}` : `Replace ${formatNoun(preview.existing, 'file')} on ${host}`;
}
