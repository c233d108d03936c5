/** The chosen truck's day: trail on the map, speed line, stops, gaps and alerts, and the replay through them. */

import { element, setText } from "../../shared/dom";
import { count } from "../../shared/format";
import { clockLabel, dayLabel, localDate, localLabel } from "../../shared/time";
import type { Alert } from "../alerts/sentence";
import type { PanelContext } from "../panel";
import { UNHEARD_MS } from "../truck/last_hour";
import { sentenceOfError } from "../toast";
import { SpeedChart } from "./chart";
import { ReplayControls } from "./controls";
import { TrailLayer } from "./layer";
import { loadAlerts, loadStops, loadTrail } from "./loader";
import { Player } from "./player";
import "./replay.css";
import { Strip } from "./strip";
import { type Day, dayOf, partOf } from "./timeline";
import { type Gap, type Stop, Trail } from "./trail";

/** As often stops are looked for anew while the truck drives on: so long it stands before it is one. */
const MARKS_EVERY_MS = 180_000;

export function mount(context: PanelContext): void {
  new ReplayPanel(context);
}

class ReplayPanel {
  private truck: string | null = null;
  private day: Day | null = null;
  private trail = new Trail();
  private gaps: readonly Gap[] = [];
  private stops: readonly Stop[] = [];
  private alerts: readonly Alert[] = [];
  private player = new Player(0, 0);
  /** Whether the newest position is followed, and not a past instant. */
  private live = true;
  private loaded = false;
  /** The day is today's because the truck was not known yet: it may come with a later frame. */
  private guessed = false;
  private catchingUp = false;
  private marksRead_ms = 0;
  private loading: AbortController | null = null;
  private layer: TrailLayer | null = null;
  private frame = 0;
  private lastFrame_ms = 0;
  private redrawTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly controls: ReplayControls;
  private readonly chart: SpeedChart;
  private readonly strip: Strip;
  private readonly tip = element("div", { class: "trail-tip panel", attributes: { hidden: true } });
  private readonly empty = element("div", { class: "replay-empty quiet", attributes: { hidden: true } });
  private readonly progress = element("progress", {
    class: "replay-progress",
    attributes: { max: 1, hidden: true, "aria-label": "Reading the day" },
  });

  constructor(private readonly context: PanelContext) {
    this.controls = new ReplayControls({
      day: (date) => void this.load(date),
      live: () => this.goLive(),
      toggle: () => this.toggle(),
      speed: (speed) => (this.player.speed = speed),
      seek: (at_ms) => this.seek(at_ms),
      fit: () => this.fit(),
      step: (direction) => this.step(direction),
      shiftSpeed: (direction) => {
        this.player.shift(direction);
        this.controls.showSpeed(this.player.speed);
      },
    });
    this.chart = new SpeedChart({
      hovered: (at_ms) => this.hover(at_ms === null ? null : this.trail.indexAt(at_ms), "chart"),
      pressed: (at_ms) => this.seek(at_ms),
    });
    this.strip = new Strip((at_ms, alert) => {
      this.seek(at_ms);
      if (alert) context.map.flyTo(alert.longitude, alert.latitude);
    });
    const { place, store } = context;
    place.append(
      this.controls.bar,
      this.progress,
      element("div", { class: "replay-graph" }, this.chart.root, this.tip, this.strip.root, this.empty),
      element("div", { class: "replay-slide" }, this.controls.slider),
    );
    store.on("selection", (truck) => this.choose(truck));
    store.on("trucks", ({ changed }) => {
      if (this.truck === null) return;
      if (!this.day) return this.startDay();
      if (this.guessed && this.newest_ms() !== null) {
        this.guessed = false;
        if (this.live) this.goLive();
      }
      if (changed.has(this.truck)) void this.append();
    });
    store.on("alerts", ({ alerts }) => {
      if (alerts.some((alert) => alert.truck_id === this.truck)) void this.readMarks();
    });
    void context.map.whenReady().then((map) => {
      this.layer = new TrailLayer(map, map.getLayer("chosen-ring") ? "chosen-ring" : undefined, {
        hovered: (index) => this.hover(index, "map"),
        pressed: (index) => this.seek(this.trail.timeAt(index)),
      });
      this.drawTrail();
    });
    this.choose(store.selected);
  }

  private choose(truck: string | null): void {
    if (truck === this.truck) return;
    this.truck = truck;
    this.stop();
    this.loading?.abort();
    this.trail = new Trail();
    this.live = true;
    this.drawTrail();
    this.day = null;
    this.startDay();
  }

  /** Begin with the day of the truck's newest position; which one that is the first frame of the stream says. */
  private startDay(): void {
    const { store, zone } = this.context;
    if (this.truck === null || this.day || !store.heard) return;
    const newest_ms = this.newest_ms();
    this.guessed = newest_ms === null;
    void this.load(localDate(Math.min(newest_ms ?? Infinity, store.now()), zone));
  }

  // --- reading a day ---

  private async load(date: string): Promise<void> {
    const { store, zone } = this.context;
    const { truck } = this;
    if (truck === null) return;
    this.loading?.abort();
    const loading = new AbortController();
    this.loading = loading;
    this.stop();
    const day = dayOf(date, zone);
    const today = localDate(store.now(), zone);
    this.day = day;
    this.loaded = false;
    this.trail = new Trail();
    this.gaps = this.stops = this.alerts = [];
    const speed = this.player.speed;
    this.player = new Player(day.from_ms, day.to_ms);
    this.player.speed = speed;
    this.controls.showDay(date, today);
    this.controls.showSpeed(speed);
    this.live = this.live && date === localDate(this.newest_ms() ?? store.now(), zone);
    this.drawDay();
    this.progress.hidden = false;
    this.progress.value = 0;
    this.controls.showStatus("Reading the day");
    const { trail } = this;
    try {
      const alerts = loadAlerts(truck, day, loading.signal);
      const stops = loadStops(truck, day, loading.signal);
      for (const part of [alerts, stops]) part.catch(() => {}); // awaited below; until then not unhandled
      await loadTrail(
        truck,
        day,
        trail,
        store.now(),
        ({ share, done }) => {
          if (loading.signal.aborted) return;
          this.progress.value = share;
          if (!done) this.controls.showStatus(`${count(trail.length, "position")} so far`);
          this.drawDay();
        },
        loading.signal,
      );
      [this.alerts, this.stops] = await Promise.all([alerts, stops]);
      this.loaded = true;
      this.marksRead_ms = performance.now();
      void this.append(); // what the stream brought while the day was read
      this.drawDay();
      this.controls.showStatus(this.summary());
    } catch (error) {
      if (loading.signal.aborted) return;
      this.controls.showStatus(`The day cannot be read. ${sentenceOfError(error)}`, true);
    }
    if (loading === this.loading) this.progress.hidden = true;
  }

  private newest_ms(): number | null {
    return this.truck === null ? null : (this.context.store.trucks.get(this.truck)?.timestamp_ms ?? null);
  }

  private summary(): string {
    if (!this.trail.length) return "";
    const parts = [count(this.trail.length, "position"), count(this.stops.length, "stop")];
    if (this.gaps.length) parts.push(count(this.gaps.length, "gap"));
    if (this.alerts.length) parts.push(count(this.alerts.length, "alert"));
    return parts.join(", ");
  }

  /** A position that the live stream brought belongs to the day shown, or begins the next one. */
  private async append(): Promise<void> {
    const { day, truck, trail, loading } = this;
    if (!day || !truck || !loading || !this.loaded || this.catchingUp) return;
    const now = this.context.store.trucks.get(truck);
    if (!now || now.timestamp_ms === null || now.latitude === null || now.longitude === null) return;
    if (this.live && now.timestamp_ms >= day.to_ms) return this.goLive();
    if (now.timestamp_ms < day.from_ms || now.timestamp_ms >= day.to_ms) return;
    const before = trail.length;
    if (before && now.timestamp_ms - trail.timeAt(before - 1) > UNHEARD_MS) {
      // Without what came while the page was cut off, it would draw a gap that was none.
      this.catchingUp = true;
      const missed = { ...day, from_ms: trail.timeAt(before - 1) };
      const read = loadTrail(truck, missed, trail, this.context.store.now(), () => {}, loading.signal);
      const failed = await read.then(
        () => false,
        () => true,
      );
      this.catchingUp = false;
      if (failed || loading.signal.aborted) return; // the next position tries again
    }
    trail.append([
      {
        timestamp_ms: now.timestamp_ms,
        latitude: now.latitude,
        longitude: now.longitude,
        speed_kmh: now.speed_kmh,
        heading: now.heading,
      },
    ]);
    if (trail.length === before || this.redrawTimer !== null) return;
    // The whole line is drawn again: not more than once in two seconds.
    this.redrawTimer = setTimeout(() => {
      this.redrawTimer = null;
      if (!this.loaded) return;
      this.drawDay();
      this.controls.showStatus(this.summary());
      if (performance.now() - this.marksRead_ms >= MARKS_EVERY_MS) void this.readMarks();
    }, 2000);
  }

  /** Read stops and alerts of the day anew: positions went on, and so did they. */
  private async readMarks(): Promise<void> {
    const { day, truck, loading } = this;
    if (!day || !truck || !loading || !this.loaded) return;
    this.marksRead_ms = performance.now();
    try {
      const [alerts, stops] = await Promise.all([
        loadAlerts(truck, day, loading.signal),
        loadStops(truck, day, loading.signal),
      ]);
      if (loading.signal.aborted) return;
      [this.alerts, this.stops] = [alerts, stops];
      this.drawDay();
      this.controls.showStatus(this.summary());
    } catch {
      // Those read before stay; the next position after a while tries again.
    }
  }

  // --- drawing ---

  private drawTrail(): void {
    this.layer?.show(this.truck === null || !this.day ? null : this.trail, this.stops);
  }

  private drawDay(): void {
    const { day, trail } = this;
    if (!day) return;
    this.gaps = trail.gaps();
    this.drawTrail();
    const last = trail.length - 1;
    // While it is read the whole day stands there, so that nothing jumps with every page.
    const part = this.loaded && last > 0 ? partOf(day, trail.timeAt(0), trail.timeAt(last)) : day;
    this.controls.showRange(part.from_ms, part.to_ms);
    this.chart.show(part, trail);
    this.strip.show(part, { stops: this.stops, gaps: this.gaps, alerts: this.alerts });
    const first_ms = trail.length ? trail.timeAt(0) : day.from_ms;
    const last_ms = trail.length ? trail.timeAt(trail.length - 1) : day.from_ms;
    this.player.setRange(first_ms, last_ms);
    this.controls.setPlayable(trail.length > 1);
    this.empty.hidden = trail.length > 0 || !this.loaded;
    if (this.loaded && !trail.length) {
      setText(this.empty, `${this.truck} sent no position on ${dayLabel(day.date)}. Choose another day.`);
    }
    this.drawTime();
  }

  private drawTime(): void {
    const { trail, day } = this;
    if (!day) return;
    if (this.live && trail.length) this.player.seek(trail.timeAt(trail.length - 1));
    const at_ms = this.player.at_ms;
    const index = trail.indexAt(at_ms);
    const gap = this.gapAt(at_ms);
    const clock = clockLabel(at_ms, day.zone, true);
    const words = index < 0 ? "no position yet" : gap ? "no positions" : speedText(trail.at(index).speed_kmh);
    this.controls.showTime(
      at_ms,
      trail.length ? `${clock} · ${words}` : "",
      `${localLabel(at_ms, day.zone)}, ${words}`,
    );
    this.controls.showLive(this.live);
    this.controls.showPlaying(this.player.playing);
    this.chart.showPlayhead(trail.length ? at_ms : null);
    this.layer?.showReplayed(this.live || index < 0 ? null : this.placeAt(at_ms, index), this.player.playing);
  }

  private gapAt(at_ms: number): Gap | null {
    return this.gaps.find((gap) => gap.from_ms < at_ms && at_ms < gap.to_ms) ?? null;
  }

  /** Between two positions the truck is shown on the way, in a gap at its last known place. */
  private placeAt(at_ms: number, index: number): { latitude: number; longitude: number; heading: number | null } {
    const from = this.trail.at(index);
    if (index + 1 >= this.trail.length || this.gapAt(at_ms)) return from;
    const to = this.trail.at(index + 1);
    const part = (at_ms - from.timestamp_ms) / (to.timestamp_ms - from.timestamp_ms);
    if (Math.abs(to.longitude - from.longitude) > 180) return from;
    return {
      latitude: from.latitude + (to.latitude - from.latitude) * part,
      longitude: from.longitude + (to.longitude - from.longitude) * part,
      heading: from.heading,
    };
  }

  private hover(index: number | null, from: "map" | "chart"): void {
    const { day } = this;
    const known = day && index !== null && index >= 0 && index < this.trail.length;
    if (from === "map") this.chart.showCursor(known ? this.trail.timeAt(index) : null);
    this.tip.hidden = !known;
    if (!known) return this.layer?.showHover(null);
    const at = this.trail.at(index);
    this.layer?.showHover(at);
    setText(this.tip, `${clockLabel(at.timestamp_ms, day.zone, true)} · ${speedText(at.speed_kmh)}`);
  }

  // --- replaying ---

  private fit(): void {
    const box = this.trail.bounds();
    if (box) this.context.map.fit(box);
  }

  private seek(at_ms: number): void {
    this.live = false;
    this.player.seek(at_ms);
    this.drawTime();
  }

  private step(direction: 1 | -1): void {
    const at_ms = this.player.at_ms;
    const index = this.trail.indexAt(at_ms);
    const on = this.trail.length && index >= 0 && this.trail.timeAt(index) === at_ms;
    const next = direction > 0 ? index + 1 : on ? index - 1 : index;
    if (next >= 0 && next < this.trail.length) this.seek(this.trail.timeAt(next));
  }

  private toggle(): void {
    this.live = false;
    this.player.toggle();
    this.drawTime();
    if (this.player.playing) this.run();
    else this.stop();
  }

  private run(): void {
    this.lastFrame_ms = performance.now();
    const next = (now_ms: number): void => {
      const elapsed = Math.max(0, Math.min(250, now_ms - this.lastFrame_ms)); // a sleeping tab does not leap
      this.lastFrame_ms = now_ms;
      this.player.advance(elapsed, (at_ms) => this.gapAt(at_ms));
      this.drawTime();
      if (this.player.playing) this.frame = requestAnimationFrame(next);
    };
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(next);
  }

  private stop(): void {
    cancelAnimationFrame(this.frame);
    this.player.playing = false;
  }

  /** Back to the present: the day of the newest position, its end. */
  private goLive(): void {
    const { zone, store } = this.context;
    this.stop();
    this.live = true;
    const date = localDate(Math.min(this.newest_ms() ?? store.now(), store.now()), zone);
    if (date !== this.day?.date) void this.load(date);
    else this.drawTime();
  }
}

function speedText(speed_kmh: number | null): string {
  return speed_kmh === null ? "speed unknown" : `${Math.round(speed_kmh)} km/h`;
}
