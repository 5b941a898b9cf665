/** What every form of a restore asks of speed and room. */
import type { Field } from '../../ui/form.ts';

/** How fast the repository is read. `value`: as typed. */
export const createSpeedField = (value: string, error: string | undefined): Field => ({
  name: 'downloadKiBps',
  label: 'Speed limit',
  kind: 'number',
  unit: 'KiB/s',
  min: 1,
  value,
  help: 'How fast the repository is read. Empty: as fast as it goes.',
  error,
});

/** Into a directory beside what is there. */
export const createPrivilegesField = (value: boolean): Field => ({
  name: 'keepPrivileges',
  label: 'Keep setuid bits, capabilities and devices',
  kind: 'checkbox',
  value,
  help: 'For a whole system that is to run again. Otherwise programs come without the rights of their owner, and devices not at all, so that a new directory gives nobody on that host what they had not. The run counts what was left out.',
});

/** Shown where the host counted less room than files need. */
export const createRoomField = (value: boolean, error: string | undefined): Field => ({
  name: 'acceptLittleRoom',
  label: 'Accept a disk that seems too small',
  kind: 'checkbox',
  value,
  help: 'Hard links, holes in files and disks that compress take less than the sizes of files. Otherwise nothing is written.',
  error,
});
