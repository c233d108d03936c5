/**
 * Utilisation: truck by hour, the darker the longer it drove. Drawn on a canvas, 40 trucks at a time.
 *
 * Arrow keys move a cursor over the cells and read them out; beside it the same figures are there as a table.
 */

import { onAppearance, token } from "../shared/appearance";
import { announce, element } from "../shared/dom";
import { minutes as minutesText, number } from "../shared/format";
import { clockLabel, dayLabel, localDate, localTime } from "../shared/time";
import type { HeatMap } from "./answers";
import { heatDays, heatRows } from "./model";
import { onPaper, paperWidth } from "./paper";
import { linkTo, type Site } from "./page";
import { pager } from "./table";

const TRUCKS_PER_PAGE = 40;
const ROW_PX = 16;
const LEAST_PX = 3;
const HEAD_PX = 34;

/** More hours than this cannot be told apart: longer periods show days. */
const MOST_HOURS = 45 * 24;

interface Cells {
  rows: { truck_id: string; minutes: (number | null)[] }[];
  /** Begin of each column. */
  hours_ms: number[];
  tz: string;
  /** Columns are days, not hours. */
  days: boolean;
}

/** Minutes of driving that make the darkest cell. */
const fullMinutes = (days: boolean): number => (days ? 720 : 60);

/** The map of these trucks, in this order. */
export function heatmap(place: Site, map: HeatMap, trucks: readonly string[]): HTMLElement {
  const { tz } = place.view;
  const days = map.hours.length > MOST_HOURS;
  const shown = days ? heatDays(map, (hour) => localDate(Date.parse(hour), tz)) : map;
  const all = heatRows(shown, trucks);
  const hours_ms = shown.hours.map((hour) => Date.parse(hour));
  const holder = element("div");
  let first = 0;
  const draw = (): void => {
    const cells = { rows: all.slice(first, first + TRUCKS_PER_PAGE), hours_ms, tz, days };
    const parts: Node[] = [grid(place, cells), legend(days), alternative(place, cells)];
    if (all.length > TRUCKS_PER_PAGE) {
      const move = (by: number) => () => ((first += by), draw());
      parts.push(
        pager({
          first,
          shown: cells.rows.length,
          total: all.length,
          previous: first > 0 ? move(-TRUCKS_PER_PAGE) : null,
          next: first + TRUCKS_PER_PAGE < all.length ? move(TRUCKS_PER_PAGE) : null,
          noun: "Trucks",
        }),
      );
    }
    holder.replaceChildren(...parts);
  };
  draw();
  return holder;
}

function cellText({ rows, hours_ms, tz, days }: Cells, row: number, column: number): string {
  const [truck, hour_ms] = [rows[row], hours_ms[column]];
  if (!truck || hour_ms === undefined) return "";
  const value = truck.minutes[column] ?? null;
  const date = dayLabel(localDate(hour_ms, tz), { year: days });
  const when = days ? date : `${date} ${clockLabel(hour_ms, tz)}\u2013${clockLabel(hour_ms + 3_600_000, tz)}`;
  return `${truck.truck_id}, ${when}: ${value === null ? "no positions" : `${minutesText(value)} driving`}`;
}

function grid(place: Site, cells: Cells): HTMLElement {
  const canvas = element("canvas", { attributes: { "aria-hidden": "true" } });
  const readout = element("p", {
    class: "readout quiet",
    text: "Point at an hour, or use the arrow keys, to read it.",
  });
  const scroller = element(
    "div",
    {
      class: "heat-scroll",
      attributes: {
        tabindex: 0,
        role: "group",
        "aria-label": "Utilisation by truck and hour; arrow keys read the cells",
      },
    },
    canvas,
  );
  const labels = element("div", { class: "heat-labels" });
  for (const { truck_id } of cells.rows)
    labels.append(linkTo(place, { screen: "truck", truck: truck_id, trucks: [] }, truck_id));
  let [row, column, cell_px] = [-1, -1, LEAST_PX];

  const paint = (room = scroller.clientWidth, least = LEAST_PX): void => {
    if (!room) return;
    cell_px = Math.max(least, Math.floor((room / cells.hours_ms.length) * 100) / 100);
    drawCells(canvas, cells, cell_px, row, column);
  };
  const point = (nextRow: number, nextColumn: number, aloud: boolean): void => {
    row = Math.max(0, Math.min(cells.rows.length - 1, nextRow));
    column = Math.max(0, Math.min(cells.hours_ms.length - 1, nextColumn));
    readout.textContent = cellText(cells, row, column);
    if (aloud) {
      announce(readout.textContent);
      const x = column * cell_px;
      if (x < scroller.scrollLeft) scroller.scrollLeft = x - 8;
      else if (x + cell_px > scroller.scrollLeft + scroller.clientWidth)
        scroller.scrollLeft = x + cell_px + 8 - scroller.clientWidth;
    }
    paint();
  };
  scroller.addEventListener("keydown", (event) => {
    const steps: Record<string, [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      Home: [0, -cells.hours_ms.length],
      End: [0, cells.hours_ms.length],
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    point(row + step[0], column + step[1], true);
  });
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const at = Math.floor((event.clientY - box.top - HEAD_PX) / ROW_PX);
    if (at >= 0) point(at, Math.floor((event.clientX - box.left) / cell_px), false);
  });
  canvas.addEventListener("pointerleave", () => ([row, column] = [-1, -1]) && paint());
  new ResizeObserver(() => paint()).observe(scroller);
  const onPage = (): void => paint(paperWidth(scroller) - labels.offsetWidth - 8, 0.1);
  onPaper(scroller, onPage, () => paint());
  const stop = onAppearance(() => (canvas.isConnected ? paint() : stop()));
  return element("div", {}, element("div", { class: "heat" }, labels, scroller), readout);
}

function drawCells(canvas: HTMLCanvasElement, cells: Cells, cell_px: number, row: number, column: number): void {
  const { rows } = cells;
  const { hours_ms } = cells;
  const [width, height] = [Math.ceil(cell_px * hours_ms.length), HEAD_PX + rows.length * ROW_PX];
  const ratio = Math.max(2, window.devicePixelRatio || 1); // sharp on paper, too
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(ratio, ratio);
  const [blue, line, quiet, empty, ink] = [
    token("--moving"),
    token("--line"),
    token("--text-2"),
    token("--surface-2"),
    token("--text"),
  ];
  pen.font = `12px ${token("--font")}`;
  heads(pen, cells, cell_px, width, { line, quiet, ink, height });
  const gap = cell_px >= 6 ? 1 : 0;
  const full = fullMinutes(cells.days);
  rows.forEach(({ minutes }, place) => {
    const y = HEAD_PX + place * ROW_PX;
    for (let hour = 0; hour < hours_ms.length; hour += 1) {
      const value = minutes[hour] ?? null;
      pen.fillStyle = value ? blue : value === null ? empty : line;
      pen.globalAlpha = value ? 0.18 + 0.82 * Math.min(1, value / full) : 1;
      // Never a position: a low dash instead of a cell, so that "nothing known" and "did not drive" differ.
      if (value === null) pen.fillRect(hour * cell_px, y + ROW_PX / 2, cell_px - gap, 1);
      else pen.fillRect(hour * cell_px, y + 1, cell_px - gap, ROW_PX - 2);
    }
  });
  pen.globalAlpha = 1;
  if (row >= 0 && column >= 0) {
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(column * cell_px + 0.5, HEAD_PX + row * ROW_PX + 1, Math.max(2, cell_px - gap - 1), ROW_PX - 2);
  }
}

/** Days above, hours below where they fit, a line where a day begins; of days the months. */
function heads(
  pen: CanvasRenderingContext2D,
  { hours_ms, tz, days }: Cells,
  cell_px: number,
  width: number,
  look: { line: string; quiet: string; ink: string; height: number },
): void {
  const step = days ? 0 : ([1, 2, 3, 6, 12].find((hours) => hours * cell_px >= 26) ?? 0);
  let lastDay = "";
  let free_px = -1;
  hours_ms.forEach((hour_ms, place) => {
    const x = place * cell_px;
    const { hour } = localTime(hour_ms, tz);
    const date = localDate(hour_ms, tz);
    const part = days ? date.slice(0, 7) : date;
    if (part !== lastDay) {
      lastDay = part;
      pen.fillStyle = look.line;
      if (place) pen.fillRect(x - 0.5, 0, 1, look.height);
      const words = days
        ? dayLabel(date, { weekday: false }).split(" ").slice(1).join(" ")
        : dayLabel(date, { year: false });
      if (x >= free_px && x + pen.measureText(words).width <= width) {
        pen.fillStyle = look.ink;
        pen.fillText(words, x + 3, 12);
        free_px = x + pen.measureText(words).width + 12;
      }
    }
    if (step && hour % step === 0 && x + 16 <= width) {
      pen.fillStyle = look.quiet;
      pen.fillText(String(hour).padStart(2, "0"), x + 2, 28);
    }
  });
}

function legend(days: boolean): HTMLElement {
  const steps = [1, 2, 3, 4].map((step) => element("i", { class: `heat-step heat-${step}` }));
  return element(
    "p",
    { class: "legend quiet small", attributes: { "aria-hidden": "true" } },
    element("i", { class: "heat-none" }),
    "no positions",
    element("i", { class: "heat-step heat-0" }),
    "not driving",
    ...steps,
    days ? "up to 12 h driving in the day" : "up to 60 min driving in the hour",
  );
}

/** The same figures for reading: by hour for one day, by day for more. */
function alternative(place: Site, cells: Cells): HTMLElement {
  const details = element("details", { class: "alternative" }, element("summary", { text: "Utilisation as a table" }));
  details.addEventListener("toggle", () => {
    if (!details.open || details.querySelector("table")) return;
    const byDay = cells.days || cells.hours_ms.length > 25;
    const name = (hour_ms: number): string =>
      byDay ? dayLabel(localDate(hour_ms, cells.tz), { year: false }) : clockLabel(hour_ms, cells.tz);
    const groups: { name: string; columns: number[] }[] = [];
    cells.hours_ms.forEach((hour_ms, column) => {
      const found = name(hour_ms);
      const last = groups.at(-1);
      if (byDay && last?.name === found) last.columns.push(column);
      else groups.push({ name: found, columns: [column] });
    });
    const body = element("tbody");
    for (const { truck_id, minutes } of cells.rows) {
      const line = element(
        "tr",
        {},
        element(
          "th",
          { attributes: { scope: "row" } },
          linkTo(place, { screen: "truck", truck: truck_id, trucks: [] }, truck_id),
        ),
      );
      for (const { columns } of groups) {
        const known = columns.map((column) => minutes[column] ?? null).filter((value) => value !== null);
        const sum = known.length ? known.reduce((total, value) => total + value, 0) : null;
        line.append(element("td", { class: "number", text: byDay ? minutesText(sum) : number(sum) }));
      }
      body.append(line);
    }
    details.append(
      element(
        "div",
        {
          class: "table-box tall",
          attributes: { tabindex: 0, role: "region", "aria-label": "Utilisation as a table" },
        },
        element(
          "table",
          { class: "data" },
          element("caption", {
            class: "visually-hidden",
            text: byDay ? "Time driven per truck and day" : "Minutes driven per truck and hour",
          }),
          element(
            "thead",
            {},
            element(
              "tr",
              {},
              element("th", { text: "Truck", attributes: { scope: "col" } }),
              ...groups.map((group) =>
                element("th", { class: "number", text: group.name, attributes: { scope: "col" } }),
              ),
            ),
          ),
          body,
        ),
      ),
    );
  });
  return details;
}
