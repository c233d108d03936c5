/**
 * Requests to the application's own server: JSON in and out, errors that say what to do, and the sign-in.
 *
 * Every failure is an ApiError; `retryable` tells whether trying again may help. A request that a signed-out
 * browser makes waits for the sign-in and is then made again.
 */

import { element } from "./dom";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly status: number,
    readonly retryable: boolean,
    /** Seconds the server asks to wait, from Retry-After. */
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** What went wrong and what to do, in one line. */
  get sentence(): string {
    const message = this.message.charAt(0).toUpperCase() + this.message.slice(1);
    const ended = /[.!?]$/.test(message) ? message : `${message}.`;
    return this.hint ? `${ended} ${this.hint}` : ended;
  }
}

const LONGEST_PAUSE_S = 10;

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  query?: Record<string, string | number | boolean | null | undefined | readonly string[]>;
  signal?: AbortSignal | undefined;
  /** How often a GET is made while the server asks to come back in a moment (Retry-After). */
  tries?: number;
  /** Ask for the token when the server wants one (default); the live client asks itself. */
  signIn?: boolean;
}

export interface Session {
  role: "viewer" | "dispatcher" | "admin" | "device" | null;
  open: boolean;
}

/** Return the path with its query; lists repeat the name, null leaves it out. */
export function address(path: string, query: RequestOptions["query"] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined) continue;
    if (Array.isArray(value)) for (const each of value as readonly string[]) parameters.append(name, each);
    else parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

/** Ask the server; the answer's JSON, or null where there is none. */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const method = options.method ?? "GET";
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Truckstream"] = "1"; // what a foreign page cannot send
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const made: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.body !== undefined) made.body = JSON.stringify(options.body);
  if (options.signal) made.signal = options.signal;
  let response: Response;
  try {
    response = await fetch(address(path, options.query), made);
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError("The server does not answer.", "Is truckstream still running?", 0, true);
  }
  if (response.status === 401 && options.signIn !== false) {
    await signIn();
    return request(path, { ...options, signIn: false });
  }
  if (!response.ok) {
    const error = await failure(response);
    const tries = options.tries ?? 3;
    if (method !== "GET" || tries <= 1 || error.retryAfterS === null || error.retryAfterS > LONGEST_PAUSE_S)
      throw error;
    await new Promise((resolve) => setTimeout(resolve, (error.retryAfterS ?? 1) * 1000));
    options.signal?.throwIfAborted();
    return request(path, { ...options, tries: tries - 1 });
  }
  if (response.status === 204) return null as T;
  return (await response.json()) as T;
}

async function failure(response: Response): Promise<ApiError> {
  const wait = Number(response.headers.get("Retry-After"));
  let told: { error?: unknown; hint?: unknown; retryable?: unknown } = {};
  try {
    told = (await response.json()) as typeof told;
  } catch {
    // A proxy's page, perhaps; the status is all there is to tell.
  }
  const retryable =
    typeof told.retryable === "boolean" ? told.retryable : [429, 502, 503, 504].includes(response.status);
  return new ApiError(
    typeof told.error === "string" ? told.error : `The server answered ${response.status}.`,
    typeof told.hint === "string" ? told.hint : "",
    response.status,
    retryable,
    wait > 0 ? wait : null,
  );
}

export const api = {
  get: <T>(path: string, query?: RequestOptions["query"], signal?: AbortSignal) =>
    request<T>(path, { ...(query ? { query } : {}), signal }),
  post: <T>(path: string, body?: unknown, query?: RequestOptions["query"]) =>
    request<T>(path, { method: "POST", body, ...(query ? { query } : {}) }),
  put: <T>(path: string, body?: unknown) => request<T>(path, { method: "PUT", body }),
  delete: <T>(path: string) => request<T>(path, { method: "DELETE" }),
  session: () => request<Session>("/api/v1/session", { signIn: false }),
};

/** Return every item of a list, page by page. */
export async function all<T>(path: string, query: RequestOptions["query"] = {}, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: T[]; next: string | null } = await api.get(path, { limit: 10000, ...query, cursor }, signal);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return items;
}

let asking: Promise<void> | null = null;

/** Show the sign-in page over the application until a token was accepted; callers share one. */
export function signIn(): Promise<void> {
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

function ask(): Promise<void> {
  return new Promise((resolve) => {
    const token = element("input", {
      attributes: {
        type: "password",
        name: "token",
        autocomplete: "current-password",
        required: true,
        autofocus: true,
      },
    });
    const problem = element("p", { class: "field-error", attributes: { role: "alert" } });
    const button = element("button", { class: "primary", text: "Sign in", attributes: { type: "submit" } });
    const form = element(
      "form",
      { class: "sign-in panel" },
      element("h1", { text: "truckstream" }),
      element("label", { class: "field" }, element("span", { text: "Access token" }), token),
      problem,
      button,
      element(
        "p",
        { class: "quiet small" },
        "Whoever runs this server makes tokens on its command line. The browser keeps it in a cookie that scripts cannot read.",
      ),
    );
    const page = element("main", { class: "sign-in-page" }, form);
    const others = [...document.body.children].filter((child): child is HTMLElement => child instanceof HTMLElement);
    const shown = others.filter((child) => !child.hidden);
    for (const child of shown) child.hidden = true;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      button.disabled = true;
      problem.textContent = "";
      request("/api/v1/session", { method: "POST", body: { token: token.value.trim() }, signIn: false }).then(
        () => {
          page.remove();
          for (const child of shown) child.hidden = false;
          resolve();
        },
        (error: unknown) => {
          button.disabled = false;
          token.select();
          problem.textContent = error instanceof ApiError ? error.sentence : String(error);
        },
      );
    });
    document.body.append(page);
    token.focus();
  });
}
