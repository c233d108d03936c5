/**
 * The list of trucks: every truck of the filter, drawn only where it is seen, usable without the map.
 *
 * A grid for screen readers and keys: the focus stays on the grid and `aria-activedescendant` names the row. It is
 * sorted again at most once a second, and never while the pointer is on its rows or the keys are at work in it.
 */

import { announce, element, setText } from "../../shared/dom";
import { count } from "../../shared/format";
import { ageLabel } from "../../shared/time";
import { markImage } from "../marks";
import type { PanelContext } from "../panel";
import { STATE_WORDS } from "../wire";
import type { State, Truck } from "../wire";
import { emptyList } from "./empty";
import { scrollFor, sorted } from "./order";
import type { Sort, SortKey } from "./order";

const ROW_PX = 30;
const SPARE_ROWS = 6;
const SORT_PAUSE_MS = 1000;
const KEYS_REST_MS = 5000;

const COLUMNS: readonly { key: SortKey; label: string; number: boolean; firstDescending: boolean }[] = [
  { key: "state", label: "State", number: false, firstDescending: false },
  { key: "truck_id", label: "Truck", number: false, firstDescending: false },
  { key: "speed", label: "km/h", number: true, firstDescending: true },
  { key: "age", label: "Last position", number: true, firstDescending: false },
];

interface Row {
  root: HTMLElement;
  mark: HTMLElement;
  word: HTMLElement;
  id: HTMLElement;
  speed: HTMLElement;
  age: HTMLElement;
  shownState: State | null;
  truckId: string | null;
}

export function mount(context: PanelContext): void {
  new TruckList(context);
}

class TruckList {
  private ids: string[] = [];
  private places = new Map<string, number>();
  private sort: Sort = { key: "truck_id", descending: false };
  private active: string | null = null;
  /** A chosen truck that is not in the list yet: a link names it before the fleet has come. */
  private awaited: string | null = null;
  private readonly rows: Row[] = [];
  private readonly body = element("div", { class: "rows", attributes: { role: "rowgroup" } });
  private readonly spacer = element("div", { class: "spacer", attributes: { role: "presentation" } });
  private readonly head = element("div", { class: "list-head", attributes: { role: "row", "aria-rowindex": 1 } });
  private readonly grid: HTMLElement;
  private readonly empty = element("div", { class: "empty", attributes: { hidden: true } });
  private saidWhenEmpty = "";
  private pointerOnRows = false;
  private lastKey_ms = -Infinity;
  private sortDue = false;
  private lastSort_ms = -Infinity;
  private drawRequested = false;

  constructor(private readonly context: PanelContext) {
    const { store, place } = context;
    this.grid = element(
      "div",
      { class: "grid", attributes: { role: "grid", id: "trucks", tabindex: 0, "aria-label": "Trucks" } },
      this.head,
      this.body,
    );
    this.body.append(this.spacer);
    this.buildHead();
    place.append(this.grid, this.empty);
    this.grid.addEventListener("scroll", () => this.requestDraw(), { passive: true });
    this.body.addEventListener("click", (event) => this.clicked(event));
    // The rows alone: a pointer that rests on the head it sorted by must not keep the list from its order.
    this.body.addEventListener("pointerenter", (event) => (this.pointerOnRows = event.pointerType !== "touch"));
    this.body.addEventListener("pointerleave", () => {
      this.pointerOnRows = false;
      if (this.sortDue) this.arrange();
    });
    this.grid.addEventListener("keydown", (event) => this.pressed(event));
    // Whoever looks around in the list is not taken away from there.
    for (const kind of ["keydown", "wheel", "pointerdown"]) {
      this.grid.addEventListener(kind, () => (this.awaited = null), { passive: true });
    }
    new ResizeObserver(() => this.requestDraw()).observe(this.grid);
    store.on("trucks", ({ changed, gone, whole }) => this.changed(changed, gone, whole));
    store.on("filter", () => {
      this.arrange();
      this.grid.scrollTop = 0;
      announce(`${count(this.ids.length, "truck")} shown`);
    });
    store.on("selection", (id) => {
      this.awaited = null;
      if (id !== null && id !== this.active) {
        this.active = id;
        this.reveal(id);
      }
      this.requestDraw();
    });
    setInterval(() => this.drawAges(), 1000);
    this.active = store.selected;
    this.awaited = store.selected;
    this.arrange();
  }

  /** Pixels there are for rows: the grid scrolls, its head stays. */
  private get rowsHeight(): number {
    return this.grid.clientHeight - this.head.offsetHeight;
  }

  private buildHead(): void {
    for (const { key, label, number, firstDescending } of COLUMNS) {
      const button = element("button", { class: "plain", text: label, attributes: { type: "button", tabindex: -1 } });
      button.addEventListener("click", () => {
        const same = this.sort.key === key;
        this.sort = { key, descending: same ? !this.sort.descending : firstDescending };
        this.arrange();
        announce(`Sorted by ${label}, ${this.sort.descending ? "descending" : "ascending"}`);
      });
      const cell = element("div", { class: `cell ${key}`, attributes: { role: "columnheader" } }, button);
      if (number) cell.classList.add("number");
      cell.dataset.key = key;
      this.head.append(cell);
    }
  }

  private changed(changed: ReadonlySet<string>, gone: ReadonlySet<string>, whole: boolean): void {
    const { store } = this.context;
    const added: string[] = [];
    let left = gone.size > 0;
    for (const id of changed) {
      const truck = store.trucks.get(id);
      const shown = this.places.has(id);
      if (!truck || store.matches(truck) === shown) continue;
      if (shown) left = true;
      else added.push(id);
    }
    const empty = this.ids.length === 0; // then nothing can move, and the reason for it may have changed
    if (whole || empty) this.arrange();
    else if (added.length || left || this.sort.key !== "truck_id") this.arrangeWhenQuiet(added);
    this.requestDraw();
  }

  /** Rows must not move under somebody's hand: until it rests, new trucks come last. */
  private arrangeWhenQuiet(added: readonly string[] = []): void {
    const now = performance.now();
    const busy = this.pointerOnRows || now - this.lastKey_ms < KEYS_REST_MS;
    if (!busy && now - this.lastSort_ms >= SORT_PAUSE_MS) {
      this.arrange();
      return;
    }
    this.sortDue = true;
    for (const id of added) {
      this.places.set(id, this.ids.length);
      this.ids.push(id);
    }
    this.measure();
  }

  private arrange(): void {
    const { store } = this.context;
    this.sortDue = false;
    this.lastSort_ms = performance.now();
    this.ids = sorted(
      [...store.trucks.values()].filter((truck) => store.matches(truck)),
      this.sort,
    );
    this.places = new Map(this.ids.map((id, index) => [id, index]));
    this.measure();
    for (const cell of this.head.children) {
      const sorting = (cell as HTMLElement).dataset.key === this.sort.key;
      cell.setAttribute("aria-sort", sorting ? (this.sort.descending ? "descending" : "ascending") : "none");
    }
    const none = this.ids.length === 0;
    this.empty.hidden = !none;
    this.grid.hidden = none;
    const said = `${store.heard} ${store.fleetSize}`;
    if (none && said !== this.saidWhenEmpty) emptyList(this.empty, this.context); // a focused button stays
    this.saidWhenEmpty = none ? said : "";
    if (this.awaited !== null) this.reveal(this.awaited);
    this.requestDraw();
  }

  private measure(): void {
    this.spacer.style.height = `${this.ids.length * ROW_PX}px`;
    this.grid.setAttribute("aria-rowcount", String(this.ids.length + 1));
  }

  private requestDraw(): void {
    if (this.drawRequested) return;
    this.drawRequested = true;
    requestAnimationFrame(() => {
      this.drawRequested = false;
      this.draw();
    });
  }

  private draw(): void {
    const first = Math.max(0, Math.floor(this.grid.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(this.ids.length, first + Math.ceil(this.rowsHeight / ROW_PX) + 2 * SPARE_ROWS);
    while (this.rows.length < last - first) this.rows.push(this.makeRow());
    // A row keeps its element while it is in view: no flicker, and a screen reader keeps its place.
    const slots = this.rows.length;
    const used = new Set<number>();
    for (let index = first; index < last; index++) {
      const slot = index % slots;
      used.add(slot);
      this.fill(this.rows[slot] as Row, index);
    }
    for (const [slot, row] of this.rows.entries()) {
      const hidden = !used.has(slot);
      if (row.root.hidden !== hidden) row.root.hidden = hidden;
      if (hidden) row.truckId = null;
    }
    const active = this.rows.find((row) => row.truckId !== null && row.truckId === this.active);
    if (active) this.grid.setAttribute("aria-activedescendant", active.root.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  private makeRow(): Row {
    const cell = (name: string) => element("div", { class: `cell ${name}`, attributes: { role: "gridcell" } });
    const row: Row = {
      root: element("div", { class: "row", attributes: { role: "row", id: `truck-row-${this.rows.length}` } }),
      mark: element("span", { class: "mark-box" }),
      word: element("span", { class: "word" }),
      id: cell("truck_id"),
      speed: cell("speed number"),
      age: cell("age number"),
      shownState: null,
      truckId: null,
    };
    const state = cell("state");
    state.append(row.mark, row.word);
    row.root.append(state, row.id, row.speed, row.age);
    this.body.append(row.root);
    return row;
  }

  private fill(row: Row, index: number): void {
    const id = this.ids[index] as string;
    const truck = this.context.store.trucks.get(id);
    if (!truck) return; // gone, and not yet sorted out
    const { root } = row;
    if (row.truckId !== id) {
      row.truckId = id;
      root.dataset.truck = id;
      setText(row.id, id);
    }
    const moved = `translateY(${index * ROW_PX}px)`;
    if (root.style.transform !== moved) {
      root.style.transform = moved;
      root.setAttribute("aria-rowindex", String(index + 2));
    }
    if (row.shownState !== truck.state) {
      row.shownState = truck.state;
      row.mark.replaceChildren(markImage(truck.state));
      row.word.textContent = STATE_WORDS[truck.state];
    }
    setText(row.speed, speedText(truck));
    setText(row.age, ageLabel(truck.fresh_ms, this.context.store.now()));
    root.setAttribute("aria-selected", String(id === this.context.store.selected));
    root.classList.toggle("active", id === this.active);
  }

  private drawAges(): void {
    const { store } = this.context;
    if (this.sortDue) this.arrangeWhenQuiet();
    for (const row of this.rows) {
      const truck = row.truckId === null ? undefined : store.trucks.get(row.truckId);
      if (truck) setText(row.age, ageLabel(truck.fresh_ms, store.now()));
    }
  }

  private clicked(event: MouseEvent): void {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    const id = row?.dataset.truck;
    if (id === undefined) return;
    this.active = id;
    this.choose(id);
  }

  private choose(id: string): void {
    this.context.store.select(id);
    this.context.map.showTruck(id);
  }

  private pressed(event: KeyboardEvent): void {
    if (event.target !== this.grid || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.rowsHeight / ROW_PX) - 1);
    const at = this.active === null ? -1 : (this.places.get(this.active) ?? -1);
    const last = this.ids.length - 1;
    const targets: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target !== undefined) {
      event.preventDefault();
      this.lastKey_ms = performance.now();
      const id = this.ids[Math.max(0, Math.min(last, target))];
      if (id === undefined) return;
      this.active = id;
      this.reveal(id);
      this.draw();
      if (this.context.store.selected !== null) this.choose(id); // an open panel goes along
    } else if ((event.key === "Enter" || event.key === " ") && this.active !== null) {
      event.preventDefault();
      this.lastKey_ms = performance.now();
      this.choose(this.active);
    }
  }

  private reveal(id: string): void {
    const index = this.places.get(id);
    if (index === undefined) {
      this.awaited = id;
      return;
    }
    this.awaited = null;
    this.grid.scrollTop = scrollFor(index, ROW_PX, this.grid.scrollTop, this.rowsHeight);
  }
}

function speedText(truck: Truck): string {
  return truck.speed_kmh === null ? "–" : String(Math.round(truck.speed_kmh));
}
