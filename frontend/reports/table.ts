/** Tables: sorting by any column, figures right-aligned with their unit, pages beyond 1,000 rows, exports. */

import { element } from "../shared/dom";
import { number } from "../shared/format";
import { exportUrl, ROWS_PER_PAGE, type Format } from "./data";
import { sorted } from "./model";

export interface Column<Row extends object> {
  key: string;
  label: string;
  /** Figures are right-aligned and start sorting from the largest. */
  figure?: boolean;
  /** What the heading means, where its words do not say it all. */
  title?: string;
  show: (row: Row) => Node | string;
}

export interface TableOptions<Row extends object> {
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  /** Null: the rows keep the order they came in, and the headings do not sort. */
  sort: string | null;
  onSort?: (sort: string) => void;
  empty: Node;
  /** Several tables of a screen scroll on their own; a single long one does not need to. */
  tall?: boolean;
}

/** A table of at most 1,000 rows at a time. */
export function table<Row extends object>(options: TableOptions<Row>): HTMLElement {
  if (!options.rows.length) return element("div", {}, options.empty);
  const rows = options.sort ? sorted(options.rows, options.sort) : options.rows;
  const box = element("div", {
    class: options.tall ? "table-box tall" : "table-box",
    attributes: { tabindex: 0, role: "region", "aria-label": options.caption },
  });
  const holder = element("div", {}, box);
  let first = 0;
  const draw = (): void => {
    box.replaceChildren(grid(options, rows.slice(first, first + ROWS_PER_PAGE)));
    box.scrollTop = 0;
    if (rows.length > ROWS_PER_PAGE) {
      holder.replaceChildren(
        box,
        pager({
          first,
          shown: Math.min(ROWS_PER_PAGE, rows.length - first),
          total: rows.length,
          previous: first > 0 ? () => ((first -= ROWS_PER_PAGE), draw()) : null,
          next: first + ROWS_PER_PAGE < rows.length ? () => ((first += ROWS_PER_PAGE), draw()) : null,
        }),
      );
    }
  };
  draw();
  return holder;
}

function grid<Row extends object>(options: TableOptions<Row>, rows: readonly Row[]): HTMLTableElement {
  const { columns, sort, onSort } = options;
  const by = sort?.replace(/^-/, "");
  const heads = columns.map((column) => {
    const chosen = column.key === by;
    const down = chosen && sort?.startsWith("-");
    const head = element("th", {
      class: column.figure ? "number" : "",
      attributes: {
        scope: "col",
        title: column.title,
        "aria-sort": chosen ? (down ? "descending" : "ascending") : null,
      },
    });
    if (!onSort) head.textContent = column.label;
    else {
      const first = column.figure ? `-${column.key}` : column.key;
      const next = chosen ? (down ? column.key : `-${column.key}`) : first;
      head.append(
        element(
          "button",
          {
            class: "plain sort",
            attributes: { type: "button", "data-sort": column.key },
            on: { click: () => onSort(next) },
          },
          column.label,
          element("span", {
            class: "arrow",
            text: chosen ? (down ? "\u2193" : "\u2191") : "",
            attributes: { "aria-hidden": "true" },
          }),
        ),
      );
    }
    return head;
  });
  const body = element("tbody");
  for (const row of rows) {
    const line = element("tr");
    columns.forEach((column, place) => {
      const cell = place
        ? element("td", { class: column.figure ? "number" : "" })
        : element("th", { class: "row-head", attributes: { scope: "row" } });
      cell.append(column.show(row));
      line.append(cell);
    });
    body.append(line);
  }
  return element(
    "table",
    { class: "data" },
    element("caption", { class: "visually-hidden", text: options.caption }),
    element("thead", {}, element("tr", {}, ...heads)),
    body,
  );
}

export interface PagerOptions {
  first: number;
  shown: number;
  total: number | null;
  previous: (() => void) | null;
  next: (() => void) | null;
  noun?: string;
}

/** `Rows 1-1,000 of 2,345` with buttons for the pages around it. */
export function pager({ first, shown, total, previous, next, noun = "Rows" }: PagerOptions): HTMLElement {
  const all = total === null ? (next ? " of more" : "") : ` of ${number(total)}`;
  const button = (text: string, go: (() => void) | null): HTMLButtonElement =>
    element("button", { text, attributes: { type: "button", disabled: go === null }, on: { click: () => go?.() } });
  return element(
    "nav",
    { class: "pager", attributes: { "aria-label": `Pages of ${noun.toLowerCase()}` } },
    button("Previous", previous),
    element("span", { text: `${noun} ${number(first + 1)}\u2013${number(first + shown)}${all}` }),
    button("Next", next),
  );
}

/** Links to the files of a table, made by the server with the same filter, zone and order. */
export function exports(
  table_name: string,
  query: Parameters<typeof exportUrl>[2],
  sort: string | null = null,
  formats: Format[] = ["csv", "xlsx", "parquet"],
): HTMLElement {
  const names: Record<Format, string> = {
    csv: "CSV",
    xlsx: "XLSX",
    parquet: "Parquet",
    gpx: "GPX",
    geojson: "GeoJSON",
  };
  return element(
    "p",
    { class: "exports no-print", attributes: { role: "group", "aria-label": `Export ${table_name}` } },
    element("span", { class: "quiet", text: "Export" }),
    ...formats.map((format) =>
      element("a", {
        class: "button",
        text: names[format],
        attributes: {
          href: exportUrl(table_name, format, query, sort),
          download: true,
          "aria-label": `${table_name} as ${names[format]}`,
        },
      }),
    ),
  );
}
