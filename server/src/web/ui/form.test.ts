import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Field, form, formField } from './form.ts';

function render(field: Partial<Field> & Pick<Field, 'kind'>): string {
  return formField({ name: 'x', label: 'X', ...field }).toString();
}

describe('A field', () => {
  it('keeps what was typed, escaped', () => {
    assert.match(render({ kind: 'text', value: '"><b>' }), /value="&quot;&gt;&lt;b&gt;"/);
    assert.match(render({ kind: 'textarea', value: '\nfirst' }), />\n\nfirst<\/textarea>/);
    assert.match(render({ kind: 'paths', value: ['/etc', '/home'] }), />\n\/etc\n\/home<\/textarea>/);
    assert.match(
      render({
        kind: 'select',
        value: 'b',
        options: [
          { value: 'a', label: 'A' },
          { value: 'b', label: 'B' },
        ],
      }),
      /<option\s+value="b" selected>/,
    );
    assert.match(render({ kind: 'checkbox', value: true }), / checked/);
    assert.doesNotMatch(render({ kind: 'checkbox', value: false }), / checked/);
    assert.match(
      render({
        kind: 'multiselect',
        value: ['b'],
        options: [
          { value: 'a', label: 'A' },
          { value: 'b', label: 'B' },
        ],
      }),
      /value="b" checked/,
    );
  });

  it('that is secret never shows its value, whatever its kind', () => {
    for (const kind of ['text', 'password', 'textarea', 'paths'] as const) {
      const markup = render({ kind, value: 'hunter2-plaintext', secret: { stored: true }, required: true });
      assert.doesNotMatch(markup, /hunter2/, kind);
      assert.match(markup, /placeholder="stored — leave empty to keep"/, kind);
      assert.doesNotMatch(markup, / required/, kind);
    }
    assert.doesNotMatch(render({ kind: 'password', value: 'hunter2-plaintext' }), /hunter2/);
  });

  it('that is wrong says so to those who see it and those who do not', () => {
    const markup = render({ kind: 'text', error: 'Too long.', help: 'A name.' });
    assert.match(markup, /aria-invalid="true"/);
    assert.match(markup, /aria-describedby="f-x-help f-x-error"/);
    assert.match(markup, /id="f-x-error"[^>]*>.*Too long\./s);
  });
});

describe('A form', () => {
  it('sums its errors up with a way to each field', () => {
    const markup = form({
      action: '/a',
      submit: { label: 'Save' },
      fields: [{ name: 'n', label: 'Name', kind: 'text', error: 'Missing <b>.' }],
    }).toString();
    assert.match(markup, /role="alert"/);
    assert.match(markup, /<a href="#f-n">Name<\/a>: Missing &lt;b&gt;\./);
  });

  it('does not repeat the name of a field that an error begins with', () => {
    const name: Field = { name: 'name', label: 'What for', kind: 'text', error: 'name: must be one line' };
    const port: Field = { name: 'config-port', label: 'Port', kind: 'text', error: 'Port: is needed' };
    const markup = form({ action: '/x', fields: [name, port], submit: { label: 'Save' } }).toString();
    assert.match(markup, /What for<\/a>: must be one line</);
    assert.match(markup, /<span>must be one line<\/span>/);
    assert.match(markup, /Port<\/a>: is needed</);
  });

  it('unfolds a section that hides an error', () => {
    const folded = (error: string | undefined): string =>
      form({
        action: '/a',
        submit: { label: 'Save' },
        sections: [{ title: 'More', folded: true, fields: [{ name: 'n', label: 'N', kind: 'text', error }] }],
      }).toString();
    assert.match(folded('Missing.'), /<details class="fold"\s+open>/);
    assert.match(folded(undefined), /<details class="fold"\s*>/);
  });

  it('never sends its hidden fields to another site', () => {
    assert.match(
      form({ action: 'https://example.com/', submit: { label: 'Save' }, hidden: { token: 'a"b' } }).toString(),
      /action="#blocked-address".*value="a&quot;b"/s,
    );
  });
});
