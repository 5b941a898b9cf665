import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { attrs, escapeText, type Html, type HtmlValue, html, join, raw } from './html.ts';

/** Text that has broken out of templates elsewhere. */
const HOSTILE_TEXTS: readonly string[] = [
  '<script>alert(1)</script>',
  '</title><script>alert(1)</script>',
  '</textarea><img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  '` onfocus=alert(1) autofocus `',
  '<!--<img src="--><img src=x onerror=alert(1)//">',
  '&lt;script&gt;',
  '&#x3c;img&#x20;src=x&#x3e;',
  '<a href="javascript:alert(1)">',
  ']]><script>alert(1)</script>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '\u0000<\u0000script>',
  '<scr\u0000ipt>alert(1)</scr\u0000ipt>',
  '\u202e<b>gnp.exe',
  '\ud800<img src=x>',
  '<\u2028script>',
  '＜script＞',
  '<img src=`x`onerror=alert(1)>',
  '{{7*7}}',
];

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** Renders a template whose strings are chosen at run time. */
function renderTemplate(strings: readonly string[], ...values: readonly HtmlValue[]): string {
  return html(Object.assign([...strings], { raw: [...strings] }), ...values).toString();
}

/** Any text, with the characters that matter far more often than chance would have it. */
const hostileText = fc.oneof(
  fc.string({ unit: ANY_CHARACTER }),
  fc
    .array(
      fc.constantFrom(
        '<',
        '>',
        '"',
        "'",
        '`',
        '&',
        '/',
        '=',
        ' ',
        '\n',
        '\u0000',
        '\u202e',
        '\ud800',
        'script',
        'onload',
        '<!--',
        '-->',
        'javascript:',
        'x',
      ),
      { maxLength: 24 },
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(...HOSTILE_TEXTS),
);

describe('Text in a hole', () => {
  it('reads as typed once the browser has decoded it', () => {
    assert.equal(
      html`<p>${'a < b & "c" \'d\' `e`'}</p>`.toString(),
      '<p>a &lt; b &amp; &quot;c&quot; &#39;d&#39; &#96;e&#96;</p>',
    );
  });

  it('never opens a tag, whatever it holds', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const out = html`<p>${text}</p>`.toString();
        const inner = out.slice('<p>'.length, -'</p>'.length);
        assert.doesNotMatch(inner, /[<>"'`]/);
        assert.doesNotMatch(inner, /&(?!(?:amp|lt|gt|quot|#39|#96);)/);
        assert.doesNotMatch(inner, CONTROL);
        assert.ok(inner.isWellFormed());
      }),
    );
  });

  it('never leaves its quoted attribute, whatever it holds', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (one, two) => {
        const out = html`<p title="a ${one} b ${two}" class='${one}'>x</p>`.toString();
        assert.match(out, /^<p title="a [^"<>'`]* b [^"<>'`]*" class='[^"<>'`]*'>x<\/p>$/);
      }),
    );
  });

  it('never leaves a title or a textarea', () => {
    for (const text of HOSTILE_TEXTS) {
      const out = html`<textarea>${text}</textarea>`.toString();
      assert.equal(out.indexOf('<', 1), out.length - '</textarea>'.length);
    }
  });

  it('keeps tabs and line breaks, and shows every hidden control as a replacement character', () => {
    assert.equal(escapeText('a\tb\nc\r\nd'), 'a\tb\nc\nd');
    assert.equal(escapeText('a\u0000b\u001bc\u007fd\u0085e\rf'), 'a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf');
    assert.equal(escapeText('invoice\u202egnp.exe\u2066x\u2069'), 'invoice\ufffdgnp.exe\ufffdx\ufffd');
    assert.equal(escapeText('\ud800x\udc00'), '\ufffdx\ufffd');
    assert.equal(escapeText('🔒 naïve ünïcode'), '🔒 naïve ünïcode');
  });
});

describe('Values', () => {
  it('render nothing when there is nothing, so conditions read as they look', () => {
    assert.equal(html`<p>${null}${undefined}${false}${true}${''}</p>`.toString(), '<p></p>');
    assert.equal(html`<p>${0}${7n}${-1.5}</p>`.toString(), '<p>07-1.5</p>');
  });

  it('pass nested html through once, however deep the list', () => {
    const items = ['<a>', '<b>'].map((name) => html`<li>${name}</li>`);
    assert.equal(
      html`<ul>${items}${[[html`<li>${'&'}</li>`]]}</ul>`.toString(),
      '<ul><li>&lt;a&gt;</li><li>&lt;b&gt;</li><li>&amp;</li></ul>',
    );
  });

  it('are refused when they are neither text nor html', () => {
    for (const value of [{}, new Date(0), { toString: () => '<script>' }, () => 'x', Symbol('x'), Promise.resolve('x')]) {
      assert.throws(() => html`<p>${value as unknown as HtmlValue}</p>`, /hole 1 after "<p>"/);
    }
  });

  it('cannot pretend to be html', () => {
    const forged = Object.create(Object.getPrototypeOf(html`<p></p>`)) as Html;
    assert.throws(() => html`<p>${forged}</p>`, TypeError);
    assert.equal(html`${raw('<i></i>')}`.toString(), '<i></i>');
  });

  it('that are html are refused inside attributes, titles and textareas', () => {
    assert.throws(() => html`<p title="${html`<b></b>`}"></p>`, /plain text/);
    assert.throws(() => html`<title>${html`<b></b>`}</title>`, /plain text/);
  });

  it('are joined with a separator, leaving out the empty ones', () => {
    assert.equal(join(['<', null, html`<b></b>`, false, ''], ' & ').toString(), '&lt; &amp; <b></b>');
  });
});

describe('A hole is refused', () => {
  const refused: readonly (readonly [string, readonly string[]])[] = [
    ['in a script', ['<script>let a = "', '"</script>']],
    ['in a style', ['<style>a{color:', '}</style>']],
    ['in a comment', ['<!-- ', ' -->']],
    ['in a declaration', ['<!doctype ', '>']],
    ['as a tag name', ['<', '></p>']],
    ['inside a tag name', ['<h', '>x</h1>']],
    ['in an end tag', ['<p></', '>']],
    ['as part of an attribute name', ['<p data-', '="x"></p>']],
    ['as an unquoted value', ['<p title=', '></p>']],
    ['inside an unquoted value', ['<p title=a', '></p>']],
    ['in an event attribute', ['<p onclick="', '"></p>']],
    ['in an event attribute of any case', ['<p OnClick="go(', ')"></p>']],
    ['in a style attribute', ['<p style="color:', '"></p>']],
    ['in srcdoc', ['<p srcdoc="', '"></p>']],
    ['in srcset', ['<img srcset="', '">']],
    ['in an htmx handler', ['<p hx-on:click="', '"></p>']],
    ['in an htmx expression', ['<p hx-vals="', '"></p>']],
    ['in an htmx confirmation', ['<p hx-confirm="', '"></p>']],
    ['in an htmx trigger', ['<p data-hx-trigger="', '"></p>']],
    ['in a redirecting meta', ['<meta http-equiv="refresh" content="', '">']],
    ['in an attribute of a style element', ['<style media="', '"></style>']],
    ['after a script whose end tag is only the start of a longer word', ['<script></scripty>', '</script>']],
  ];
  for (const [where, strings] of refused) {
    it(where, () => assert.throws(() => renderTemplate(strings, 'x'), { name: 'TypeError', message: /hole 1 after/ }));
  }

  it('when the template ends inside a tag, so that results can stand side by side', () => {
    for (const text of ['<p', '<p title="', '<p title="a"', '<!-- ', '<script>', '<textarea>']) {
      assert.throws(() => renderTemplate([text]), /ends inside/);
    }
  });

  it('when the template uses an element that loads or replaces the page', () => {
    for (const tag of ['iframe', 'object', 'embed', 'base', 'plaintext', 'xmp'])
      assert.throws(() => renderTemplate([`<${tag}>`]), /is not used here/);
  });
});

describe('Attributes as an object', () => {
  it('write names, words and nothing, as each value asks', () => {
    const out = html`<input ${attrs({ checked: true, disabled: false, value: '"<', title: null, max: 3, 'aria-expanded': false, 'data-a': undefined })}>`;
    assert.equal(out.toString(), '<input  checked value="&quot;&lt;" max="3" aria-expanded="false">');
  });

  it('refuse names that run code or are no names', () => {
    for (const name of [
      'onclick',
      'ONLOAD',
      'style',
      'srcdoc',
      'hx-on:click',
      'hx-vals',
      'data-hx-trigger',
      'a b',
      'a=b',
      'a"b',
      'a>b',
      '',
      '1',
    ]) {
      assert.throws(() => attrs({ [name]: 'x' }), TypeError, name);
    }
  });

  it('are the only thing that may stand where an attribute would', () => {
    for (const value of ['checked', 'onclick=x', html`<b></b>`, 1]) assert.throws(() => html`<input ${value}>`, /attrs/);
    assert.equal(html`<input ${null}${undefined}${false}>`.toString(), '<input >');
    assert.throws(() => html`<p>${attrs({ a: 'b' })}</p>`, /neither text nor html/);
  });
});

describe('The parse of a template', () => {
  it('survives spaces, single quotes, self-closing tags and stray brackets', () => {
    assert.equal(
      html`<p class = "${'a'}" title='${'b'}' hidden>1 < ${2} <br/> ${3}</p>`.toString(),
      `<p class = "a" title='b' hidden>1 < 2 <br/> 3</p>`,
    );
    assert.equal(html`<!-- note --><!doctype html>${'x'}`.toString(), '<!-- note --><!doctype html>x');
    assert.equal(html`<script src="${'/a.js'}"></script><i>${1}</i>`.toString(), '<script src="/a.js"></script><i>1</i>');
  });

  it('carries nothing from one rendering to the next', () => {
    const row = (name: string): Html => html`<tr><td>${name}</td></tr>`;
    assert.equal(row('a').toString() + row('b').toString(), '<tr><td>a</td></tr><tr><td>b</td></tr>');
  });
});
