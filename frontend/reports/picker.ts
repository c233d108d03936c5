/** A text field with a list to choose from (ARIA combobox): search by typing, arrows, Enter, Escape. */

import { element } from "../shared/dom";

export interface Choice {
  value: string;
  /** Quiet words beside the value. */
  note?: string;
}

export interface PickerOptions {
  label: string;
  value: string;
  placeholder?: string;
  search: (asked: string) => Choice[];
  choose: (value: string) => void;
  /** Said when nothing matches. */
  nothing: string;
  /** Empty the field after a choice, to choose another. */
  clear?: boolean;
}

let made = 0;

export function picker(options: PickerOptions): HTMLElement {
  made += 1;
  const id = `picker-${made}`;
  const input = element("input", {
    attributes: {
      type: "text",
      id,
      value: options.value,
      placeholder: options.placeholder,
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-expanded": "false",
      "aria-controls": `${id}-list`,
      "aria-autocomplete": "list",
    },
  });
  const list = element("ul", {
    class: "picker-list panel",
    attributes: { id: `${id}-list`, role: "listbox", "aria-label": options.label, hidden: true },
  });
  let choices: Choice[] = [];
  let active = -1;

  const close = (): void => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };
  const choose = (value: string): void => {
    input.value = options.clear ? "" : value;
    close();
    options.choose(value);
  };
  const mark = (place: number): void => {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = place;
    const row = list.children[active];
    if (!row || !choices.length) return;
    row.setAttribute("aria-selected", "true");
    row.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", row.id);
  };
  const open = (asked: string): void => {
    choices = options.search(asked);
    active = -1;
    list.replaceChildren(
      ...choices.map(({ value, note }, place) =>
        element(
          "li",
          {
            attributes: { role: "option", id: `${id}-${place}`, "aria-selected": "false" },
            on: { pointerdown: (event) => (event.preventDefault(), choose(value)) },
          },
          element("span", { text: value }),
          note && element("span", { class: "quiet", text: note }),
        ),
      ),
    );
    if (!choices.length) {
      list.append(
        element("li", {
          class: "quiet",
          text: options.nothing,
          attributes: { role: "option", "aria-disabled": "true" },
        }),
      );
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (asked && choices.length) mark(0);
  };

  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => list.hidden && open(""));
  input.addEventListener("input", () => open(input.value));
  input.addEventListener("blur", () => {
    close();
    if (!options.clear) input.value = options.value;
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) {
      close();
      input.value = options.clear ? "" : options.value;
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) open("");
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(Math.max(0, Math.min(choices.length - 1, active + step)));
    } else if (event.key === "Enter") {
      const found = choices[active] ?? choices.find(({ value }) => value === input.value);
      if (list.hidden || !found) return;
      choose(found.value);
    } else return;
    event.preventDefault();
  });
  return element(
    "div",
    { class: "picker" },
    element("label", { class: "field", attributes: { for: id } }, element("span", { text: options.label })),
    input,
    list,
  );
}
