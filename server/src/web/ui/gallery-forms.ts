/** The gallery's form: each field kind, with help, errors and a stored secret. */
import type { Html } from '../html.ts';
import { form } from './form.ts';
import { panel } from './panel.ts';

export function galleryForms(action: string): Html {
  return panel({
    title: 'A repository',
    content: form({
      action,
      submit: { label: 'Save repository' },
      cancelHref: '#',
      sections: [
        {
          fields: [
            {
              name: 'name',
              label: 'Name',
              kind: 'text',
              required: true,
              value: '"><img src=x onerror=alert(1)>',
              help: 'What you will look for at three in the morning.',
            },
            {
              name: 'endpoint',
              label: 'Endpoint',
              kind: 'text',
              required: true,
              mono: true,
              value: 's3.example',
              error: 'This is not an address: it needs https:// in front.',
            },
            {
              name: 'region',
              label: 'Region',
              kind: 'select',
              required: true,
              value: 'eu',
              options: [
                { value: 'eu', label: 'Europe' },
                { value: 'us', label: 'America' },
              ],
            },
            {
              name: 'secret',
              label: 'Secret key',
              kind: 'password',
              secret: { stored: true },
              help: 'Never shown again once stored.',
            },
          ],
        },
        {
          title: 'What is kept',
          help: 'The newest three proven snapshots are never deleted.',
          fields: [
            { name: 'keep', label: 'Keep daily', kind: 'number', value: 14, unit: 'snapshots', min: 1 },
            { name: 'objective', label: 'No older than', kind: 'duration', value: '24h' },
            { name: 'paths', label: 'Paths', kind: 'paths', required: true, value: ['/etc', '/home'], help: 'One per line.' },
            {
              name: 'days',
              label: 'Days',
              kind: 'multiselect',
              value: ['mon'],
              options: [
                { value: 'mon', label: 'Monday' },
                { value: 'tue', label: 'Tuesday', help: 'busy' },
              ],
            },
            { name: 'prune', label: 'Prune after each run', kind: 'checkbox', value: true },
          ],
        },
        { title: 'More options', folded: true, fields: [{ name: 'note', label: 'Note', kind: 'textarea', value: 'two\nlines' }] },
      ],
    }),
  });
}
