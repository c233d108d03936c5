/** The speed line of a day: gaps stay empty, the hours are the local clock's, the pointer finds a position. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onAppearance, token } from "../../shared/appearance";
import { element } from "../../shared/dom";
import { type Day, instantAt, shareOf, ticksOf } from "./timeline";
import type { Trail } from "./trail";

/** Room left and right of the plot; the strips below the chart have the same. */
export const LEFT_PX = 40;
export const RIGHT_PX = 10;
const TICK_PX = 64;

export interface ChartEvents {
  hovered(at_ms: number | null): void;
  pressed(at_ms: number): void;
}

export class SpeedChart {
  readonly root = element("div", { class: "speed-chart" });
  private readonly playhead = element("div", { class: "playhead" });
  private plot: uPlot | null = null;
  private day: Day | null = null;
  private fromPointer = true;

  constructor(private readonly events: ChartEvents) {
    new ResizeObserver(() => this.resize()).observe(this.root);
    onAppearance(() => this.rebuild());
  }

  show(day: Day, trail: Trail): void {
    const another = day.from_ms !== this.day?.from_ms || day.to_ms !== this.day.to_ms;
    this.day = day;
    if (another || !this.plot) this.rebuild();
    this.plot?.setData(trail.speedColumns() as uPlot.AlignedData);
    this.plot?.setScale("x", { min: day.from_ms / 1000, max: day.to_ms / 1000 });
  }

  showPlayhead(at_ms: number | null): void {
    if (!this.day || at_ms === null) {
      this.playhead.hidden = true;
      return;
    }
    this.playhead.hidden = false;
    const width = this.root.clientWidth - LEFT_PX - RIGHT_PX;
    this.playhead.style.transform = `translateX(${shareOf(this.day, at_ms) * width}px)`;
  }

  /** Put the cursor where the map's pointer is. */
  showCursor(at_ms: number | null): void {
    if (!this.plot || !this.day) return;
    this.fromPointer = false;
    const left = at_ms === null ? -10 : this.plot.valToPos(at_ms / 1000, "x");
    this.plot.setCursor({ left, top: at_ms === null ? -10 : 0 });
    this.fromPointer = true;
  }

  private rebuild(): void {
    const data = this.plot?.data ?? ([[], []] as uPlot.AlignedData);
    this.plot?.destroy();
    this.plot = null;
    const { day } = this;
    if (!day || this.root.clientWidth === 0) return;
    const [text, line, stroke] = [token("--text-2"), token("--line"), token("--text")];
    const font = `11px ${token("--font")}`;
    const axis = { stroke: text, font, ticks: { show: false } };
    this.plot = new uPlot(
      {
        width: this.root.clientWidth,
        height: this.root.clientHeight,
        padding: [8, RIGHT_PX, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
        scales: {
          x: { time: false, range: () => [day.from_ms / 1000, day.to_ms / 1000] },
          y: { range: (_plot, _least, most) => [0, Math.max(30, Math.ceil((most ?? 0) / 10) * 10 + 5)] },
        },
        axes: [
          {
            ...axis,
            size: 20,
            gap: 4,
            grid: { stroke: line, width: 1 },
            splits: () => this.ticks().map((tick) => tick.at_ms / 1000),
            values: () => this.ticks().map((tick) => tick.label),
          },
          { ...axis, size: LEFT_PX, gap: 6, grid: { stroke: line, width: 1 }, space: 24 },
        ],
        series: [{}, { stroke, width: 1, points: { show: false }, spanGaps: false }],
        hooks: {
          ready: [(plot) => plot.over.append(this.playhead)],
          setCursor: [
            (plot) => {
              if (!this.fromPointer) return;
              const { left } = plot.cursor;
              const at = left === undefined || left < 0 ? null : plot.posToVal(left, "x") * 1000;
              this.events.hovered(at);
            },
          ],
        },
      },
      data,
      this.root,
    );
    this.plot.over.addEventListener("click", (event) => {
      const width = this.plot?.over.clientWidth ?? 1;
      this.events.pressed(instantAt(day, event.offsetX / width));
    });
  }

  private ticks() {
    if (!this.day) return [];
    return ticksOf(this.day, Math.max(2, Math.floor((this.root.clientWidth - LEFT_PX) / TICK_PX)));
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (width === 0) return;
    if (this.plot) this.plot.setSize({ width, height });
    else this.rebuild();
  }
}
