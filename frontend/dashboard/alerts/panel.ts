/** The alert feed: newest first, calm in a burst, in step with the live stream. Rows are drawn only where they are seen. */

import { announce, element, setAttribute, setText } from "../../shared/dom";
import { count, number } from "../../shared/format";
import type { PanelContext } from "../panel";
import { sentenceOfError, toast } from "../toast";
import "./alerts.css";
import { AlertFeed, announcement, type Filter, matches, NO_FILTER } from "./feed";
import { askNote } from "./note";
import { type Acknowledgement, type Alert, type AlertType, clockText, KIND_WORDS, sentenceOf } from "./sentence";
import { AlertRow, ROW_PX } from "./row";
import { play, soundOn, switchSound } from "./sound";
import { AlertSource } from "./source";

const SPARE_ROWS = 4;
/** The stream tells at most 200 alerts a frame: so many mean that there may be more. */
const BURST = 200;

export function mount(context: PanelContext): void {
  new AlertPanel(context);
}

class AlertPanel {
  private readonly feed = new AlertFeed();
  private readonly source = new AlertSource(this.feed);
  private filter: Filter = NO_FILTER;
  /** What is listed; alerts that came since are waiting while somebody reads. */
  private shown: readonly Alert[] = [];
  private waiting = 0;
  private reading = false;
  private failure = "";
  private catching: Promise<void> = Promise.resolve();
  private chosen: string | null = null;
  private namesShown = "";
  private anyGeofence: boolean | null = null;
  private readonly rows: AlertRow[] = [];
  private readonly open = element("span", { class: "open" });
  private readonly list = element("ul", { class: "alert-rows", attributes: { "aria-label": "Alerts, newest first" } });
  private readonly scroll = element("div", {
    class: "alerts-scroll",
    attributes: { tabindex: 0, role: "region", "aria-label": "Alerts" },
  });
  private readonly end = element("div", { class: "alerts-end" });
  private readonly newer = element("button", {
    class: "primary alerts-new",
    attributes: { type: "button", hidden: true },
  });
  private readonly geofence = element("select", { attributes: { "aria-label": "Geofence" } });
  private readonly kind = element("select", { attributes: { "aria-label": "Kind of alert" } });
  private readonly openOnly = element("input", { attributes: { type: "checkbox" } });
  private pointerInside = false;

  constructor(private readonly context: PanelContext) {
    this.build();
    const { store } = context;
    this.feed.add(store.alerts.values() as Iterable<Alert>);
    store.on("alerts", ({ alerts, whole }) => this.told(alerts as readonly Alert[], whole));
    store.on("selection", () => this.draw());
    store.on("geofences", () => {
      this.anyGeofence = null;
      this.drawEnd();
    });
    this.arrange();
    void this.older();
  }

  /** Asked each time: this panel is there before the server has told the role, and its first snapshot draws it again. */
  private get mayChange(): boolean {
    const { role } = this.context.config;
    return role === "dispatcher" || role === "admin";
  }

  private build(): void {
    const { place } = this.context;
    this.kind.append(element("option", { text: "All kinds", attributes: { value: "" } }));
    for (const [kind, words] of Object.entries(KIND_WORDS)) {
      this.kind.append(element("option", { text: words, attributes: { value: kind } }));
    }
    this.fillGeofences();
    const sound = element("button", { class: "plain", attributes: { type: "button" } });
    const showSound = (): void => {
      setText(sound, soundOn() ? "Sound on" : "Sound off");
      sound.setAttribute("aria-pressed", String(soundOn()));
    };
    sound.addEventListener("click", () => {
      switchSound(!soundOn());
      showSound();
    });
    showSound();
    const view = element("div", { class: "alerts-view" }, this.newer, this.scroll);
    place.append(
      element("div", { class: "alerts-head" }, element("h2", {}, "Alerts ", this.open), sound),
      element(
        "div",
        { class: "alerts-filter" },
        this.geofence,
        this.kind,
        element("label", { class: "check" }, this.openOnly, "Only those nobody has seen to"),
      ),
      view,
    );
    this.scroll.append(this.list, this.end);
    for (const input of [this.geofence, this.kind, this.openOnly]) {
      input.addEventListener("change", () => this.refilter());
    }
    this.scroll.addEventListener("scroll", () => this.draw(), { passive: true });
    this.newer.addEventListener("click", () => {
      this.scroll.scrollTop = 0;
      this.arrange();
      this.scroll.focus();
    });
    view.addEventListener("pointerenter", (event) => (this.pointerInside = event.pointerType !== "touch"));
    view.addEventListener("pointerleave", () => {
      this.pointerInside = false;
      if (this.atTop()) this.arrange();
    });
    new ResizeObserver(() => this.draw()).observe(this.scroll);
  }

  /** The geofences by their names now, and those of alerts whose geofence is gone. */
  private fillGeofences(): void {
    const names = new Map<string, string>();
    for (const alert of this.feed.newestFirst()) names.set(alert.geofence_id, alert.geofence_name);
    for (const geofence of this.context.map.geofences.values()) names.set(geofence.geofence_id, geofence.name);
    const key = JSON.stringify([...names]);
    if (key === this.namesShown || document.activeElement === this.geofence) return;
    this.namesShown = key;
    const chosen = this.filter.geofence_id ?? "";
    const sorted = [...names].sort(([, a], [, b]) => a.localeCompare(b));
    this.geofence.replaceChildren(
      element("option", { text: "All geofences", attributes: { value: "" } }),
      ...sorted.map(([id, name]) => element("option", { text: name, attributes: { value: id } })),
    );
    this.geofence.value = chosen;
  }

  private refilter(): void {
    this.filter = {
      ...this.filter,
      geofence_id: this.geofence.value || null,
      kind: (this.kind.value || null) as AlertType | null,
      unacknowledged: this.openOnly.checked,
    };
    this.source.restart();
    this.scroll.scrollTop = 0;
    this.arrange();
    announce(`${count(this.shown.length, "alert")} shown`);
    void this.older();
  }

  // --- what comes ---

  private told(alerts: readonly Alert[], whole: boolean): void {
    const known = this.feed.size > 0;
    const floor = this.feed.newestFirst().at(-1)?.timestamp ?? "";
    const fresh = this.feed.add(alerts);
    this.took(fresh, known);
    if ((whole && known) || alerts.length >= BURST) {
      const oldest = alerts.reduce((least, { timestamp }) => (timestamp < least ? timestamp : least), "9");
      this.catchUp(oldest, floor);
    }
  }

  /** One after the other: a burst that comes during a catch-up gets its own. */
  private catchUp(since: string, floor: string): void {
    this.catching = this.catching
      .then(() => this.source.catchUp(since))
      // A page of answers may reach below what was listed so far: that is history nobody asked for yet, not news.
      .then((fresh) =>
        this.took(
          fresh.filter((alert) => alert.late || alert.timestamp >= floor),
          true,
        ),
      )
      .catch(() => {}); // the connection's own notice tells; the next burst or snapshot tries again
  }

  private took(fresh: readonly Alert[], tell: boolean): void {
    const matching = fresh.filter((alert) => matches(alert, this.filter));
    if (tell && matching.length) {
      announce(announcement(matching, (alert) => sentenceOf(alert)));
      if (soundOn() && matching.some((alert) => !alert.late)) play(performance.now());
    }
    if (this.atTop() && !this.pointerInside) this.arrange();
    else {
      this.waiting += matching.length;
      this.refresh();
    }
  }

  private atTop(): boolean {
    return this.scroll.scrollTop < ROW_PX / 2;
  }

  /** List everything that is known anew. */
  private arrange(): void {
    this.waiting = 0;
    this.shown = this.feed.matching(this.filter);
    this.refresh();
  }

  /** Keep the rows in their places and take what changed in them. */
  private refresh(): void {
    this.shown = this.shown.map((alert) => this.feed.get(alert.alert_id) ?? alert);
    setText(this.newer, this.waiting ? `${count(this.waiting, "new alert")}: show` : "");
    this.newer.hidden = this.waiting === 0;
    this.fillGeofences();
    const n = this.feed.unacknowledged();
    setText(this.open, n ? `${number(n)}${this.source.complete ? "" : "+"}\u00a0open` : "");
    setAttribute(
      this.open,
      "title",
      n && !this.source.complete ? "At least so many: older alerts are not read yet" : null,
    );
    this.list.style.height = `${this.shown.length * ROW_PX}px`;
    this.draw();
    this.drawEnd();
  }

  // --- older ones ---

  private async older(): Promise<void> {
    if (this.reading) return;
    const { filter } = this;
    this.reading = true;
    this.failure = "";
    this.drawEnd();
    try {
      await this.source.older(filter);
    } catch (error) {
      this.failure = sentenceOfError(error);
    }
    this.reading = false;
    if (filter !== this.filter) return this.older(); // another was chosen meanwhile
    const top = this.shown[0];
    const all = this.feed.matching(this.filter);
    // What is newer than the first row stays waiting, if somebody is reading further down.
    const from = this.waiting && top ? all.findIndex((alert) => alert.alert_id === top.alert_id) : 0;
    this.shown = all.slice(Math.max(0, from));
    this.refresh();
  }

  private drawEnd(): void {
    if (this.reading) return this.end.replaceChildren(element("span", { text: "Reading older alerts" }));
    const more = element("button", {
      text: this.failure ? "Try again" : "Older alerts",
      attributes: { type: "button" },
      on: { click: () => void this.older() },
    });
    if (this.failure) {
      this.end.replaceChildren(element("span", { text: `Older alerts cannot be read. ${this.failure}` }), more);
    } else if (!this.source.ended) this.end.replaceChildren(more);
    else if (this.shown.length) this.end.replaceChildren(element("span", { class: "small", text: "That is all." }));
    else {
      this.end.replaceChildren(...this.emptyWords());
      if (this.anyGeofence === null) void this.askForGeofences();
    }
  }

  /** Whether there is anything that could raise an alert: the words for an empty feed depend on it. */
  private async askForGeofences(): Promise<void> {
    try {
      this.anyGeofence = await this.source.anyGeofence();
      this.drawEnd();
    } catch {
      // The words for "none yet" stand; the next change of the geofences asks again.
    }
  }

  private emptyWords(): HTMLElement[] {
    const filtered = this.filter.geofence_id ?? this.filter.kind ?? this.filter.unacknowledged;
    if (filtered)
      return [
        element("strong", { text: "No alert matches" }),
        element("span", { text: "Choose another geofence or kind." }),
      ];
    if (this.anyGeofence === false) {
      const none = element("strong", { text: "No alerts: there is no geofence yet" });
      if (!this.mayChange) return [none, element("span", { text: "A dispatcher draws them." })];
      return [
        none,
        element("span", { text: "Draw one, and arrivals and departures show here." }),
        element("button", {
          text: "Draw a geofence",
          attributes: { type: "button" },
          on: { click: () => this.context.open("editor") },
        }),
      ];
    }
    return [
      element("strong", { text: "No alerts yet" }),
      element("span", { text: "They show here the moment a truck does what a geofence asks for." }),
    ];
  }

  // --- rows ---

  private draw(): void {
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(this.shown.length, first + Math.ceil(this.scroll.clientHeight / ROW_PX) + 2 * SPARE_ROWS);
    while (this.rows.length < last - first) {
      const row = new AlertRow({
        show: (alert) => this.show(alert),
        note: (alert) => void this.note(alert),
        mayAcknowledge: () => this.mayChange,
      });
      this.rows.push(row);
      this.list.append(row.root);
    }
    const slots = this.rows.length;
    const used = new Set<AlertRow>();
    for (let index = first; index < last; index++) {
      const row = this.rows[index % slots]!;
      const alert = this.shown[index]!;
      used.add(row);
      row.show(alert, index, this.shown.length, {
        sentence: this.sentence(alert),
        clock: this.clock(alert),
        chosen: alert.alert_id === this.chosen,
      });
    }
    for (const row of this.rows) row.root.hidden = !used.has(row);
    const nearEnd = this.scroll.scrollTop + this.scroll.clientHeight > this.scroll.scrollHeight - 4 * ROW_PX;
    if (nearEnd && this.scroll.scrollTop > 0 && !this.source.ended && !this.failure) void this.older();
  }

  private sentence(alert: Alert): string {
    const geofence = this.context.map.geofences.get(alert.geofence_id);
    return sentenceOf(alert, geofence?.version === alert.geofence_version ? geofence : undefined);
  }

  private clock(alert: Alert): string {
    return clockText(Date.parse(alert.timestamp), this.context.store.now(), this.context.zone);
  }

  private show(alert: Alert): void {
    this.chosen = alert.alert_id;
    this.context.store.select(alert.truck_id);
    this.context.map.flyTo(alert.longitude, alert.latitude);
    this.draw();
  }

  private async note(alert: Alert): Promise<void> {
    const change = (acknowledged: Acknowledgement | null): void => {
      const changed = { ...(this.feed.get(alert.alert_id) ?? alert), acknowledged };
      this.feed.add([changed]);
      this.context.store.putAlert(changed);
      if (this.filter.unacknowledged) this.arrange();
      else this.refresh();
    };
    await askNote(alert, `${this.sentence(alert)}, ${this.clock(alert)}`, {
      acknowledge: async (note) => change(await this.source.acknowledge(alert.alert_id, note)),
      takeBack: async () => {
        await this.source.takeBack(alert.alert_id);
        change(null);
        toast("Nobody has seen to it any more.", { duration_ms: 4000 });
      },
    });
  }
}
