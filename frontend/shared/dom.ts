/**
 * Making elements. Text is always set as text, never parsed as markup, so what users typed can do no harm.
 */

type Child = Node | string | null | undefined | false;
type Handlers = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };

export interface Options {
  class?: string;
  text?: string;
  /** Attributes; `true` sets an empty one, `false`, null and undefined leave it out. */
  attributes?: Record<string, string | number | boolean | null | undefined>;
  on?: Handlers;
}

/** Return a new element with its children; strings become text. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: Options = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (options.class) made.className = options.class;
  if (options.text !== undefined) made.textContent = options.text;
  for (const [name, value] of Object.entries(options.attributes ?? {})) setAttribute(made, name, value);
  for (const [name, handler] of Object.entries(options.on ?? {})) {
    made.addEventListener(name, handler as EventListener);
  }
  append(made, ...children);
  return made;
}

/** Append what is there; null, undefined and false are nothing. */
export function append(parent: Element, ...children: Child[]): void {
  for (const child of children) if (child !== null && child !== undefined && child !== false) parent.append(child);
}

/** Return a new SVG element; attributes as in `element`. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number> = {},
  ...children: SVGElement[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

export function setAttribute(target: Element, name: string, value: string | number | boolean | null | undefined): void {
  if (value === false || value === null || value === undefined) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? "" : String(value));
}

/** Set the text only when it differs: no layout for nothing, and a selection stays. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Return an icon of 16 x 16 drawn with the text's colour; decorative, so the button needs a name of its own. */
export function icon(path: string): SVGSVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 16 16", "aria-hidden": "true", fill: "none", stroke: "currentColor", "stroke-width": 1.5 },
    svg("path", { d: path, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}

export const ICONS = {
  close: "M4 4l8 8M12 4l-8 8",
  follow: "M8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6",
  link: "M6.5 9.5l3-3M7 4.5l1-1a3 3 0 0 1 4.2 4.2l-1 1M9 11.5l-1 1a3 3 0 0 1-4.2-4.2l1-1",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
} as const;

let region: HTMLElement | null = null;

/** Say something to a screen reader, politely. */
export function announce(text: string): void {
  if (region === null) {
    region = element("div", { class: "visually-hidden", attributes: { role: "status", "aria-live": "polite" } });
    document.body.append(region);
  }
  region.textContent = text;
}
