/** The fields of limits, for a plan and for a host. */
import type { Field } from '../../ui/form.ts';

export const LIMIT_LABELS: Readonly<Record<string, string>> = {
  nice: 'Niceness',
  io: 'Disk',
  upload: 'Upload at most',
  download: 'Download at most',
  memory: 'Memory of each tool',
};

/** `fill` adds what was typed or is stored, and what is wrong with it. */
export function limitFields(fill: (name: string, more: Omit<Field, 'name' | 'label'>) => Field): readonly Field[] {
  return [
    fill('nice', {
      kind: 'number',
      min: 0,
      max: 19,
      placeholder: 'as it is',
      help: 'From 0 to 19: the higher, the more its tools leave the processor to others.',
    }),
    fill('io', {
      kind: 'select',
      options: [
        { value: '', label: 'As it is' },
        { value: 'normal', label: 'Normal' },
        { value: 'low', label: 'Low: after others' },
        { value: 'idle', label: 'Idle: only when nobody else reads or writes' },
      ],
    }),
    fill('upload', { kind: 'number', min: 1, unit: 'KiB/s', placeholder: 'no limit' }),
    fill('download', { kind: 'number', min: 1, unit: 'KiB/s', placeholder: 'no limit' }),
    fill('memory', {
      kind: 'number',
      min: 64,
      unit: 'MiB',
      placeholder: 'no limit',
      help: 'A tool that wants more fails, and the run says so.',
    }),
  ];
}
