/** What was just done, for ten seconds, with a way back. One at a time; the pointer or the focus on it keeps it. */

import { element, setText } from "../shared/dom";
import "./toast.css";

export const UNDO_MS = 10_000;

export interface ToastOptions {
  /** Offer to take it back; what it resolves to is said then. */
  undo?: () => Promise<string>;
  tone?: "done" | "error";
  duration_ms?: number;
}

let open: { place: HTMLElement; close: () => void } | null = null;

/** Show a message; the one before goes, and with it its undo. Returns how to close it early. */
export function toast(text: string, options: ToastOptions = {}): () => void {
  open?.close();
  const words = element("span", { text });
  const rest = element("span", { class: "toast-rest", attributes: { "aria-hidden": "true" } });
  const place = element("div", {
    class: `toast panel ${options.tone ?? "done"}`,
    attributes: { role: options.tone === "error" ? "alert" : "status" },
  });
  place.append(words);
  const duration = options.duration_ms ?? UNDO_MS;
  let left_ms = duration;
  let held = false;
  let timer: ReturnType<typeof setInterval> | null = null;
  const close = (): void => {
    if (timer !== null) clearInterval(timer);
    place.remove();
    if (open?.place === place) open = null;
  };
  if (options.undo) {
    const { undo } = options;
    const button = element("button", { text: "Undo", attributes: { type: "button" } });
    button.addEventListener("click", () => {
      button.disabled = true;
      undo().then(
        (said) => toast(said, { duration_ms: 5000 }),
        (error: unknown) => toast(sentenceOfError(error), { tone: "error" }),
      );
    });
    place.append(button, rest);
  }
  place.append(
    element("button", {
      class: "plain",
      text: "Close",
      attributes: { type: "button" },
      on: { click: () => close() },
    }),
  );
  for (const [event, holds] of [
    ["pointerenter", true],
    ["pointerleave", false],
    ["focusin", true],
    ["focusout", false],
  ] as const) {
    place.addEventListener(event, () => (held = holds));
  }
  const tick = (): void => {
    if (left_ms <= 0) close();
    else setText(rest, options.undo ? `${Math.ceil(left_ms / 1000)} s` : "");
  };
  timer = setInterval(() => {
    if (!held) left_ms -= 250;
    tick();
  }, 250);
  document.body.append(place);
  open = { place, close };
  tick();
  return close;
}

/** Return what to tell people of any error. */
export function sentenceOfError(error: unknown): string {
  if (error && typeof error === "object" && "sentence" in error && typeof error.sentence === "string") {
    return error.sentence;
  }
  return error instanceof Error ? error.message : String(error);
}
