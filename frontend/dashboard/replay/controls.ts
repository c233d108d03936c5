/** Day, play, speed and slider of the replay, for pointer, keys and screen reader. */

import { element, icon, ICONS, setText } from "../../shared/dom";
import { addDays, dayLabel, isDate, MINUTE_MS } from "../../shared/time";
import { SPEEDS } from "./player";
import { COLOURS, EDGES_KMH, legend, UNKNOWN_CLASS } from "./speed_scale";

const PLAY = "M5 3v10l8-5z";
const PAUSE = "M5 3v10M11 3v10";
const LEFT = "M10 3 5 8l5 5";
const RIGHT = "M6 3l5 5-5 5";

export interface ControlEvents {
  day(date: string): void;
  live(): void;
  toggle(): void;
  speed(speed: number): void;
  seek(at_ms: number): void;
  /** Show the whole trail on the map. */
  fit(): void;
  /** One position back or on. */
  step(direction: 1 | -1): void;
  shiftSpeed(direction: 1 | -1): void;
}

export class ReplayControls {
  readonly bar = element("div", { class: "replay-bar" });
  readonly slider = element("input", {
    class: "replay-slider",
    attributes: { type: "range", step: 1, "aria-label": "Time of the replay" },
  });
  readonly legend = element("div", { class: "speed-legend", attributes: { role: "img" } });
  private readonly date = element("input", { attributes: { type: "date", "aria-label": "Day", required: true } });
  private readonly weekday = element("span", { class: "quiet weekday" });
  private readonly play = element("button", { class: "icon play", attributes: { type: "button" } });
  private readonly speed = element("select", { attributes: { "aria-label": "Speed of the replay" } });
  private readonly live = element("button", { class: "live-now", text: "Now", attributes: { type: "button" } });
  private readonly time = element("span", { class: "replay-time" });
  private readonly status = element("span", { class: "quiet replay-status", attributes: { role: "status" } });
  private readonly next: HTMLButtonElement;
  private readonly whole: HTMLButtonElement;
  private lastDay = "";

  constructor(private readonly events: ControlEvents) {
    const arrow = (path: string, label: string, press: () => void): HTMLButtonElement =>
      element(
        "button",
        {
          class: "plain icon",
          attributes: { type: "button", "aria-label": label, title: label },
          on: { click: press },
        },
        icon(path),
      );
    this.next = arrow(RIGHT, "Day after", () => events.day(addDays(this.date.value, 1)));
    this.whole = arrow(ICONS.fit, "Whole trail on the map", () => events.fit());
    this.whole.classList.add("whole");
    for (const speed of SPEEDS) {
      this.speed.append(element("option", { text: `${speed}×`, attributes: { value: speed } }));
    }
    this.bar.append(
      arrow(LEFT, "Day before", () => events.day(addDays(this.date.value, -1))),
      this.weekday,
      this.date,
      this.next,
      this.play,
      this.speed,
      this.time,
      element("span", { class: "spring" }),
      this.status,
      this.legend,
      this.whole,
      this.live,
    );
    this.date.addEventListener("change", () => isDate(this.date.value) && events.day(this.date.value));
    this.play.addEventListener("click", () => events.toggle());
    this.speed.addEventListener("change", () => events.speed(Number(this.speed.value)));
    this.live.addEventListener("click", () => events.live());
    this.slider.addEventListener("input", () => events.seek(Number(this.slider.value)));
    this.slider.addEventListener("keydown", (event) => this.pressed(event));
    this.buildLegend();
    this.showPlaying(false);
  }

  showDay(date: string, today: string): void {
    this.lastDay = today;
    this.date.value = date;
    this.date.max = today;
    setText(this.weekday, dayLabel(date, { year: false }).split(" ")[0] ?? "");
    this.next.disabled = date >= this.lastDay;
  }

  showRange(from_ms: number, to_ms: number): void {
    this.slider.min = String(from_ms);
    this.slider.max = String(to_ms);
  }

  showPlaying(playing: boolean): void {
    this.play.replaceChildren(icon(playing ? PAUSE : PLAY));
    this.play.setAttribute("aria-label", playing ? "Pause (space)" : "Play (space)");
    this.play.title = playing ? "Pause" : "Play";
  }

  showSpeed(speed: number): void {
    this.speed.value = String(speed);
  }

  /** `spoken` is what a screen reader hears of the slider. */
  showTime(at_ms: number, text: string, spoken: string): void {
    this.slider.value = String(at_ms);
    this.slider.setAttribute("aria-valuetext", spoken);
    setText(this.time, text);
  }

  showLive(live: boolean): void {
    this.live.setAttribute("aria-pressed", String(live));
  }

  showStatus(text: string, failed = false): void {
    setText(this.status, text);
    this.status.title = text; // it is cut where room is short
    this.status.classList.toggle("failed", failed);
  }

  setPlayable(playable: boolean): void {
    this.play.disabled = this.slider.disabled = this.whole.disabled = !playable;
  }

  private pressed(event: KeyboardEvent): void {
    const at_ms = Number(this.slider.value);
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.moveBy(event, -1, at_ms),
      ArrowDown: () => this.moveBy(event, -1, at_ms),
      ArrowRight: () => this.moveBy(event, 1, at_ms),
      ArrowUp: () => this.moveBy(event, 1, at_ms),
      PageUp: () => this.events.seek(at_ms + 10 * MINUTE_MS),
      PageDown: () => this.events.seek(at_ms - 10 * MINUTE_MS),
      Home: () => this.events.seek(Number(this.slider.min)),
      End: () => this.events.seek(Number(this.slider.max)),
      " ": () => this.events.toggle(),
      "+": () => this.events.shiftSpeed(1),
      "-": () => this.events.shiftSpeed(-1),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  private moveBy(event: KeyboardEvent, direction: 1 | -1, at_ms: number): void {
    if (event.shiftKey) this.events.seek(at_ms + direction * MINUTE_MS);
    else this.events.step(direction);
  }

  private buildLegend(): void {
    this.legend.setAttribute(
      "aria-label",
      `Colours of the trail, in km/h: ${legend()
        .map((entry) => entry.words)
        .join(", ")}`,
    );
    this.legend.append(
      element("span", { class: "unit", text: "km/h" }),
      ...COLOURS.light.map((_, index) =>
        element(
          "span",
          { class: `speed-class speed-${index}` },
          element("i"),
          element("span", { text: index === UNKNOWN_CLASS ? "unknown" : String(EDGES_KMH[index] ?? "") }),
        ),
      ),
    );
  }
}
