/** Keys of the whole page: `/` searches, `f` follows, `a` shows all trucks, `l` goes to the list, Esc closes what is open. */

import type { PanelName } from "./panel";
import type { PanelHost } from "./panels";
import type { FleetStore } from "./store";

interface Parts {
  store: FleetStore;
  host: PanelHost;
  search: HTMLInputElement;
  focusList: () => void;
  showFleet: () => void;
}

export function startKeys({ store, host, search, focusList, showFleet }: Parts): void {
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      focusList();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") return escape(event);
    if (isTyping(event.target)) return;
    if (event.key === "/") {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "f" && store.selected !== null) store.setFollow(!store.following);
    else if (event.key === "l") focusList();
    else if (event.key === "a") showFleet();
  });

  /** The innermost thing first: the search text, an open panel, the chosen truck. */
  function escape(event: KeyboardEvent): void {
    if (document.querySelector("dialog[open]")) return; // the browser closes it
    if (event.target === search) {
      if (search.value) store.setFilter({ text: "" });
      search.value = "";
      search.blur();
      return;
    }
    const open: PanelName[] = ["editor", "health"];
    const panel = open.find((name) => host.isOpen(name));
    if (panel) void host.close(panel);
    else if (!isTyping(event.target)) store.select(null);
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.matches("input:not([type=checkbox], [type=radio], [type=range], [type=button]), textarea, select"))
  );
}
