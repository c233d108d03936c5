/** Asking the reporting server: one filter for answers and exports alike, and answers kept while they are shown. */

import { address, api, type RequestOptions } from "../shared/api";
import type { Comparison, Fleet, Link, Page, Quality, Range, Route, Row } from "./answers";
import type { Period } from "./periods";
import type { TableName, View } from "./view";

const ROOT = "/api/v1/reports";
export const ROWS_PER_PAGE = 1000;

type Query = NonNullable<RequestOptions["query"]>;

/** What every call and every export carries: period, zone and trucks. */
export function filter(view: Pick<View, "tz" | "trucks">, period: Period, trucks: string[] = view.trucks): Query {
  return { from: period.from, to: period.to, tz: view.tz, trucks: trucks.length ? trucks.join(",") : null };
}

export type Format = "csv" | "xlsx" | "parquet" | "gpx" | "geojson";

/** Where the server makes the file of a table: the same filter, zone and order as on the page. */
export function exportUrl(table: string, format: Format, query: Query, sort: string | null = null): string {
  return address(`${ROOT}/export/${table}.${format}`, { ...query, sort });
}

const kept = new Map<string, Promise<unknown>>();
const KEPT_ANSWERS = 40;

/** Forget all answers, so that the next look asks the server again. */
export function forget(): void {
  kept.clear();
}

function ask<T>(name: string, query: Query): Promise<T> {
  const url = address(`${ROOT}/${name}`, query);
  const found = kept.get(url) as Promise<T> | undefined;
  if (found) return found;
  const asked = api.get<T>(url);
  kept.set(url, asked);
  asked.catch(() => kept.delete(url)); // a failure is not kept: the next try asks again
  if (kept.size > KEPT_ANSWERS) kept.delete(kept.keys().next().value as string);
  return asked;
}

export const askRange = (tz: string): Promise<Range> => ask("range", { tz });

export const askFleet = (view: View, period: Period): Promise<Fleet> => ask("fleet", filter(view, period));

/** The filter of a comparison, for its answer and its exports. */
export function comparing(view: View, period: Period, other: Period): Query {
  return { ...filter(view, period), other_from: other.from, other_to: other.to };
}

export const askComparison = (view: View, period: Period, other: Period): Promise<Comparison> =>
  ask("compare", comparing(view, period, other));

export const askQuality = (view: View, period: Period): Promise<Quality> => ask("quality", filter(view, period));

export function askRows(
  table: TableName,
  query: Query,
  cursor: string | null = null,
  limit = ROWS_PER_PAGE,
): Promise<Page<Row>> {
  return ask(table, { ...query, limit, cursor });
}

export const askRoute = (view: View, period: Period, truck: string): Promise<Route> =>
  ask("route", { ...filter(view, period, []), truck });

export const links = {
  list: (): Promise<{ items: Link[] }> => api.get(`${ROOT}/links`),
  save: (name: string, query: string): Promise<Link> => api.post(`${ROOT}/links`, { name, query }),
  remove: (link_id: string): Promise<null> => api.delete(`${ROOT}/links/${encodeURIComponent(link_id)}`),
};
