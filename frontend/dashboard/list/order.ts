/** The order of the list, pure: by id (numbers as numbers), state, speed or age. Equal ones stand in the order of ids. */

import { STATES } from "../wire";
import type { State, Truck } from "../wire";

export type SortKey = "state" | "truck_id" | "speed" | "age";

export interface Sort {
  key: SortKey;
  descending: boolean;
}

const RANK = new Map<State, number>(STATES.map((state, index) => [state, index]));

const keys = new Map<string, string>();

/** `TRK-9` before `TRK-10`: runs of digits padded, computed once per id. */
export function idKey(id: string): string {
  let key = keys.get(id);
  if (key === undefined) {
    key = id.replace(/\d+/g, (digits) => digits.padStart(16, "0"));
    keys.set(id, key);
  }
  return key;
}

/** Return the ids in order; unknown speeds and ages come last in either direction. */
export function sorted(trucks: readonly Truck[], { key, descending }: Sort): string[] {
  const sign = descending ? -1 : 1;
  const byId = (one: Truck, other: Truck): number => compare(idKey(one.truck_id), idKey(other.truck_id));
  const value = (truck: Truck): number | null => {
    if (key === "state") return RANK.get(truck.state) ?? null;
    if (key === "speed") return truck.speed_kmh;
    return truck.fresh_ms === null ? null : -truck.fresh_ms; // the youngest has the smallest age
  };
  const order =
    key === "truck_id"
      ? (one: Truck, other: Truck) => sign * byId(one, other)
      : (one: Truck, other: Truck) => {
          const [a, b] = [value(one), value(other)];
          if (a === b) return byId(one, other);
          if (a === null) return 1;
          if (b === null) return -1;
          return sign * (a - b);
        };
  return [...trucks].sort(order).map((truck) => truck.truck_id);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Where to scroll so that a row is in view; the present place when it is already. */
export function scrollFor(index: number, rowHeight: number, top: number, height: number): number {
  const start = index * rowHeight;
  if (start < top) return start;
  if (start + rowHeight > top + height) return start + rowHeight - height;
  return top;
}
