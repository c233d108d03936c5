/** The reporting application's page: the URL decides what is shown, every link and choice changes the URL. */

import "../shared/theme.css";
import "./reports.css";
import "./print.css";
import { api, ApiError } from "../shared/api";
import { startAppearance, switchAppearance } from "../shared/appearance";
import { announce, element, icon, ICONS } from "../shared/dom";
import { count, number } from "../shared/format";
import { browserZone, clockLabel, periodLabel } from "../shared/time";
import type { Answer, Range } from "./answers";
import { askRange, forget } from "./data";
import { drawCompare } from "./compare";
import { filters } from "./filters";
import { drawFleet } from "./fleet";
import { drawLinks, saveDialog } from "./links";
import { instant, site, zoneLabel, type Drawn, type Site } from "./page";
import { openNotesOnPaper } from "./paper";
import { resolve } from "./periods";
import { drawQuality } from "./quality";
import { drawRows, TITLES } from "./rows";
import { drawTruck } from "./truck";
import { change, parseView, SCREENS, viewQuery, type Screen, type View } from "./view";

const NAMES: Record<Screen, string> = {
  fleet: "Fleet",
  truck: "Trucks",
  quality: "Data quality",
  compare: "Compare",
  rows: "Rows",
  links: "Saved links",
};
const DRAW: Record<Screen, (place: Site) => Promise<Drawn>> = {
  fleet: drawFleet,
  truck: drawTruck,
  quality: drawQuality,
  compare: drawCompare,
  rows: drawRows,
  links: drawLinks,
};
const RETRY_MS = 10_000;
const EMPTY_RETRY_MS = 60_000;

const top = element("header", { class: "top" });
const bar = element("div", { class: "bar" });
const heading = element("div", { class: "heading" });
const trouble = element("div", { class: "trouble", attributes: { role: "alert" } });
const content = element("div", { class: "content" });
const main = element("main", { attributes: { id: "main", tabindex: -1 } }, heading, trouble, content);

/** Where the live dashboard is, when this server was told. */
const dashboard = element("a", { class: "elsewhere no-print", text: "Live dashboard", attributes: { hidden: true } });

let round = 0;
let failing_since_ms: number | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let shown: Screen | null = null;

function go(next: View, replace: boolean): void {
  const query = viewQuery(next);
  if (replace) history.replaceState(null, "", query);
  else history.pushState(null, "", query);
  void show();
}

async function show(): Promise<void> {
  round += 1;
  const mine = round;
  clearTimeout(retry);
  const slow = setTimeout(() => mine === round && content.setAttribute("aria-busy", "true"), 150);
  const asked = parseView(location.search, browserZone());
  try {
    const range = await askRange(asked.tz);
    const period = asked.period ?? resolve(asked.preset ?? "latest", Date.now(), asked.tz, range);
    const view = { ...asked, period, preset: null };
    if (mine !== round) return;
    if (viewQuery(view) !== location.search) history.replaceState(null, "", viewQuery(view));
    const place = site(view, range, go);
    navigation(place);
    bar.replaceChildren(filters(place, Date.now()));
    const drawn = await DRAW[view.screen](place);
    if (mine !== round) return;
    settle(place, range, drawn);
  } catch (error) {
    if (mine === round) fail(asked, error);
  } finally {
    clearTimeout(slow);
    if (mine === round) content.removeAttribute("aria-busy");
  }
}

function settle(place: Site, range: Range, { nodes, answer }: Drawn): void {
  failing_since_ms = null;
  trouble.replaceChildren();
  head(place, answer);
  content.replaceChildren(...nodes);
  if (shown !== null && shown !== place.view.screen) {
    scrollTo(0, 0);
    announce(NAMES[place.view.screen]);
  }
  shown = place.view.screen;
  if (range.last === null) retry = setTimeout(refresh, EMPTY_RETRY_MS);
}

function refresh(): void {
  forget();
  void show();
}

/** What happened, since when, and what the page does about it; what was loaded before stays. */
function fail(view: View, error: unknown): void {
  failing_since_ms ??= Date.now();
  const told = error instanceof ApiError ? error : null;
  const again = told === null || told.retryable;
  const since = clockLabel(failing_since_ms, view.tz, true);
  if (!top.childElementCount) {
    const period = view.period ?? resolve("yesterday", Date.now(), view.tz, { first: null, last: null });
    navigation(site({ ...view, period }, { first: null, last: null, trucks: [], zones: [] }, go));
  }
  trouble.replaceChildren(
    element(
      "div",
      { class: "notice error" },
      element("strong", { text: told ? told.message : "This page could not be drawn." }),
      element("span", { text: ` ${told ? told.hint : String(error)} ` }),
      element("span", {
        class: "quiet",
        text: again
          ? `Since ${since} ${view.tz}; trying again every ${RETRY_MS / 1000} s.${content.childElementCount ? " Below is what was loaded before." : ""}`
          : "",
      }),
      element("button", { text: "Try again now", attributes: { type: "button" }, on: { click: refresh } }),
    ),
  );
  if (!again) content.replaceChildren();
  if (again) retry = setTimeout(refresh, RETRY_MS);
}

function navigation(place: Site): void {
  const entries = SCREENS.map((screen) =>
    element("a", {
      text: NAMES[screen],
      attributes: {
        href: viewQuery(change(place.view, { screen })),
        "data-view": "",
        "aria-current": place.view.screen === screen ? "page" : null,
      },
    }),
  );
  const theme = element("button", {
    class: "plain icon",
    attributes: { type: "button", "aria-label": "Switch between light and dark" },
    on: { click: switchAppearance },
  });
  theme.append(icon(ICONS.theme));
  const button = (text: string, act: () => void): HTMLElement =>
    element("button", { text, attributes: { type: "button" }, on: { click: act } });
  top.replaceChildren(
    element("strong", { class: "brand", text: "truckstream" }),
    element("nav", { attributes: { "aria-label": "Reports" } }, ...entries, dashboard),
    element(
      "div",
      { class: "actions no-print" },
      button("Refresh", refresh),
      button("Save link", () => saveDialog(place, Date.now())),
      button("Print", () => print()),
      theme,
    ),
  );
}

/** The report's name, its filter and zone in words (also on paper), and whether the data is complete. */
function head(place: Site, answer: Answer | null): void {
  const { view } = place;
  const subject =
    view.screen === "truck"
      ? (view.truck ?? place.range.trucks[0] ?? "Trucks")
      : view.screen === "rows"
        ? TITLES[view.table]
        : NAMES[view.screen];
  const period = periodLabel(view.period.from, view.period.to);
  document.title = `${subject}, ${period} \u2013 truckstream reports`;
  const which =
    view.screen === "truck"
      ? ""
      : view.trucks.length
        ? ` \u00b7 ${view.trucks.length > 6 ? `${number(view.trucks.length)} trucks` : view.trucks.join(", ")}`
        : " \u00b7 all trucks";
  const made_ms = instant(answer?.generated_at);
  heading.replaceChildren(
    element("h1", { text: subject }),
    view.screen === "links"
      ? ""
      : element("p", { class: "filter-words", text: `${period} \u00b7 ${zoneLabel(view.tz, view.period)}${which}` }),
    element("p", { class: "quiet made", text: made_ms === null ? "" : `as of ${clockLabel(made_ms, view.tz, true)}` }),
  );
  const notes = answer?.complete.notes ?? [];
  if (answer && notes.length) {
    const { ok } = answer.complete;
    const many = notes.length > 1 ? count(notes.length, "note") : "";
    // What is merely worth knowing (days of 23 hours, figures left out) is said as well, without the alarm.
    const words = ok ? many || "Note" : many ? `The data is not complete: ${many}` : "The data is not complete";
    heading.append(
      element(
        "details",
        { class: ok ? "notice notes" : "notice warning notes", attributes: { open: !many } },
        element("summary", { text: words }),
        element("ul", {}, ...notes.map((note) => element("li", { text: note }))),
        ok
          ? null
          : element("a", {
              text: "Data quality of this period",
              attributes: { href: place.href({ screen: "quality" }), "data-view": "" },
            }),
      ),
    );
  }
}

/** Links inside the page change the view without loading it anew; with Ctrl, Shift or the middle button they open as ever. */
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = event.target instanceof Element ? event.target.closest("a[data-view]") : null;
  const href = link?.getAttribute("href");
  if (!href) return;
  event.preventDefault();
  history.pushState(null, "", href);
  void show();
});
addEventListener("popstate", () => void show());

startAppearance();
openNotesOnPaper();
document.body.append(
  element("a", { class: "skip", text: "Skip to the report", attributes: { href: "#main" } }),
  top,
  bar,
  main,
);
void show();
void api.get<{ web_url: string | null }>("/api/v1/config").then(
  ({ web_url }) => {
    if (!web_url) return;
    dashboard.href = web_url;
    dashboard.hidden = false;
  },
  () => undefined, // only a link: the reports say themselves when the server is away
);
