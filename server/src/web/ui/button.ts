/** Buttons, links that look like them, and acts that ask first. */
import { type AttributeValue, attrs, type Html, type HtmlValue, html } from '../html.ts';
import { type IconName, icon } from './icons.ts';

/** One `primary` per page; `danger` destroys; `quiet` has no border. */
export type ButtonKind = 'primary' | 'secondary' | 'danger' | 'quiet';

type Look = {
  readonly label: HtmlValue;
  readonly kind?: ButtonKind | undefined;
  readonly icon?: IconName | undefined;
  readonly small?: boolean | undefined;
};

export type ButtonView = Look & {
  readonly type?: 'submit' | 'button';
  readonly name?: string | undefined;
  readonly value?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** Further attributes, such as `form`, `formaction` or `hx-post`. */
  readonly attributes?: Readonly<Record<string, AttributeValue>> | undefined;
};

function classOf(look: Look): string {
  return `button button-${look.kind ?? 'secondary'}${look.small === true ? ' button-small' : ''}`;
}

function face(look: Look): Html {
  return html`${look.icon !== undefined && icon(look.icon)}<span>${look.label}</span>`;
}

export function button(view: ButtonView): Html {
  const { type = 'submit', name, value, disabled, attributes } = view;
  return html`<button class="${classOf(view)}" ${attrs({ type, name, value, disabled, ...attributes })}>${face(view)}</button>`;
}

export function linkButton(
  view: Look & { readonly href: string; readonly attributes?: Readonly<Record<string, AttributeValue>> | undefined },
): Html {
  return html`<a class="${classOf(view)}" href="${view.href}" ${attrs(view.attributes ?? {})}>${face(view)}</a>`;
}

/** A link onward with its arrow: `Make a plan for them →`. */
export function onward(view: { readonly href: string; readonly label: HtmlValue }): Html {
  return html`<a class="onward" href="${view.href}">${view.label}<span aria-hidden="true"> →</span></a>`;
}

export type HiddenFields = Readonly<Record<string, string | number>>;

/** Of the form around them, or of the one with this id. */
export function hiddenInputs(fields: HiddenFields | undefined, form?: string): Html {
  return html`${Object.entries(fields ?? {}).map(([name, value]) => html`<input type="hidden" ${attrs({ name, value, form })}>`)}`;
}

/** A one-button form: an act that needs no question. */
export function postButton(view: ButtonView & { readonly action: string; readonly hidden?: HiddenFields | undefined }): Html {
  return html`<form class="inline-form" method="post" action="${view.action}">${hiddenInputs(view.hidden)}${button(view)}</form>`;
}

/** An act and the question before it. The effect is named; overwriting and destroying ask for the name to be typed. */
export type Confirmation = {
  /** The question: `Delete host db-2.fra?` */
  readonly title: HtmlValue;
  /** What happens, with numbers: `Deletes 14 snapshots, frees about 3 GiB.` */
  readonly effect: HtmlValue;
  /** The verb on the button: `Delete 14 snapshots`. */
  readonly verb: string;
  readonly action: string;
  readonly hidden?: HiddenFields | undefined;
  readonly kind?: 'primary' | 'danger' | undefined;
  /** Must be typed before the act; sent as `confirm` and to be checked again by the server. */
  readonly typedName?: string | undefined;
  /** Further fields between the question and the buttons. */
  readonly fields?: HtmlValue;
};

/** The button and its question. The question is a popover, so it opens without JavaScript. `id` is unique in the page. */
export function confirmButton(view: ButtonView & { readonly id: string; readonly confirm: Confirmation }): Html {
  const { id, confirm } = view;
  const opener = button({
    ...view,
    type: 'button',
    attributes: { ...view.attributes, popovertarget: id, 'aria-haspopup': 'dialog' },
  });
  const cancel = html`<button type="button" class="button button-secondary" autofocus ${attrs({ popovertarget: id, popovertargetaction: 'hide' })}>Cancel</button>`;
  return html`${opener}<div class="dialog" popover role="dialog" ${attrs({ id, 'aria-labelledby': `${id}-title` })}>${confirmForm(confirm, cancel, id, html`<h2 id="${id}-title">${confirm.title}</h2>`)}</div>`;
}

/** The same question as a panel; the heading of its page asks it. */
export function confirmPanel({
  id,
  confirm,
  cancelHref,
}: {
  readonly id: string;
  readonly confirm: Confirmation;
  readonly cancelHref: string;
}): Html {
  return html`<div class="panel panel-flush">${confirmForm(confirm, linkButton({ href: cancelHref, label: 'Cancel' }), id)}</div>`;
}

function confirmForm(confirm: Confirmation, cancel: Html, id: string, heading?: Html): Html {
  const typed =
    confirm.typedName !== undefined &&
    html`<div class="field"><label for="${id}-typed">Type <code class="typed-name">${confirm.typedName}</code> to confirm</label><input class="input" type="text" name="confirm" required autocomplete="off" spellcheck="false" ${attrs(
      { id: `${id}-typed`, pattern: escapePattern(confirm.typedName), title: `Exactly: ${confirm.typedName}` },
    )}></div>`;
  return html`<form class="dialog-body" method="post" action="${confirm.action}">${hiddenInputs(confirm.hidden)}${heading}<div class="dialog-effect">${confirm.effect}</div>${confirm.fields}${typed}<div class="dialog-actions">${cancel}${button(
    { label: confirm.verb, kind: confirm.kind ?? 'danger' },
  )}</div></form>`;
}

/** Literal text for the `pattern` attribute, which browsers compile with the `v` flag. */
function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
