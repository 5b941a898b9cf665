import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { attrs, type HtmlValue, html } from './html.ts';
import { isSafeUrl } from './html-rules.ts';

const HOSTILE_ADDRESSES: readonly string[] = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  '\tjavascript:alert(1)',
  'java\nscript:alert(1)',
  'java\tscript:alert(1)',
  '\u0001javascript:alert(1)',
  'javascript&colon;alert(1)',
  'vbscript:msgbox(1)',
  'data:text/html,<script>alert(1)</script>',
  'data:image/svg+xml;base64,PHN2Zy8+',
  '//evil.example.com',
  '/\\evil.example.com',
  '/\t/evil.example.com',
  '\\\\evil.example.com',
  '\\/evil.example.com',
  'https:evil',
  'http:///evil.example.com',
  'file:///etc/passwd',
  'blob:https://example.com/1',
  'filesystem:x',
  'view-source:x',
  'relative/path',
];

/** Renders a template whose strings are chosen at run time. */
function renderTemplate(strings: readonly string[], ...values: readonly HtmlValue[]): string {
  return html(Object.assign([...strings], { raw: [...strings] }), ...values).toString();
}

const anyAddress = fc.oneof(
  fc.constantFrom(...HOSTILE_ADDRESSES),
  fc
    .array(
      fc.constantFrom(
        '/',
        '\\',
        ':',
        '#',
        '?',
        '\t',
        '\n',
        ' ',
        '\u0000',
        '@',
        'javascript',
        'data',
        'https',
        'mailto',
        'evil',
        '.example.com',
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: ANY_CHARACTER }),
);

describe('An address', () => {
  it('that could run or leave is replaced, in every attribute that takes one', () => {
    for (const address of HOSTILE_ADDRESSES) {
      assert.equal(html`<a href="${address}">x</a>`.toString(), '<a href="#blocked-address">x</a>', address);
      for (const name of [
        'src',
        'action',
        'formaction',
        'hx-get',
        'hx-post',
        'hx-delete',
        'data-hx-put',
        'data-live-get',
        'poster',
        'xlink:href',
      ]) {
        assert.equal(
          renderTemplate([`<p ${name}="`, '">x</p>'], address),
          `<p ${name}="#blocked-address">x</p>`,
          `${name} ${address}`,
        );
      }
      assert.equal(html`<a ${attrs({ href: address })}>x</a>`.toString(), '<a  href="#blocked-address">x</a>');
    }
  });

  it('is judged as a whole, not hole by hole', () => {
    assert.equal(html`<a href="/${'/evil.example.com'}">x</a>`.toString(), '<a href="#blocked-address">x</a>');
    assert.equal(html`<a href="${'java'}${'script:alert(1)'}">x</a>`.toString(), '<a href="#blocked-address">x</a>');
    assert.equal(
      html`<a href="/hosts/${'host_1'}/runs?q=${'a b'}&amp;page=${2}#x" class="${'c'}">x</a>`.toString(),
      '<a href="/hosts/host_1/runs?q=a b&amp;page=2#x" class="c">x</a>',
    );
  });

  it('of our own, a mailbox or another site is kept where it may lead there', () => {
    for (const address of [
      '',
      '#top',
      '?page=2',
      '/hosts',
      '/',
      'https://example.com/a?b=c',
      'http://example.com',
      'mailto:a@example.com',
    ]) {
      assert.equal(html`<a href="${address}">x</a>`.toString(), `<a href="${address}">x</a>`);
    }
    assert.equal(html`<form action="${'https://example.com/'}"></form>`.toString(), '<form action="#blocked-address"></form>');
  });

  it('never ends up with a scheme that runs, whatever text it is made of', () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (start, end) => {
        const out = html`<a href="${start}${end}">x</a>`.toString();
        const address = /^<a href="([^"<>]*)">x<\/a>$/.exec(out)?.[1];
        assert.ok(address !== undefined, out);
        assert.match(address, /^(?:$|[#?]|\/(?![/\\])|https?:\/\/[^/\\]|mailto:)/i);
      }),
    );
  });
});

describe('What the browser makes of an address', () => {
  it('is never code, another origin or another scheme where only our own paths may stand', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        if (isSafeUrl(address, 'own'))
          assert.equal(
            new URL(address.toWellFormed(), 'https://holdfast.example.com/runs').origin,
            'https://holdfast.example.com',
          );
      }),
      { numRuns: 1_000 },
    );
  });

  it('is a page or a mailbox where links may leave', () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        if (!isSafeUrl(address, 'link') || !URL.canParse(address, 'https://holdfast.example.com/')) return;
        assert.ok(['https:', 'http:', 'mailto:'].includes(new URL(address, 'https://holdfast.example.com/').protocol));
      }),
      { numRuns: 1_000 },
    );
  });
});
