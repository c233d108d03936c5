/** The chosen truck: what it reports, the last hour of speed and fuel, the geofences it is in, its last alerts. */

import { ApiError, api } from "../../shared/api";
import { ICONS, announce, element, icon, setText } from "../../shared/dom";
import { ageLabel, durationLabel } from "../../shared/time";
import { clockText } from "../alerts/sentence";
import { datedBefore_ms } from "../ages";
import { markImage } from "../marks";
import type { PanelContext } from "../panel";
import { STATE_WORDS } from "../wire";
import type { Alert, Truck } from "../wire";
import { LastHour } from "./last_hour";
import { alertSentence } from "./sentence";
import { telemetry } from "./telemetry";
import type { Detail } from "./telemetry";

const REFRESH_MS = 15_000;
const ALERTS_SHOWN = 5;

export function mount(context: PanelContext): void {
  const panel = new TruckPanel(context);
  context.store.on("selection", (id) => panel.show(id));
  panel.show(context.store.selected);
}

class TruckPanel {
  private id: string | null = null;
  private reading: AbortController | null = null;
  private detail: Detail | null = null;
  private hourDue = false;
  private readonly root = element("article", { class: "truck-card panel" });
  private readonly mark = element("span", { class: "mark-box" });
  private readonly title = element("h2");
  private readonly state = element("p", { class: "state-line" });
  private readonly warning = element("p", { class: "notice warning small", attributes: { hidden: true } });
  private readonly problem = element("p", { class: "notice error small", attributes: { hidden: true } });
  private readonly values = element("dl", { class: "telemetry" });
  private readonly charts = element("div", { class: "sparklines" });
  private readonly fences = element("div", { class: "block" });
  private readonly alerts = element("div", { class: "block" });
  private readonly followButton: HTMLButtonElement;
  private readonly hour: LastHour;

  constructor(private readonly context: PanelContext) {
    const { store, place } = context;
    this.hour = new LastHour(this.charts, context.zone);
    const button = (name: string, path: string, action: () => void) => {
      const made = element(
        "button",
        { class: "plain icon", attributes: { type: "button", "aria-label": name, title: name }, on: { click: action } },
        icon(path),
      );
      return made;
    };
    this.followButton = button("Follow on the map (f)", ICONS.follow, () => store.setFollow(!store.following));
    const link = button("Copy a link to this view", ICONS.link, () => void this.copyLink());
    const close = button("Close (Esc)", ICONS.close, () => store.select(null));
    const head = element("header", {}, this.mark, this.title, this.followButton, link, close);
    this.root.append(head, this.state, this.warning, this.problem, this.values, this.charts, this.fences, this.alerts);
    place.append(this.root);
    store.on("trucks", ({ changed, gone, whole }) => {
      if (this.id !== null && (whole || changed.has(this.id) || gone.has(this.id))) {
        this.draw();
        if (this.truck && !this.hour.add(this.truck)) this.hourDue = true;
      }
      void this.readHour();
    });
    store.on("alerts", ({ alerts }) => {
      if (alerts.some((alert) => alert.truck_id === this.id)) void this.read();
    });
    store.on("follow", () => this.drawFollow());
    setInterval(() => this.drawState(), 1000);
    setInterval(() => {
      if (document.visibilityState !== "visible") return;
      void this.read();
      void this.readHour();
    }, REFRESH_MS);
  }

  show(id: string | null): void {
    if (id === this.id) return;
    this.id = id;
    this.detail = null;
    this.problem.hidden = true;
    this.hour.clear();
    this.fences.replaceChildren();
    this.alerts.replaceChildren();
    this.draw();
    void this.read();
    this.hourDue = id !== null;
    void this.readHour();
  }

  private get truck(): Truck | undefined {
    return this.id === null ? undefined : this.context.store.trucks.get(this.id);
  }

  private draw(): void {
    if (this.id === null) return;
    setText(this.title, this.id);
    const { truck } = this;
    this.mark.replaceChildren(markImage(truck?.state ?? "never"));
    this.values.replaceChildren(...telemetry(truck, this.detail));
    this.followButton.disabled = truck?.latitude == null;
    this.drawState();
    this.drawFollow();
  }

  private drawState(): void {
    if (this.id === null) return;
    const { truck } = this;
    const { store, zone } = this.context;
    const now_ms = store.now();
    if (!truck) {
      setText(
        this.state,
        store.heard ? "This fleet has no such truck, or it has not been heard of yet." : "Waiting for the server…",
      );
      this.warning.hidden = true;
      return;
    }
    const since = truck.state_since_ms;
    const lasting = since === null ? "" : ` for ${durationLabel(Math.max(0, now_ms - since))}`;
    const seen =
      truck.timestamp_ms === null
        ? "no position yet"
        : `position ${ageLabel(truck.timestamp_ms, now_ms)} (${clockText(truck.timestamp_ms, now_ms, zone)})`;
    setText(this.state, `${STATE_WORDS[truck.state]}${lasting}, ${seen}`);
    const off = datedBefore_ms(truck.timestamp_ms, truck.received_ms);
    this.warning.hidden = off === null;
    if (off !== null) {
      const direction = off > 0 ? "before" : "after";
      setText(
        this.warning,
        `Received ${ageLabel(truck.received_ms, now_ms)}, but dated ${durationLabel(Math.abs(off))} ${direction} that: ` +
          "it came late, or the clock of the device is wrong.",
      );
    }
  }

  private drawFollow(): void {
    this.followButton.setAttribute("aria-pressed", String(this.context.store.following));
  }

  /** Ask for what the live stream does not carry. Each part stands for itself, and answers that come late are dropped. */
  private async read(): Promise<void> {
    const { id } = this;
    this.reading?.abort();
    if (id === null) return;
    const reading = new AbortController();
    this.reading = reading;
    const [detail, alerts] = await Promise.allSettled([
      api.get<Detail>(`/api/v1/positions/${encodeURIComponent(id)}`, {}, reading.signal),
      api.get<{ items: Alert[] }>("/api/v1/alerts", { truck: id, order: "desc", limit: ALERTS_SHOWN }, reading.signal),
    ]);
    if (reading.signal.aborted) return;
    if (detail.status === "fulfilled") {
      this.detail = detail.value;
      this.draw();
      this.drawFences();
    }
    if (alerts.status === "fulfilled") this.drawAlerts(alerts.value.items);
    const failed = [detail, alerts].find((part) => part.status === "rejected");
    this.drawProblem(failed ? failed.reason : null);
  }

  /** Read the last hour when it is due: up to the newest position, which a frame of the stream tells. */
  private async readHour(): Promise<void> {
    const { id, truck } = this;
    if (id === null || !truck || !this.hourDue) return;
    this.hourDue = false;
    try {
      await this.hour.read(id, truck.timestamp_ms ?? this.context.store.now());
    } catch (error) {
      if (id !== this.id) return;
      this.hourDue = !(error instanceof ApiError) || error.retryable;
      this.drawProblem(error);
    }
  }

  /** Say what could not be read; that there is no such truck stands above already. */
  private drawProblem(error: unknown): void {
    const told = error !== null && !(error instanceof ApiError && error.status === 404);
    this.problem.hidden = !told;
    if (told) setText(this.problem, error instanceof ApiError ? error.sentence : String(error));
  }

  private drawFences(): void {
    const inside = this.detail?.geofences ?? [];
    const { zone, store } = this.context;
    this.fences.replaceChildren(
      element("h3", { text: "In geofences" }),
      inside.length === 0
        ? element("p", { class: "quiet", text: "In none." })
        : element(
            "ul",
            {},
            ...inside.map(({ name, since }) =>
              element(
                "li",
                {},
                element("span", { class: "grow", text: name }),
                since
                  ? element("span", {
                      class: "quiet",
                      text: `since ${clockText(Date.parse(since), store.now(), zone, { seconds: false })}`,
                      attributes: { title: ageLabel(Date.parse(since), store.now()) },
                    })
                  : null,
              ),
            ),
          ),
    );
  }

  private drawAlerts(alerts: Alert[]): void {
    const { zone, map, store } = this.context;
    this.alerts.replaceChildren(
      element("h3", { text: "Last alerts" }),
      alerts.length === 0
        ? element("p", { class: "quiet", text: "None." })
        : element(
            "ul",
            {},
            ...alerts.map((alert) => {
              const go = element("button", {
                class: "plain grow left",
                text: alertSentence(alert),
                attributes: { type: "button" },
              });
              go.addEventListener("click", () => map.flyTo(alert.longitude, alert.latitude));
              const at = clockText(Date.parse(alert.timestamp), store.now(), zone, { seconds: false });
              return element("li", {}, go, element("span", { class: "quiet", text: at }));
            }),
          ),
    );
  }

  private async copyLink(): Promise<void> {
    this.context.address.write();
    try {
      await navigator.clipboard.writeText(location.href);
      announce("Link copied");
    } catch {
      announce("This browser does not let the page copy: the address bar holds the link");
    }
  }
}
