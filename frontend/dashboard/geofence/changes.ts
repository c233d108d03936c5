/** What an edit changed, what a preview says and what a rule means, in sentences. */

import { count, number as fixed } from "../../shared/format";
import { distanceM } from "../../shared/geodesy";
import type { Draft, Rule, WireGeofence } from "./draft";
import { lengthM, same, type Shape, verticesOf } from "./shape";

export interface Preview {
  enter: number;
  exit: number;
  dwell: number;
  speeding: number;
  alerts: number;
  trucks: number;
  warnings?: string[];
}

/** Returns one phrase per thing that differs; empty when nothing does. */
export function changesBetween(before: Draft, after: Draft): string[] {
  const changes: string[] = [];
  if (before.name !== after.name) changes.push(`name “${before.name}” is now “${after.name}”`);
  changes.push(...shapeChanges(before.shape, after.shape));
  const old = before.rule;
  const now = after.rule;
  if (old.active !== now.active) changes.push(now.active ? "switched on" : "switched off");
  if (old.alert_on !== now.alert_on) changes.push(`alerts ${alertOnWords(old)} are now ${alertOnWords(now)}`);
  const [trucksBefore, trucksNow] = [trucksWords(old), trucksWords(now)];
  if (trucksBefore !== trucksNow) changes.push(`for ${trucksNow} instead of ${trucksBefore}`);
  value("exit buffer", old.exit_buffer_meters || null, now.exit_buffer_meters || null, "m");
  value("confirming positions", old.confirm_fixes, now.confirm_fixes, "");
  value("dwell time", old.dwell_minutes, now.dwell_minutes, "min");
  value("speed limit", old.speed_limit_kmh, now.speed_limit_kmh, "km/h");
  if (old.detect_crossing !== now.detect_crossing) {
    changes.push(
      now.detect_crossing ? "passages between two positions count" : "passages between two positions no longer count",
    );
  }
  return changes;

  function value(what: string, was: number | null, is: number | null, unit: string): void {
    if (was === is) return;
    const shown = (x: number): string => `${number(x)}${unit && ` ${unit}`}`;
    if (was === null) changes.push(`${what} ${shown(is!)}`);
    else if (is === null) changes.push(`no ${what} any more (was ${shown(was)})`);
    else changes.push(`${what} ${shown(is)} (was ${shown(was)})`);
  }
}

function shapeChanges(before: Shape | null, after: Shape | null): string[] {
  if (!before || !after) return before === after ? [] : ["shape drawn"];
  if (before.type !== after.type) return [`${before.type} is now a ${after.type}`];
  const changes: string[] = [];
  if (before.type === "circle" && after.type === "circle") {
    if (!same(before.center, after.center))
      changes.push(`centre moved by ${metres(distanceM(before.center, after.center))}`);
    if (before.radius_m !== after.radius_m)
      changes.push(`radius ${metres(after.radius_m)} (was ${metres(before.radius_m)})`);
    return changes;
  }
  if (before.type === "corridor" && after.type === "corridor" && before.width_m !== after.width_m) {
    changes.push(`width ${metres(after.width_m)} (was ${metres(before.width_m)})`);
  }
  const [was, is] = [verticesOf(before), verticesOf(after)];
  if (was.length !== is.length) changes.push(`${number(is.length)} vertices (was ${number(was.length)})`);
  else {
    const moved = was.filter((point, i) => !same(point, is[i]!)).length;
    if (moved) changes.push(moved === 1 ? "one vertex moved" : `${number(moved)} vertices moved`);
  }
  return changes;
}

/** Returns the preview line: what the rule would have done in a time. */
export function previewSentence(preview: Preview, span = "in the last 24 h"): string {
  if (!preview.alerts) {
    const crossed = preview.enter + preview.exit;
    return crossed
      ? `Would not have fired ${span}; ${count(preview.trucks, "truck")} crossed the border ${times(crossed)}.`
      : `Would not have fired ${span}: no truck crossed it.`;
  }
  const parts = [
    preview.enter && `${number(preview.enter)} in`,
    preview.exit && `${number(preview.exit)} out`,
    preview.dwell && `${number(preview.dwell)} long stays`,
    preview.speeding && `${number(preview.speeding)} too fast`,
  ].filter(Boolean);
  return `Would have fired ${times(preview.alerts)} ${span} (${count(preview.trucks, "truck")}; ${parts.join(", ")}).`;
}

/** Returns what a stored geofence is and does, for lists: "circle, 500 m · on exit · VAN-*". */
export function summaryOf(wire: WireGeofence, shape: Shape | null, rule: Rule): string {
  const parts = [shape ? shapeWords(shape) : wire.type, alertOnWords(rule)];
  if (rule.dwell_minutes !== null) parts.push(`stay over ${number(rule.dwell_minutes)} min`);
  if (rule.speed_limit_kmh !== null) parts.push(`over ${number(rule.speed_limit_kmh)} km/h`);
  if (rule.trucks) parts.push(rule.trucks.length > 2 ? `${rule.trucks.length} trucks` : rule.trucks.join(", "));
  return parts.join(" · ");
}

export function shapeWords(shape: Shape): string {
  if (shape.type === "circle") return `circle, radius ${metres(shape.radius_m)}`;
  if (shape.type === "corridor") return `corridor, ${metres(lengthM(shape.path))} long, ${metres(shape.width_m)} wide`;
  const rings = shape.polygons.flat();
  const holes = rings.length - shape.polygons.length;
  const parts = [`${number(verticesOf(shape).length)} vertices`];
  if (shape.polygons.length > 1) parts.push(`${shape.polygons.length} parts`);
  if (holes) parts.push(count(holes, "hole"));
  return `polygon, ${parts.join(", ")}`;
}

/** Returns metres as people say them: 500 m, 1.2 km, 34 km. */
export function metres(value: number): string {
  if (value < 1) return `${Math.round(value * 100) / 100} m`;
  if (value < 1000) return `${Math.round(value)} m`;
  return `${value < 10_000 ? Math.round(value / 100) / 10 : number(Math.round(value / 1000))} km`;
}

/** Returns a number with the decimals it was given, two at most: 1,000 and 0.25. */
function number(value: number): string {
  return fixed(value, Number.isInteger(value) ? 0 : Number.isInteger(value * 10) ? 1 : 2);
}

function times(n: number): string {
  return n === 1 ? "once" : `${number(n)} times`;
}

function alertOnWords(rule: Rule): string {
  return { enter: "on entry", exit: "on exit", both: "on entry and exit" }[rule.alert_on];
}

function trucksWords(rule: Rule): string {
  return rule.trucks?.join(", ") ?? "all trucks";
}
